"""Live speech next to a recording, in virtual time: real sessions and consumers, a model whose work takes time."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest
import structlog

from backend.load.score import Spread
from backend.messages.jobs import BYTES_PER_SECOND, AudioJob, PartialResult
from backend.messages.protocol import Final, SpeechStarted, Start
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import AUDIO, Entry, Outcome
from backend.streams.worker.consumer import Consumer
from backend.streams.worker.policy import PreviewPool, RecordingShare
from gateway.session.actions import Action, SendEvent
from tests.testkit.streams.jobs import final
from tests.testkit.streams.live_sessions import StreamSession
from tests.testkit.streams.memory import MemoryEntrySource, MemoryFanout, MemorySessions, MemoryStreams
from tests.testkit.streams.virtual_time import VirtualTimeLoop, loop_clock

WINDOW_S = 0.032
# Windows that a live client sends at a time.
STEP = 6
# Finals of a recording that a gateway lets wait.
MAX_BACKLOG = 12


@dataclass(frozen=True, slots=True)
class Scenario:
    """A worker, and what it is asked to do. Costs are seconds of work for each second of audio."""

    sessions: int
    consumers: int
    final_cost: float
    preview_cost: float
    seconds: float = 240.0


# A GPU or a fast CPU, Whisper base on two cores with a few sessions, and the same under full load.
GPU = Scenario(sessions=20, consumers=1, final_cost=0.01, preview_cost=0.005, seconds=90.0)
CPU = Scenario(sessions=3, consumers=2, final_cost=0.1, preview_cost=0.07)
FULL = Scenario(sessions=8, consumers=2, final_cost=0.2, preview_cost=0.07)


@dataclass(slots=True)
class Measured:
    latency_s: list[float] = field(default_factory=list)
    # Audio of recordings that was recognized.
    recorded_s: float = 0.0

    @property
    def spread(self) -> Spread:
        spread = Spread.of(self.latency_s)
        assert spread
        return spread


class Model:
    """A handler that takes as long as the audio is long, times the cost."""

    def __init__(self, scenario: Scenario, measured: Measured) -> None:
        self._scenario, self._measured = scenario, measured

    async def __call__(self, batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        job, audio_s = batch[0].job, sum(len(entry.pcm) for entry in batch) / BYTES_PER_SECOND
        cost = self._scenario.final_cost if job.kind == "final" else self._scenario.preview_cost
        await asyncio.sleep(cost * audio_s)
        if job.stream_kind == "recording":
            assert len(batch) == 1, "there is live speech"
            self._measured.recorded_s += audio_s
        return [self._outcome(entry.job) for entry in batch]

    @staticmethod
    def _outcome(job: AudioJob) -> Outcome:
        if job.kind == "final":
            return Outcome((final(job.utterance, start_ms=job.start_ms, end_ms=job.end_ms),))
        known = job.model_dump(include={"utterance", "revision", "start_ms", "end_ms"})
        return Outcome(live=(PartialResult(committed="", tentative="words", language="en", **known),))


class Speaker(StreamSession):
    """A live session that speaks in real time and measures its finals."""

    def __init__(self, streams: MemoryStreams, name: str, measured: Measured, start: Start) -> None:
        super().__init__(streams, MemorySessions(streams), name, partials=True, now=streams.clock.wall)
        self._start, self._measured, self._rng = start, measured, Random(name)
        self._utterance, self._ended_at = 0, dict[int, float]()

    async def _speak(self, stop: asyncio.Event) -> None:
        await asyncio.sleep(self._rng.uniform(0, 3))
        while not stop.is_set():
            await self._feed(self._rng.uniform(1, 10), 0.9)
            self._ended_at[self._utterance] = self._now()
            await self._feed(self._rng.uniform(0.8, 4), 0.0)

    async def _feed(self, seconds: float, probability: float) -> None:
        for _ in range(round(seconds / WINDOW_S / STEP)):
            audio = np.zeros((STEP, 512), np.int16), np.full(STEP, probability, np.float32)
            await self._perform(self.session.receive_audio(*audio, self._now()))
            await asyncio.sleep(STEP * WINDOW_S)

    async def _perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case SendEvent(SpeechStarted(utterance=utterance)):
                    self._utterance = utterance
                case SendEvent(Final(utterance=utterance)) if utterance in self._ended_at:
                    self._measured.latency_s.append(self._now() - self._ended_at.pop(utterance))
        await super()._perform(actions)


class LongRecording(StreamSession):
    """A file that is read as fast as the gateway accepts it."""

    def __init__(self, streams: MemoryStreams, start: Start) -> None:
        super().__init__(streams, MemorySessions(streams), "file", partials=False, now=streams.clock.wall)
        self._start, self._rng = start, Random("file")

    async def _speak(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for seconds, probability in ((self._rng.uniform(4, 20), 0.9), (1.0, 0.0)):
                count = round(seconds / WINDOW_S)
                audio = np.zeros((count, 512), np.int16), np.full(count, probability, np.float32)
                await self._perform(self.session.receive_audio(*audio, self._now()))
            while self.session.pending_finals >= MAX_BACKLOG and not stop.is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def run(scenario: Scenario, *recordings: Start) -> Measured:
    """Let the sessions speak, next to these recordings."""
    streams, measured, stop, stop_worker = MemoryStreams(loop_clock()), Measured(), asyncio.Event(), asyncio.Event()
    fanout, settings, model = MemoryFanout(streams), WorkerSettings(), Model(scenario, measured)
    share, previews = RecordingShare(streams.clock.monotonic(), scenario.consumers), PreviewPool[AudioJob]()
    sources = [MemoryEntrySource(streams, AUDIO, f"w{n}", settings) for n in range(scenario.consumers)]
    consumers = [Consumer(source, streams, settings, model, streams.clock, previews, share) for source in sources]
    speakers = [Speaker(streams, f"s{n}", measured, Start(language="en")) for n in range(scenario.sessions)]
    files = [LongRecording(streams, start) for start in recordings]
    async with asyncio.TaskGroup() as tasks:
        for consumer in consumers:
            tasks.create_task(consumer.consume_until(stop_worker))
        live = [tasks.create_task(speaker.run(fanout, stop)) for speaker in speakers]
        await asyncio.sleep(5)
        reading = [tasks.create_task(file.run(fanout, stop)) for file in files]
        await asyncio.sleep(scenario.seconds)
        stop.set()
        await asyncio.gather(*live, *reading)
        stop_worker.set()
    for file in files:
        assert file.finals == list(range(1, len(file.finals) + 1))
    return measured


def in_virtual_time(scenario: Scenario, *recordings: Start) -> Measured:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(run(scenario, *recordings))


RECORDING = Start(language="en", priority="recording")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Log lines would take longer than everything else."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("scenario", "audio_per_s"), [(GPU, 10.0), (CPU, 3.0), (FULL, 0.05)], ids=["GPU", "CPU", "full load"]
)
def test_a_recording_changes_the_p95_of_live_finals_by_less_than_a_tenth(
    scenario: Scenario, audio_per_s: float
) -> None:
    without, during = in_virtual_time(scenario).spread, in_virtual_time(scenario, RECORDING)
    speed = during.recorded_s / scenario.seconds
    print(
        f"p95 {without.p95:.3f} s of {without.count} finals, {during.spread.p95:.3f} s of {during.spread.count} "
        f"({100 * (during.spread.p95 / without.p95 - 1):+.1f} %), {speed:.2f} s of the recording per second"
    )
    assert during.spread.p95 < 1.1 * without.p95
    assert speed >= audio_per_s
