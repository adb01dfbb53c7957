"""Compare Nova Voice with other open systems: `make peers`, then `python -m tests.bench.peers`.

Each system transcribes in turn, with the same Whisper model, int8, on all cores of this machine. Its sessions speak the
same clips in the same order, in real time with pauses of 1.5 s. The speech is that of `nova load`, and so are the
definitions of the figures.

- Nova Voice: `nova load` with its private system and the defaults: an endpoint of 800 ms, beam 5.
- RealtimeSTT: the server for several users that its package contains, because its library and its other servers have
  one recorder each, or leave the endpoint to their clients. The defaults are made for low latency: beam 5 for finals
  and 3 for partials, an endpoint of 550 ms, and a final that is decoded after 200 ms of silence. Only the model for
  partials, by default a smaller one, is that of the finals, as in the other systems.
- WhisperLive: its server with one model for all sessions, as it documents for a model in a folder, and the defaults of
  its client. It has no endpoint: a segment is finished when another follows, or when it has been decoded ten more times
  without a change. Batches are left out, because its documentation describes them for GPUs.

Final: from sending the last sample of a clip's speech until the arrival of its last final (the time to final of
`nova load`). First partial: from sending the first sample of speech until the first text; Nova Voice counts each
utterance of a clip. Missing: clips without a final. Cores: CPU time of the system per second, without the sessions'.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from backend import models
from backend.errors import SetupError
from backend.load.clips import read_manifest
from backend.load.monologue import PreparedClip
from backend.load.run import GENERATOR, LoadPlan, prepare_clips
from backend.load.score import Spread
from backend.messages.protocol import Start
from tests.bench.latency import Difficulty, hard_clips, problems, run_load
from tests.bench.peers.servers import INSTALL, PEERS, Peer, is_installed
from tests.bench.peers.sessions import PeerFigures, measure
from tests.testkit import cli
from tests.testkit.audio.clips import RATE, write_manifest

OURS = "Nova Voice"
# The defaults of `nova load`.
FRAME_MS, STAGGER_S, SILENCE_S, SEED = 100, 0.5, 1.5, 1


@dataclass(frozen=True, slots=True)
class PeersReport:
    """A row for each system and number of sessions. `difficulty_percent` is the word error rate of the bare model."""

    clips: int
    audio_s: float
    difficulty_percent: float
    rows: tuple[cli.Row, ...]
    skipped: tuple[str, ...]
    # Errors of other systems, and sessions that were late because a system took all cores. Their rows remain.
    notes: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The model and the speech of all runs."""

    model: str
    seconds: float
    manifest: Path
    prepared: Sequence[PreparedClip]
    folder: Path

    def plan(self, sessions: int) -> LoadPlan:
        """The plan by which `nova load` runs as many sessions."""
        return LoadPlan(Start(language="en"), sessions, self.seconds, SILENCE_S, STAGGER_S, seed=SEED)


def row(system: str, sessions: int, score: dict[str, Any], word_error_percent: float | None, cores: float) -> cli.Row:
    """A line of the table. `score` has the names of `nova load --json`."""
    final, first = score["ttfs_s"], score["first_partial_s"]
    return {
        "system": system,
        "sessions": sessions,
        "finals": final["count"] if final else 0,
        "missing": len(score["missing"]),
        "final p50": final["p50"] if final else "",
        "final p95": final["p95"] if final else "",
        "first partial p50": first["p50"] if first else "",
        "first partial p95": first["p95"] if first else "",
        "WER %": "" if word_error_percent is None else word_error_percent,
        "cores": cores,
    }


def ours(conditions: Conditions, sessions: int) -> tuple[cli.Row, list[str]]:
    """The row of Nova Voice, and what makes it invalid."""
    out = conditions.folder / "load.json"
    options = ("--stagger", str(STAGGER_S), "--silence", str(SILENCE_S), "--frame-ms", str(FRAME_MS))
    report = run_load(conditions.model, sessions, conditions.seconds, conditions.manifest, options, out)
    cpu_s = sum(usage["cpu_s"] for name, usage in report["usage"].items() if name != GENERATOR)
    score = report["score"]
    line = row(OURS, sessions, score, score["word_error_percent"], cpu_s / report["seconds"])
    return line, [f"{OURS}, {_sessions(sessions)}: {problem}" for problem in problems(report)]


