"""Measure live speech next to a recording, and the speed of recordings: `python -m tests.bench.recordings`.

The first part runs live sessions in real time on one system. Each says the same speech again and again, and in every
second window a long recording is transcribed as well, so both latencies are from the same speech and the same minutes.
The second part transcribes one recording on systems with one worker and with two, in turn. Each worker decodes one
batch at a time. The third part, `--killed`, transcribes a recording of any length with two workers next to the live
sessions, kills each of them meanwhile, and checks that nothing is lost.

With Whisper base, two cores serve two or three live sessions: `--model base --sessions 2`. Twenty sessions need a
recognizer of the speed of a GPU: `--model null --cost 0.01`.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from statistics import median

import click
import numpy as np
from numpy.typing import NDArray

from backend.client.client import Client
from backend.load.clips import AudioClip
from backend.load.driver import drive_session
from backend.load.monologue import ClipPlacement, Monologue, PreparedClip, compose
from backend.load.run import prepare_clips
from backend.load.score import LoadLedger, Spread, score
from backend.local.discovery import stream_url
from backend.local.system import running
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Final, Keepalive, Start
from tests.bench.latency import LONGEST_S, hard_clips
from tests.bench.support.killed_workers import WORKERS, KilledReport, transcribe_with_kills
from tests.testkit import cli
from tests.testkit.session import ClientLedger, speak
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

FRAME_MS = 100
FRAME = FRAME_MS * SAMPLE_RATE // 1000
# Windows begin with all sessions speaking, and with no speech of the window before in flight.
WARM_UP_WINDOWS = 1
LIVE = Start(language="en")
RECORDING = Start(language="en", priority="recording", partials=False, endpoint_ms=1_500)
KEEPALIVE_S = 0.2
# Pauses in the recording, in samples.
PAUSES = tuple(round(pause_s * SAMPLE_RATE) for pause_s in (0.4, 0.8, 2.0))


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure."""

    model: str
    # The recognizer `null`: seconds of work for each second of audio, in the first part and in the second.
    cost: float
    scaling_cost: float
    sessions: int
    window_s: float
    # Windows without the recording, and as many with it.
    rounds: int
    # Length of the recording in the second part, and in the third. 0: no third part.
    recording_s: float
    killed_s: float
    # The longest clip that is used, in seconds.
    longest_s: float

    @property
    def windows(self) -> int:
        return WARM_UP_WINDOWS + 2 * self.rounds


@dataclass(frozen=True, slots=True)
class Report:
    """`without` and `during` are latencies of live finals in seconds, as in `nova load`."""

    options: Options
    without: Spread | None
    during: Spread | None
    # Seconds of the recording per second, while it was transcribed next to live speech.
    recording_speed: float
    # Seconds of the recording per second, by the number of workers.
    by_workers: dict[int, float]
    killed: KilledReport | None
    wrong: tuple[str, ...]

    @property
    def p95_change_percent(self) -> float:
        """By how much the recording changes the p95 of live finals."""
        return 100 * (self.during.p95 / self.without.p95 - 1) if self.without and self.during else 0.0


def recording_of(clips: Sequence[AudioClip], seconds: float) -> NDArray[np.int16]:
    """Clips with pauses between them, [n] at 16 kHz."""
    parts: list[NDArray[np.int16]] = []
    while sum(map(len, parts)) < seconds * SAMPLE_RATE:
        for number, clip in enumerate(clips):
            parts += [clip.pcm(), np.zeros(PAUSES[number % len(PAUSES)], np.int16)]
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]


def repeated(monologue: Monologue, frames: int, times: int) -> Monologue:
    """A monologue of `frames` frames, again and again."""
    silence = bytes(2 * FRAME)
    padded = (monologue.frames + (silence,) * frames)[:frames]
    starts = [number * frames * FRAME for number in range(times)]
    placements = (
        ClipPlacement(start + one.start, start + one.end, one.clip) for start in starts for one in monologue.placements
    )
    return Monologue(padded * times, tuple(placements), np.concatenate([monologue.speech + start for start in starts]))


def monologues(clips: Sequence[PreparedClip], options: Options) -> list[Monologue]:
    """One for each session. All windows have the same length."""
    longest = max(clip.length for clip in clips) / SAMPLE_RATE
    spoken = [
        compose(clips, FRAME, options.window_s - longest, 1.5, Random(number)) for number in range(options.sessions)
    ]
    frames = max(len(one.frames) for one in spoken)
    return [repeated(one, frames, options.windows) for one in spoken]


