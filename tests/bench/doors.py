"""Compare the protocols of a gateway with the native one on the same clips: `python -m tests.bench.doors`.

Every clip goes through all protocols, one after the other, in a private system without other sessions. Live protocols
get it in real time, recordings as fast as they are read. Each protocol is compared with the native one with the same
options, the same audio and the same priority: times of words for Deepgram, finals that begin with the committed words
and audio of 24 kHz for OpenAI's Realtime API, and the priority of recordings for uploads.

The questions need different runs. Word errors: `--model base --all --at-once 3` has several clips in real time side by
side, and prints no latencies, because the sessions delay each other. Live finals may continue drafts, which depend on
the load, so a second run with the same protocol also differs a little. Finals of sessions without previews have no
drafts: `--finals-only` compares these. Whether the recognizer gets the same samples in the same utterances:
`--model null --all --at-once 6`, whose text is a checksum of the audio, lists the clips that differ. Latencies:
`--model null --clips 20`, whose recognizer takes no time, so that they are those of the protocols.
"""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import av
import click
import numpy as np

from backend import models
from backend.load.score import Spread
from backend.local.system import running
from backend.text.edits import WordErrors
from tests.bench.latency import english_clips, hard_clips
from tests.bench.support.door_takes import (
    Pcm,
    Take,
    deepgram_file_take,
    deepgram_take,
    native_file_take,
    native_take,
    openai_file_take,
    realtime_take,
)
from tests.testkit import cli
from tests.testkit.audio.clips import Clip
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

WIDE = 24_000  # Hz, of OpenAI's Realtime API
# Its finals begin with the committed words, and its utterances are not divided between clauses.
REALTIME = {"finals": "stable", "clause_ms": 0}

# By name: the protocol that it is compared with, and the take of a clip at two sample rates. `ws` and `http` are URLs.
TakeClip = Callable[[str, str, Pcm, Pcm], Awaitable[Take]]
DOORS: Mapping[str, tuple[str, TakeClip]] = {
    "native": ("native", lambda _, ws, pcm, wide: native_take(ws, pcm, words=True)),
    "deepgram live": ("native", lambda _, ws, pcm, wide: deepgram_take(ws, pcm)),
    "native 24 kHz": ("native 24 kHz", lambda _, ws, pcm, wide: native_take(ws, wide, WIDE, **REALTIME)),
    "openai realtime": ("native 24 kHz", lambda _, ws, pcm, wide: realtime_take(ws, wide, WIDE)),
    "native, finals only": (
        "native, finals only",
        lambda _, ws, pcm, wide: native_take(ws, pcm, words=True, partials=False),
    ),
    "deepgram live, finals only": (
        "native, finals only",
        lambda _, ws, pcm, wide: deepgram_take(ws, pcm, interim=False),
    ),
    "native file": ("native file", lambda _, ws, pcm, wide: native_file_take(ws, pcm)),
    "openai upload": ("native file", lambda http, _, pcm, wide: openai_file_take(http, pcm)),
    "native file, words": ("native file, words", lambda _, ws, pcm, wide: native_file_take(ws, pcm, words=True)),
    "deepgram upload": ("native file, words", lambda http, _, pcm, wide: deepgram_file_take(http, pcm)),
}
FINALS_ONLY = ("native, finals only", "deepgram live, finals only")
RECORDINGS = ("native file", "openai upload", "native file, words", "deepgram upload")


@dataclass(frozen=True, slots=True)
class Report:
    """One row for each protocol, and the texts of all clips that differ from the native protocol's."""

    clips: int
    at_once: int
    audio_s: float
    rows: tuple[cli.Row, ...]
    differences: tuple[str, ...]
    wrong: tuple[str, ...]


def resampled(pcm: Pcm, rate: int) -> Pcm:
    """[n] at 16 kHz at another rate."""
    frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
    frame.sample_rate = 16_000
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    pieces = [out.to_ndarray()[0] for one in (frame, None) for out in resampler.resample(one)]
    return np.concatenate(pieces)


async def take_all(
    model: str, clips: Sequence[Clip], names: Sequence[str], logs: Path, tell: cli.Progress, at_once: int = 1
) -> dict[str, list[Take]]:
    """The takes of all clips by protocol. The order of the protocols changes from clip to clip."""
    found: list[dict[str, Take]] = [{} for _ in clips]
    places = asyncio.Semaphore(at_once)
    plan = system_plan(logs, stt_model=model, quick_claims=False, environment=NO_LOAD_LIMIT)
    async with running(plan, cli.silent) as system:
        http = system.urls[0]
        ws = http.replace("http", "ws", 1)

        async def take(number: int, clip: Clip) -> None:
            async with places:
                tell(f"{number + 1} of {len(clips)}: {clip.id}")
                pcm = clip.pcm()
                wide = resampled(pcm, WIDE)
                for name in random.Random(number).sample(list(names), len(names)):
                    found[number][name] = await DOORS[name][1](http, ws, pcm, wide)

        # The first decode is slower, and so is the first request of each protocol.
        shortest = min(clips, key=lambda clip: len(clip.pcm()))
        await take(0, shortest)
        async with asyncio.TaskGroup() as tasks:
            for number, clip in enumerate(clips):
                tasks.create_task(take(number, clip))
    return {name: [takes[name] for takes in found] for name in names}


