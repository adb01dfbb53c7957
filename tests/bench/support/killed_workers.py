"""A long recording next to live sessions, while STT workers are killed: nothing of either may be lost."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from backend.load.driver import drive_session
from backend.load.monologue import Monologue
from backend.load.score import LoadLedger, Spread, score
from backend.local.discovery import stream_url
from backend.local.processes import Service
from backend.local.system import System
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Final, Start
from stt_worker.recognizers.null import transcript
from tests.testkit.session import ClientLedger

# A worker is killed whenever this share of the recording has been transcribed.
KILL_AT = (0.2, 0.5, 0.8)
WORKERS = 2


@dataclass(frozen=True, slots=True)
class KilledReport:
    """The results of the recording and of the live sessions.

    `speed`: seconds of the recording per second. `live`: latencies of live finals, in seconds.
    """

    recording_s: float
    finals: int
    kills: int
    speed: float
    live: Spread | None
    wrong: tuple[str, ...]


async def transcribe_with_kills(
    system: System, ledger: ClientLedger, recording: Start, live: Start, monologues: Sequence[Monologue]
) -> KilledReport:
    """Transcribe the audio of a ledger. Each monologue is a live session, again and again until the recording ends."""
    url, began = stream_url(system.urls[0]), time.monotonic()
    transcribing = asyncio.create_task(drive_session(url, recording, ledger, speed=None))
    spoken: list[LoadLedger] = []

    async def speak(monologue: Monologue) -> None:
        while not transcribing.done():
            spoken.append(LoadLedger(monologue.frames, monologue=monologue))
            await drive_session(url, live, spoken[-1])

    async with asyncio.TaskGroup() as tasks:
        killing = tasks.create_task(_kill_workers(system, ledger, transcribing.done))
        for monologue in monologues:
            tasks.create_task(speak(monologue))
        await transcribing
        took_s = time.monotonic() - began
    whole = score(spoken, texts=False)
    wrong = [*_lost(ledger), *whole.missing]
    wrong += [f"a live session ended with {error}" for error in {**whole.errors, **whole.refused}]
    seconds = len(ledger.pcm) / SAMPLE_RATE
    live_s = Spread.of(list(_latencies(spoken)))
    return KilledReport(seconds, len(ledger.finals), killing.result(), seconds / took_s, live_s, tuple(wrong))


async def _kill_workers(system: System, ledger: ClientLedger, is_done: Callable[[], bool]) -> int:
    """Kill the workers in turn as the recording proceeds. They start again. Return how often."""
    length_ms = 1000 * len(ledger.pcm) / SAMPLE_RATE
    kills = 0
    for number, share in zip(count(), KILL_AT):
        while not ledger.finals or ledger.finals[-1][1].end_ms < share * length_ms:
            if is_done():
                return kills
            await asyncio.sleep(0.1)
        await _kill(system.named(f"stt_worker-{1 + number % WORKERS}"))
        kills += 1
    return kills


async def _kill(service: Service) -> None:
    if service.process:
        service.process.kill()
        await service.process.wait()


def _lost(ledger: ClientLedger) -> Iterator[str]:
    """The losses of the recording. Only the recognizer `null` shows whether a text is that of its audio."""
    numbers = ledger.utterances
    if ledger.error:
        yield f"the recording ended with {ledger.error}"
    if numbers != list(range(1, len(numbers) + 1)):
        yield "finals of the recording are missing, or out of order"
    is_null = ledger.received(Final)[:1] and _is_checksum(ledger, ledger.received(Final)[0])
    if is_null and not all(_is_checksum(ledger, final) for final in ledger.received(Final)):
        yield "the text of a final is not that of its audio"


def _is_checksum(ledger: ClientLedger, final: Final) -> bool:
    return final.text == transcript(ledger.audio_of(final))


def _latencies(ledgers: Sequence[LoadLedger]) -> Iterator[float]:
    for ledger in ledgers:
        for at, final in ledger.finals:
            last = ledger.monologue.last_speech(final.end_ms * SAMPLE_RATE // 1000)
            if last is not None and (sent := ledger.sent_time(last)) is not None:
                yield at - sent