@dataclass(slots=True)
class LongRecording:
    """A session that sends a recording as fast as the server accepts it, while it may."""

    pcm: NDArray[np.int16]
    may_send: bool = False
    # Time and end of each final, in seconds.
    finals: list[tuple[float, float]] = field(default_factory=list)
    order: list[int] = field(default_factory=list)

    async def transcribe(self, url: str) -> None:
        """Until cancelled."""
        async with Client.connect(url, RECORDING) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send(client))
            async for event in client:
                if isinstance(event, Final):
                    self.finals.append((time.monotonic(), event.end_ms / 1000))
                    self.order.append(event.utterance)

    async def _send(self, client: Client) -> None:
        frames = [self.pcm[at : at + 10 * FRAME].tobytes() for at in range(0, len(self.pcm), 10 * FRAME)]
        while True:
            for frame in frames:
                while not self.may_send:
                    await client.send_message(Keepalive())
                    await asyncio.sleep(KEEPALIVE_S)
                await client.send(frame)

    def transcribed_s(self, began: float, ended: float) -> float:
        """Seconds of the recording whose finals arrived between two times."""
        positions = [end_s for at, end_s in self.finals if began <= at <= ended]
        return positions[-1] - positions[0] if positions else 0.0


async def with_recording(
    options: Options, clips: Sequence[AudioClip], logs: Path
) -> tuple[Spread | None, Spread | None, float, list[str]]:
    """Latencies without the recording and during it, the speed of the recording, and problems."""
    ledgers = [LoadLedger(one.frames, monologue=one) for one in monologues(prepare_clips(clips, FRAME_MS), options)]
    window_s = len(ledgers[0].frames) * FRAME_MS / 1000 / options.windows
    recording = LongRecording(recording_of(clips, 600))
    environment = {**NO_LOAD_LIMIT, "STT_NULL_COST": str(options.cost)}
    async with running(system_plan(logs, stt_model=options.model, environment=environment), cli.silent) as system:
        url, clock = stream_url(system.urls[0]), time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            transcribing = tasks.create_task(recording.transcribe(url))
            live = [tasks.create_task(drive_session(url, LIVE, ledger, clock=clock)) for ledger in ledgers]
            for window in range(options.windows):
                recording.may_send = _has_recording(window)
                await asyncio.sleep(clock + (window + 1) * window_s - time.monotonic())
            await asyncio.gather(*live)
            transcribing.cancel()
    whole = score(ledgers, texts=False)
    wrong = [*whole.missing, *(f"a session ended with {error}" for error in {**whole.errors, **whole.refused})]
    wrong += ["the load generator was late"] if whole.late else []
    wrong += [] if recording.order == sorted(set(recording.order)) else ["finals of the recording are out of order"]
    during = [number for number in range(options.windows) if _has_recording(number)]
    spans = [(clock + number * window_s, clock + (number + 1) * window_s) for number in during]
    transcribed_s = sum(recording.transcribed_s(*span) for span in spans)
    without = [number for number in range(WARM_UP_WINDOWS, options.windows) if number not in during]
    first, second = (Spread.of(list(_latencies(ledgers, chosen, window_s))) for chosen in (without, during))
    return first, second, transcribed_s / (len(spans) * window_s), wrong


def _has_recording(window: int) -> bool:
    return window >= WARM_UP_WINDOWS and (window - WARM_UP_WINDOWS) % 2 == 1