def theirs(peer: Peer, sessions: int, figures: PeerFigures) -> tuple[cli.Row, list[str]]:
    """The row of another system, and what happened to its sessions."""
    score, name = figures.score, f"{peer.name}, {_sessions(sessions)}"
    spreads = {"ttfs_s": _values(score.ttfs_s), "first_partial_s": _values(score.first_partial_s)}
    line = row(peer.name, sessions, {**spreads, "missing": score.missing}, figures.word_error_percent, figures.cores)
    notes = [f"{name}: {count} ended with {code}" for code, count in (score.errors | score.refused).items()]
    if score.late and score.lag_s:
        notes.append(f"{name}: the sessions sent {1000 * score.lag_s.p99:.0f} ms late at p99")
    return line, notes


def _values(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else {"count": spread.count, "p50": spread.p50, "p95": spread.p95}


def skipped(peers: Sequence[Peer]) -> list[str]:
    """A line for each system that is not installed."""
    return [f"{peer.name} is skipped, because it is not installed. To install it: {INSTALL}" for peer in peers]


def compare(
    conditions: Conditions, counts: Sequence[int], peers: Sequence[Peer], tell: cli.Progress
) -> tuple[list[cli.Row], list[str], list[str]]:
    """The rows of all systems for each number of sessions, what happened, and what makes rows invalid."""
    rows: list[cli.Row] = []
    notes: list[str] = []
    wrong: list[str] = []
    for sessions in counts:
        tell(f"{OURS}, {_sessions(sessions)}")
        line, invalid = ours(conditions, sessions)
        rows.append(line)
        wrong += invalid
        for peer in peers:
            tell(f"{peer.name}, {_sessions(sessions)}")
            plan, model = conditions.plan(sessions), models.fetch(conditions.model)
            try:
                measured = asyncio.run(measure(peer, plan, conditions.prepared, model, conditions.folder))
            except SetupError as error:
                wrong.append(error.message)
                continue
            line, noted = theirs(peer, sessions, measured)
            rows.append(line)
            notes += noted
    return rows, notes, wrong


def _sessions(count: int) -> str:
    return f"{count} session{'s' * (count > 1)}"


@click.command()
@cli.model_option("base")
@click.option("--sessions", "counts", multiple=True, type=click.IntRange(1), help="May be repeated. Default: 1, 4.")
@click.option("--seconds", default=120.0, show_default=True, help="Measured time of each run.")
@click.option("--clips", "limit", type=click.IntRange(1), help="Use only some of the clips. Default: all.")
@click.option(
    "--peer",
    "names",
    multiple=True,
    type=click.Choice([peer.name for peer in PEERS], case_sensitive=False),
    help="Compare with this system. May be repeated. Default: all that are installed.",
)
@cli.json_option
def main(
    model: str,
    counts: tuple[int, ...],
    seconds: float,
    limit: int | None,
    names: tuple[str, ...],
    json_file: Path | None,
) -> None:
    """Compare latencies and word errors with those of other systems."""
    tell = cli.progress()
    chosen = [peer for peer in PEERS if not names or peer.name in names]
    installed = [peer for peer in chosen if is_installed(peer)]
    with tempfile.TemporaryDirectory(prefix="nova-") as name:
        folder = Path(name)
        clips = hard_clips(folder)[:limit]
        manifest = write_manifest(clips, folder / "clips.jsonl")
        tell(f"{len(clips)} clips: difficulty")
        difficulty = Difficulty.of(clips, models.fetch(model)).percent()
        conditions = Conditions(model, seconds, manifest, prepare_clips(read_manifest(manifest), FRAME_MS), folder)
        rows, notes, wrong = compare(conditions, counts or (1, 4), installed, tell)
    audio_s = sum(len(clip.pcm()) for clip in clips) / RATE
    missing = skipped([peer for peer in chosen if peer not in installed])
    found = PeersReport(len(clips), audio_s, difficulty, tuple(rows), tuple(missing), tuple(notes), tuple(wrong))
    text = f"{len(clips)} clips, {audio_s:.0f} s, word error rate of faster-whisper {difficulty:.1f} %\n"
    cli.finish(found, cli.with_problems([text, cli.table(rows), *missing, *notes], wrong), json_file)


if __name__ == "__main__":
    main()
