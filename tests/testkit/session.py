"""Simulated clients: they speak a clip to a running system and record the session in a ledger."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from backend.load.driver import drive_session
from backend.load.ledger import SessionLedger, split
from backend.local.discovery import stream_url
from backend.messages.protocol import Final, Partial, Start, Translation, to_json
from backend.service.settings import ServiceSettings
from backend.streams.names import shard_of
from backend.streams.redis.connection import connect, retry_until_available
from backend.streams.session.log import read_log

RATE = 16_000
FRAME = 1_600  # samples per frame: 100 ms
SAMPLES_PER_MS = RATE // 1000
E = TypeVar("E")


@dataclass(slots=True)
class ClientLedger(SessionLedger):
    """A session as its client recorded it, with its audio as an array and with its durable log."""

    # [n] int16, 16 kHz mono, whole frames.
    pcm: NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))
    # Utterance numbers of the finals in the durable log, in log order. The client drops duplicates, the log keeps them.
    logged: list[int] = field(default_factory=list)

    @classmethod
    def for_audio(cls, pcm: NDArray[np.int16]) -> Self:
        """An empty ledger for a session that will send `pcm` ([n] int16, 16 kHz mono)."""
        frames = split(pcm.astype("<i2", copy=False).tobytes(), FRAME)
        return cls(frames, pcm=np.frombuffer(b"".join(frames), np.int16))

    def received(self, kind: type[E]) -> list[E]:
        """The events of one type in order of arrival, without their times."""
        return [event for _, event in self.of(kind)]

    @property
    def utterances(self) -> list[int]:
        """Utterance numbers of the finals, in order of arrival."""
        return [final.utterance for final in self.received(Final)]

    @property
    def bounds(self) -> set[tuple[int, int]]:
        """First and end sample of each final."""
        return {(_sample(final.start_ms), _sample(final.end_ms)) for final in self.received(Final)}

    @property
    def final_translations(self) -> list[tuple[int, str]]:
        """Utterance number and language of the final translations, in order of arrival."""
        return [(event.utterance, event.language) for event in self.received(Translation) if event.is_final]

    def audio_of(self, final: Final) -> bytes:
        """The samples of a final. The detector pads the last window of a session with zeros, and so does this."""
        piece = self.pcm[_sample(final.start_ms) : _sample(final.end_ms)]
        return piece.tobytes() + bytes(2 * (_sample(final.end_ms - final.start_ms) - len(piece)))

    def latencies(self) -> list[float]:
        """Seconds from sending the last sample of an utterance to its final. The endpoint silence is included."""
        return [at - self._sent_end(final) for at, final in self.finals]

    def longest_wait(self) -> float:
        """The longest time in seconds that the client waited for the next final after it sent the utterance."""
        waits, previous = [0.0], 0.0
        for at, final in self.finals:
            waits.append(at - max(previous, self._sent_end(final)))
            previous = at
        return max(waits)

    def event_log(self) -> str:
        """One line for each event except partials: the time and the JSON."""
        events = [(at, event) for at, event in self.events if not isinstance(event, Partial)]
        return "".join(f"{at:8.2f} {to_json(event)}\n" for at, event in events)

    def _sent_end(self, final: Final) -> float:
        sent = self.sent_time(_sample(final.end_ms) - 1)
        return self.sent_at[-1] if sent is None else sent


def _sample(ms: int) -> int:
    return ms * SAMPLES_PER_MS


async def speak(
    http_urls: str | Sequence[str],
    pcm: NDArray[np.int16],
    *,
    speed: float | None = None,
    silence_s: float = 0.0,
    **start: Any,
) -> ClientLedger:
    """Send a clip, silence and `stop`, and return the ledger after `done`. Raises the error that ends the session.

    `speed` 1 sends in real time, None as fast as the server reads. `start` holds fields of the `start` message. With
    several gateways, each connection goes to the next one in turn.
    """
    urls = [stream_url(url) for url in ([http_urls] if isinstance(http_urls, str) else http_urls)]
    ledger = ClientLedger.for_audio(np.concatenate([pcm, np.zeros(round(RATE * silence_s), np.int16)]))
    await drive_session(urls, Start(**start), ledger, speed=speed)
    if ledger.error:
        raise ledger.error
    return ledger


async def speak_all(
    http_urls: str | Sequence[str], clips: Sequence[NDArray[np.int16]], at_once: int, **options: Any
) -> list[ClientLedger]:
    """Send several clips, `at_once` of them at the same time. Returns the ledgers in the order of the clips."""
    slots = asyncio.Semaphore(at_once)

    async def speak_one(pcm: NDArray[np.int16]) -> ClientLedger:
        async with slots:
            return await speak(http_urls, pcm, **options)

    return list(await asyncio.gather(*map(speak_one, clips)))


async def read_session_log(redis_url: str, session: str, shards: int) -> list[int]:
    """Utterance numbers of the finals in a session's durable log, in log order."""

    async def read() -> list[int]:
        async with connect(ServiceSettings(REDIS_URL=redis_url)) as redis:
            log = read_log(redis, shard_of(session, shards), session, "0-0")
            return [live.event.utterance async for live in log if isinstance(live.event, Final)]

    return await retry_until_available(read)