def _latencies(ledgers: Sequence[LoadLedger], windows: Sequence[int], window_s: float) -> Iterator[float]:
    """The latencies of finals whose speech ended in one of these windows."""
    for ledger in ledgers:
        begin_s = ledger.sent_at[0]
        for at, final in ledger.finals:
            last = ledger.monologue.last_speech(final.end_ms * SAMPLE_RATE // 1000)
            sent = None if last is None else ledger.sent_time(last)
            if sent is not None and int((sent - begin_s) / window_s) in windows:
                yield at - sent


async def speed(options: Options, clips: Sequence[AudioClip], workers: int, logs: Path) -> tuple[float, list[str]]:
    """Seconds of audio per second with `workers` workers, and problems."""
    environment = {**NO_LOAD_LIMIT, "STT_NULL_COST": str(options.scaling_cost), "STT_AT_ONCE": "1"}
    plan = system_plan(logs, stt_model=options.model, stt_workers=workers, environment=environment)
    pcm = recording_of(clips, options.recording_s)
    async with running(plan, cli.silent) as system:
        began = time.monotonic()
        ledger = await speak(system.urls, pcm, **RECORDING.model_dump(exclude={"type"}))
        took_s = time.monotonic() - began
    numbers = ledger.utterances
    wrong = [] if numbers == list(range(1, len(numbers) + 1)) else [f"{workers} workers: finals are missing"]
    return options.recording_s / took_s, wrong


async def with_kills(options: Options, clips: Sequence[AudioClip], logs: Path) -> KilledReport:
    """The third part. Its live sessions speak for a window at a time."""
    environment = {**NO_LOAD_LIMIT, "STT_NULL_COST": str(options.cost), "STT_AT_ONCE": "1"}
    plan = system_plan(logs, stt_model=options.model, stt_workers=WORKERS, environment=environment)
    spoken = monologues(prepare_clips(clips, FRAME_MS), replace(options, rounds=0))
    ledger = ClientLedger.for_audio(recording_of(clips, options.killed_s))
    async with running(plan, cli.silent) as system:
        return await transcribe_with_kills(system, ledger, RECORDING, LIVE, spoken)


async def measure(options: Options, folder: Path) -> Report:
    """Both parts."""
    tell = cli.progress()
    clips = [clip for clip in hard_clips(folder) if len(clip.pcm()) <= options.longest_s * SAMPLE_RATE]
    tell(f"{options.sessions} live sessions, {options.windows} windows of about {options.window_s:g} s")
    without, during, fast, wrong = await with_recording(options, clips, folder)
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(options.rounds):
        for workers in sorted(speeds, reverse=turn % 2 == 1):
            tell(f"the recording with {workers} worker{'s' * (workers > 1)}")
            audio_s, problems = await speed(options, clips, workers, folder)
            speeds[workers].append(audio_s)
            wrong += problems
    by_workers = {workers: median(found) for workers, found in speeds.items()}
    killed = None
    if options.killed_s:
        tell(f"a recording of {options.killed_s:g} s while workers are killed")
        killed = await with_kills(options, clips, folder)
        wrong += killed.wrong
    return Report(options, without, during, fast, by_workers, killed, tuple(wrong))


def describe(report: Report) -> str:
    """The report as text."""
    rows: list[Mapping[str, str | float]] = [
        {"live finals": name, "count": spread.count, "p50 s": spread.p50, "p95 s": spread.p95, "max s": spread.max}
        for name, spread in (("without the recording", report.without), ("during the recording", report.during))
        if spread
    ]
    lines = [cli.table(rows), f"p95 changes by {report.p95_change_percent:+.1f} %"] if rows else []
    lines.append(f"the recording next to them: {report.recording_speed:.1f} s of audio per second")
    one, two = (report.by_workers[workers] for workers in (1, 2))
    lines.append(f"the recording alone: {one:.1f} s per second with 1 worker, {two:.1f} with 2 ({two / one:.2f} times)")
    if killed := report.killed:
        lines.append(
            f"{killed.recording_s:.0f} s with {killed.kills} killed workers: {killed.finals} finals, "
            f"{killed.speed:.1f} s per second; live finals meanwhile: {cli.spread(killed.live) if killed.live else 0}"
        )
    return cli.with_problems(lines, report.wrong)


@click.command()
@cli.model_option("null")
@click.option("--cost", default=0.002, show_default=True, help="`null`: seconds per second of audio, with live speech.")
@click.option("--scaling-cost", default=0.15, show_default=True, help="The same when workers are compared.")
@cli.sessions_option(20)
@click.option("--window", "window_s", default=40.0, show_default=True, help="Seconds with or without the recording.")
@click.option("--recording", "recording_s", default=300.0, show_default=True, help="Its length when it is alone.")
@click.option("--killed", "killed_s", default=0.0, help="Seconds of the recording while workers are killed. 0: none.")
@click.option("--longest", "longest_s", default=LONGEST_S, show_default=True, help="Longest clip, in seconds.")
@cli.rounds_option
@cli.json_option
def main(json_file: Path | None, **chosen: object) -> None:
    """Measure live speech next to a recording, and recordings with one and two workers."""
    options = Options(**chosen)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(prefix="nova-") as name:
        report = asyncio.run(measure(options, Path(name)))
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    os.environ.setdefault("NOVA_LOG_LEVEL", "warning")
    main()
