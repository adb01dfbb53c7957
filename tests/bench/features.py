"""The cost of the features of conversations, and their effect on capacity: `python -m tests.bench.features`.

Each row is a run of `nova load` against a private system whose workers have the models of all features. The first and
the last row are sessions without any of them. All rows have the same speech: the clips of `tests.bench.latency`.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tests.bench.latency import hard_clips, percentiles, problems, run_load
from tests.chaos.features import feature_settings
from tests.testkit import cli
from tests.testkit.audio.clips import write_manifest

FEATURES: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "turns": {"turn_threshold": 0.7, "turn_max_ms": 2_000},
    "interruptions": {"responding": True},
    "speakers": {"speakers": True},
    "formatting": {"formatting": ["fillers", "profanity", "numerals"]},
    "noise reduction": {"denoise": "on"},
    "turns, interruptions, speakers": {"turn_threshold": 0.7, "responding": True, "speakers": True},
    "none again": {},
}


@dataclass(frozen=True, slots=True)
class CostReport:
    """A row for each set of features."""

    clips: int
    sessions: int
    seconds: float
    rows: tuple[cli.Row, ...]
    wrong: tuple[str, ...]


def row(name: str, report: dict[str, Any]) -> cli.Row:
    """Latencies, and the CPU time of a minute of one session by process."""
    score, usage = report["score"], report["usage"]
    final = score["final_s"]

    def per_minute(process: str) -> float:
        spent = (one["cpu_s_per_session_minute"] for place, one in usage.items() if place.startswith(process))
        return float(sum(spent))

    return {
        "features": name,
        "refused": sum(score["refused"].values()),
        "finals": final["count"] if final else 0,
        **dict(percentiles("final", final)),
        **dict(percentiles("first partial", score["first_partial_s"])),
        "WER %": score["word_error_percent"],
        "worker CPU s / min": per_minute("stt_worker"),
        "gateway CPU s / min": per_minute("gateway"),
    }


@click.command()
@cli.model_option("base")
@click.option("--sessions", default=4, show_default=True, type=click.IntRange(1), help="Sessions of each run.")
@click.option("--seconds", default=60.0, show_default=True, help="Measured time of each run.")
@cli.json_option
def main(model: str, sessions: int, seconds: float, json_file: Path | None) -> None:
    """Measure what each feature costs. Needs the models in ../shared."""
    tell, rows, wrong = cli.progress(), [], list[str]()
    os.environ |= feature_settings()
    with tempfile.TemporaryDirectory(prefix="nova-") as name:
        folder = Path(name)
        clips = hard_clips(folder)
        manifest = write_manifest(clips, folder / "clips.jsonl")
        for label, options in FEATURES.items():
            tell(label)
            start = ("--start", json.dumps(dict(options)))
            report = run_load(model, sessions, seconds, manifest, start, folder / "load.json")
            rows.append(row(label, report))
            wrong += [f"{label}: {problem}" for problem in problems(report)]
    found = CostReport(len(clips), sessions, seconds, tuple(rows), tuple(wrong))
    cli.finish(found, cli.with_problems([cli.table(rows)], wrong), json_file)


if __name__ == "__main__":
    main()
