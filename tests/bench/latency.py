"""Measure latency on hard speech, with one session and with many: `python -m tests.bench.latency`.

Each row is a run of `nova load` against a private system. The clips are LibriSpeech utterances of 2 to 20 s where
../shared is available, otherwise synthesized sentences. Their difficulty is printed with the latencies: the word
error rate of faster-whisper with the same weights (temperature 0, beam 5). Each run speaks some clips more often than
others, so its row has the rate of faster-whisper on the utterances of this run.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import click
import numpy as np

from backend import models
from backend.text.edits import WordErrors
from tests.bench.support.offline_whisper import OfflineWhisper
from tests.testkit import cli
from tests.testkit.audio.clips import RATE, Clip, available_clips, write_manifest
from tests.testkit.system.command import NOVA

SHORTEST_S, LONGEST_S = 2.0, 20.0
# LibriSpeech test-clean and test-other.
CORPUS = "ls-"


@dataclass(frozen=True, slots=True)
class Report:
    """One row for each number of sessions. `difficulty_percent` is a word error rate."""

    clips: int
    audio_s: float
    difficulty_percent: float
    rows: tuple[cli.Row, ...]
    wrong: tuple[str, ...]


def english_clips(folder: Path) -> list[Clip]:
    """All English clips whose text is known."""
    return [clip for clip in available_clips(folder) if clip.language == "en" and clip.kind != "bad-ref"]


def hard_clips(folder: Path) -> list[Clip]:
    """English clips of 2 to 20 s: those of LibriSpeech if there are any."""
    english = english_clips(folder)
    corpus = [clip for clip in english if clip.id.startswith(CORPUS)] or english
    return [clip for clip in corpus if SHORTEST_S <= len(clip.pcm()) / RATE <= LONGEST_S]


@dataclass(frozen=True, slots=True)
class Difficulty:
    """The clips, and what faster-whisper makes of each when it decodes it at once."""

    clips: Sequence[Clip]
    texts: Sequence[str]

    @classmethod
    def of(cls, clips: Sequence[Clip], model: Path) -> Self:
        """Decode all clips with beam 5 at temperature 0."""
        whisper = OfflineWhisper(model, threads=0, beam_size=5)
        sounds = [clip.pcm().astype(np.float32) / np.float32(32_768) for clip in clips]
        return cls(clips, whisper.one_by_one(sounds, temperature=0.0))

    def percent(self, times: Mapping[str, int] | None = None) -> float:
        """The word error rate of faster-whisper on all clips, or on each as often as `times` says, by its path."""
        errors = WordErrors("en")
        for clip, text in zip(self.clips, self.texts, strict=True):
            for _ in range(1 if times is None else times.get(str(clip.path.resolve()), 0)):
                errors.add(clip.text, text)
        return errors.percent


def row(name: str, score: dict[str, Any], cores: float, difficulty: Difficulty) -> cli.Row:
    """The figures of a run for the table, and the word error rate of faster-whisper on the utterances of the run."""
    committed = score["committed"]
    return {
        "run": name,
        "refused": sum(score["refused"].values()),
        "finals": score["final_s"]["count"] if score["final_s"] else 0,
        **dict(percentiles("final", score["final_s"])),
        "worst session p95": score["worst_session_p95_s"] or "",
        **dict(percentiles("first partial", score["first_partial_s"])),
        **dict(percentiles("to final", score["ttfs_s"])),
        "long without partial": f"{score['unshown_long']}/{score['long']}",
        "WER %": score["word_error_percent"],
        "faster-whisper %": difficulty.percent(score["recordings"]),
        "erasure": score["erasure"],
        "committed": committed,
        "contradicted %": 100 * score["contradicted"] / committed if committed else 0.0,
        "cores": cores,
    }


def percentiles(name: str, spread: dict[str, float] | None) -> Iterator[tuple[str, float | str]]:
    """The p50 and p95 of a quantity, by their columns. Empty without a spread."""
    for percentile in ("p50", "p95"):
        yield f"{name} {percentile}", spread[percentile] if spread else ""


def problems(report: dict[str, Any]) -> list[str]:
    """Why the figures of a run are not valid. A refused session is a result: admission protects the others."""
    score = report["score"]
    found = [f"{len(score['missing'])} finals are missing"] if score["missing"] else []
    found += [f"a session ended with {error}" for error in score["errors"]]
    return found + (["the load generator was late"] if score["late"] else [])


def run_load(
    model: str, sessions: int, seconds: float, manifest: Path, options: Sequence[str], out: Path
) -> dict[str, Any]:
    """The report of `nova load`."""
    load = ("load", "--model", model, "--language", "en", "--manifest", str(manifest))
    plan = ("--sessions", str(sessions), "--seconds", f"{seconds:g}", "--seed", "1", *options, "--json", str(out))
    subprocess.run([*NOVA, *load, *plan], check=False, stdout=subprocess.DEVNULL)
    report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return report


@click.command()
@cli.model_option("base")
@click.option("--sessions", "counts", multiple=True, type=click.IntRange(1), help="May be repeated. Default: 1, 6, 10.")
@click.option("--seconds", default=90.0, show_default=True, help="Measured time of each run.")
@click.option("--clips", "limit", type=click.IntRange(1), help="Use only some of the clips. Default: all.")
@click.option("--ttfs/--no-ttfs", default=True, help="Also measure one session with an endpoint of 200 ms.")
@cli.json_option
def main(
    model: str, counts: tuple[int, ...], seconds: float, limit: int | None, ttfs: bool, json_file: Path | None
) -> None:
    """Measure latencies of finals and partials on hard speech."""
    tell = cli.progress()
    with tempfile.TemporaryDirectory(prefix="nova-") as name:
        folder = Path(name)
        clips = hard_clips(folder)[:limit]
        manifest = write_manifest(clips, folder / "clips.jsonl")
        tell(f"{len(clips)} clips: difficulty")
        difficulty = Difficulty.of(clips, models.fetch(model))
        runs: list[tuple[str, int, tuple[str, ...]]] = [
            (f"{count} session{'s' * (count > 1)}", count, ()) for count in counts or (1, 6, 10)
        ]
        runs += [("1 session, endpoint 200 ms", 1, ("--ttfs",))] if ttfs else []
        rows, wrong = [], []
        for label, count, options in runs:
            tell(label)
            report = run_load(model, count, seconds, manifest, options, folder / "load.json")
            cpu_s = sum(usage["cpu_s"] for usage in report["usage"].values())
            rows.append(row(label, report["score"], cpu_s / report["seconds"], difficulty))
            wrong += [f"{label}: {problem}" for problem in problems(report)]
    audio_s = sum(len(clip.pcm()) for clip in clips) / RATE
    found = Report(len(clips), audio_s, difficulty.percent(), tuple(rows), tuple(wrong))
    text = f"{len(clips)} clips, {audio_s:.0f} s, word error rate of faster-whisper {found.difficulty_percent:.1f} %\n"
    cli.finish(found, cli.with_problems([text, cli.table(rows)], wrong), json_file)


if __name__ == "__main__":
    main()
