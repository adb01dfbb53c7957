"""Measuring clients: they speak short utterances in real time to the null recognizer, and time every final."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backend.load.driver import drive_session
from backend.load.ledger import SessionLedger, split
from backend.messages.protocol import Error, Start
from stt_worker.recognizers.null import transcript
from tests.testkit.audio.voices import add_noise, voices
from tests.testkit.session import RATE, SAMPLES_PER_MS

FRAME = 640  # samples: 40 ms
SPEECH_S, SILENCE_S = 0.9, 0.9  # of each utterance
REPETITIONS = 10_000  # of the utterance: five hours, more than any run takes
# Silence kept at the end of an utterance, and silence that ends it, in whole windows of the detector (32 ms).
KEPT_MS, ENDPOINT_MS = 224, 608


@dataclass(frozen=True, slots=True)
class Sample:
    """One final."""

    spoken_at: float  # when the last sample of speech was sent; monotonic clock
    latency_ms: float  # from then to the final
    overhead_ms: float  # from sending the sample that completes the endpoint to the final: the system's own share


def percentile(samples: Sequence[Sample], percent: float) -> float:
    """A percentile of the latency, in milliseconds."""
    return float(np.percentile([sample.latency_ms for sample in samples] or [np.nan], percent))


@dataclass(slots=True)
class Speakers:
    """Clients whose audio differs by its noise, so that no final can be confused with that of another."""

    utterances: list[NDArray[np.int16]]
    partials: bool = True
    ledgers: list[SessionLedger] = field(init=False)

    def __post_init__(self) -> None:
        self.ledgers = [SessionLedger(split(pcm.tobytes(), FRAME) * REPETITIONS) for pcm in self.utterances]

    @classmethod
    def create(cls, count: int, *, partials: bool = True) -> "Speakers":
        speech = voices(1, SPEECH_S + 1)[0][: round(SPEECH_S * RATE)]
        utterance = np.concatenate([speech, np.zeros(round(SILENCE_S * RATE), np.int16)])
        return cls([add_noise(utterance, np.random.default_rng(number)) for number in range(count)], partials)

    @asynccontextmanager
    async def speaking(self, url: str) -> AsyncIterator[None]:
        """Let all speak, one after the other, until the end of the block."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            clients = []
            for number, ledger in enumerate(self.ledgers):
                begin_s = began + number * (SPEECH_S + SILENCE_S) / len(self.ledgers)
                session = drive_session(
                    url,
                    Start(language="en", partials=self.partials, endpoint_ms=600),
                    ledger,
                    clock=0.0,
                    begin_s=begin_s,
                )
                clients.append(tasks.create_task(session))
            try:
                yield
            finally:
                for client in clients:
                    client.cancel()

    def samples(self) -> list[Sample]:
        """All finals."""
        return [one for one in self._found() if isinstance(one, Sample)]

    def problems(self) -> list[str]:
        """Finals that do not match the audio, errors, and sessions that ended."""
        ended = [f"a measuring client ended with {ledger.ended}" for ledger in self.ledgers if ledger.error]
        return [*ended, *(one for one in self._found() if isinstance(one, str))]

    def _found(self) -> Iterator[Sample | str]:
        for ledger, utterance in zip(self.ledgers, self.utterances, strict=True):
            yield from _samples(ledger, utterance)


def _samples(ledger: SessionLedger, utterance: NDArray[np.int16]) -> Iterator[Sample | str]:
    """A sample for each final of a client that repeats this utterance, or a problem."""
    yield from (f"error: {error}" for _, error in ledger.of(Error))
    for number, (at, final) in enumerate(ledger.finals, 1):
        start, end = final.start_ms * SAMPLES_PER_MS, final.end_ms * SAMPLES_PER_MS
        audio = utterance.take(range(start, end), mode="wrap").tobytes()
        if (final.utterance, final.text) != (number, transcript(audio)):
            yield f"final {number} does not match the audio: {final}"
        speech_end_ms = final.end_ms - KEPT_MS
        spoken_at, ended_at = (
            ledger.sent_time(ms * SAMPLES_PER_MS - 1) for ms in (speech_end_ms, speech_end_ms + ENDPOINT_MS)
        )
        if spoken_at is not None and ended_at is not None:
            yield Sample(spoken_at, 1000 * (at - spoken_at), 1000 * (at - ended_at))