def rows(clips: Sequence[Clip], takes: Mapping[str, Sequence[Take]], *, words: bool, times: bool) -> list[cli.Row]:
    """The figures of each protocol: its word errors, and its latencies.

    Differences are medians over clips of the difference from the native protocol.
    """
    return [
        {
            "protocol": name,
            **(_errors(clips, takes[name], takes[DOORS[name][0]]) if words else {}),
            **(_latencies(name, takes[name], takes[DOORS[name][0]]) if times else {}),
        }
        for name in takes
    ]


def _errors(clips: Sequence[Clip], mine: Sequence[Take], native: Sequence[Take]) -> cli.Row:
    error = error_percent(clips, mine)
    return {"WER %": error, "- native": error - error_percent(clips, native)}


def _latencies(name: str, mine: Sequence[Take], native: Sequence[Take]) -> cli.Row:
    # OpenAI's deltas are committed words.
    kinds = ("committed_s" if name in ("openai realtime", "native 24 kHz") else "text_s", "final_s")
    figures: dict[str, str | float] = {}
    for label, kind in zip(("first", "final"), kinds, strict=True):
        values = [value for take in mine if (value := getattr(take, kind)) is not None]
        spread = Spread.of(values)
        figures |= {
            f"{label} n": len(values),
            f"{label} p50 s": spread.p50 if spread else "",
            f"{label} p95 s": spread.p95 if spread else "",
            f"{label} - native ms": 1000 * difference if (difference := _difference(mine, native, kind)) else 0.0,
        }
    return figures


def _difference(mine: Sequence[Take], native: Sequence[Take], kind: str) -> float | None:
    pairs: list[tuple[Any, Any]] = [(getattr(a, kind), getattr(b, kind)) for a, b in zip(mine, native, strict=True)]
    both: list[float] = [a - b for a, b in pairs if a is not None and b is not None]
    return median(both) if both else None


def error_percent(clips: Sequence[Clip], takes: Sequence[Take]) -> float:
    errors = WordErrors("en")
    for clip, take in zip(clips, takes, strict=True):
        errors.add(clip.text, take.text)
    return errors.percent


def differences(clips: Sequence[Clip], takes: Mapping[str, Sequence[Take]]) -> list[str]:
    """The clips whose text differs from the native protocol's."""
    return [
        f"{clip.id}: {name}: {take.text!r}, {reference}: {other.text!r}"
        for name, reference in ((name, DOORS[name][0]) for name in takes)
        for clip, take, other in zip(clips, takes[name], takes[reference], strict=True)
        if take.text != other.text
    ]


def without_text(clips: Sequence[Clip], takes: Mapping[str, Sequence[Take]]) -> list[str]:
    """The clips from which a protocol has recognized nothing."""
    return [
        f"{name}: {clip.id} has no text"
        for name in takes
        for clip, take in zip(clips, takes[name], strict=True)
        if not take.text
    ]


def _chosen(*, recordings: bool, finals_only: bool) -> list[str]:
    if recordings:
        return list(RECORDINGS)
    return [name for name in DOORS if (name in FINALS_ONLY) == finals_only]


@click.command()
@cli.model_option("base")
@click.option("--all", "every", is_flag=True, help="All English clips. Default: those of LibriSpeech of 2 to 20 s.")
@click.option("--clips", "count", default=0, help="Use only so many clips. 0: all.")
@click.option("--at-once", type=click.IntRange(1), default=1, help="Clips at a time. Above 1: word errors only.")
@click.option("--recordings", is_flag=True, help="Only the protocols for recordings, which need little time.")
@click.option("--finals-only", is_flag=True, help="Only live protocols without previews, so without drafts.")
@cli.logs_option("doors")
@cli.json_option
def main(
    model: str,
    every: bool,
    count: int,
    at_once: int,
    recordings: bool,
    finals_only: bool,
    logs: Path,
    json_file: Path | None,
) -> None:
    """Compare word error rate and latency of all protocols."""
    tell = cli.progress()
    with tempfile.TemporaryDirectory(prefix="nova-") as name:
        clips = english_clips(Path(name)) if every else hard_clips(Path(name))
        clips = clips[:: max(1, len(clips) // count)][:count] if count else clips
        names = _chosen(recordings=recordings, finals_only=finals_only)
        path = model if model == "null" else str(models.fetch(model))
        takes = asyncio.run(take_all(path, clips, names, logs, tell, at_once))
        found = rows(clips, takes, words=model != "null", times=at_once == 1)
        different = differences(clips, takes)
        wrong = without_text(clips, takes)
        audio_s = sum(len(clip.pcm()) for clip in clips) / 16_000
    report = Report(len(clips), at_once, audio_s, tuple(found), tuple(different), tuple(wrong))
    text = f"{len(clips)} clips, {audio_s:.0f} s, {at_once} at a time\n"
    cli.finish(report, cli.with_problems([text, cli.table(found), "", *different], wrong), json_file)


if __name__ == "__main__":
    main()
