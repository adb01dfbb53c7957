"""Sessions, their Redis writes and a worker, on streams in memory and in virtual time, with faults."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from backend.messages.protocol import Notice
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import AUDIO
from backend.streams.worker.consumer import Consumer
from tests.testkit.streams.live_sessions import StreamSession, recognize
from tests.testkit.streams.memory import MemoryEntrySource, MemoryFanout, MemorySessions, MemoryStreams
from tests.testkit.streams.virtual_time import loop_clock, virtual_time

SESSIONS = 3


class System:
    """Speaking sessions and a worker that can be killed."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.streams = MemoryStreams(loop_clock(), shards=2)
        self._tasks, self._sessions = tasks, MemorySessions(self.streams)
        self.sessions = [
            StreamSession(self.streams, self._sessions, f"s{n}", partials=n == 0, now=self.streams.clock.wall)
            for n in range(SESSIONS)
        ]
        self._stop_worker, self._workers = asyncio.Event(), 0
        self.start_worker()

    def start_worker(self) -> None:
        self._workers += 1
        settings = WorkerSettings(claim_after_ms=2_000, max_attempts=1_000)
        source = MemoryEntrySource(self.streams, AUDIO, f"worker-{self._workers}", settings)
        consumer = Consumer(source, self.streams, settings, recognize, self.streams.clock)
        self._worker = self._tasks.create_task(consumer.consume_until(self._stop_worker))

    def kill_worker(self) -> None:
        self._worker.cancel()
        self.start_worker()

    def lose_messages(self) -> None:
        """As when a subscription is lost and established again."""
        for listener in [one for listeners in self.streams.listeners.values() for one in listeners]:
            listener.gap.set()

    @contextmanager
    def without_messages(self) -> Iterator[None]:
        """Messages that are published meanwhile reach no listener."""
        listeners, self.streams.listeners = self.streams.listeners, {}
        try:
            yield
        finally:
            self.streams.listeners = listeners
            self.lose_messages()

    async def speak(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def utterances(self) -> list[int]:
        return [session.session.record().count for session in self.sessions]


@asynccontextmanager
async def speaking() -> AsyncIterator[System]:
    """At the end, every session must have received every final once and in order."""
    async with asyncio.TaskGroup() as tasks:
        system = System(tasks)
        stop, fanout = asyncio.Event(), MemoryFanout(system.streams)
        running = [tasks.create_task(session.run(fanout, stop)) for session in system.sessions]
        await system.speak(5)
        yield system
        await system.speak(5)
        stop.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*running)
        system._stop_worker.set()
    for session, count in zip(system.sessions, system.utterances(), strict=True):
        assert count > 5
        assert session.finals == list(range(1, count + 1))


def notices(system: System) -> list[str]:
    return [event.code for event in system.sessions[0].notices if isinstance(event, Notice)]


@virtual_time
async def test_without_faults_every_final_is_delivered_once() -> None:
    async with speaking() as system:
        await system.speak(30)
    assert notices(system) == []


@virtual_time
async def test_a_killed_worker_delays_finals_and_loses_none() -> None:
    async with speaking() as system:
        for _ in range(5):
            system.kill_worker()
            await system.speak(4)


@virtual_time
async def test_an_outage_is_reported_to_the_client_and_loses_no_final() -> None:
    async with speaking() as system:
        with system.streams.outage():
            await system.speak(20)
    assert notices(system) == ["delayed", "delay_over"]


@virtual_time
async def test_a_short_outage_is_not_reported() -> None:
    # The delay before the next attempt is random, and grows with the outage.
    random.seed(0)
    async with speaking() as system:
        with system.streams.outage():
            await system.speak(0.1)
    assert notices(system) == []


@virtual_time
async def test_work_that_was_lost_with_all_data_is_submitted_again() -> None:
    async with speaking() as system:
        for _ in range(5):
            with system.streams.outage():
                system.streams.lose_everything()
                await system.speak(0.2)
            system.lose_messages()
            await system.speak(3)


@virtual_time
async def test_messages_that_were_lost_are_read_from_the_log() -> None:
    async with speaking() as system:
        for _ in range(5):
            with system.without_messages():
                await system.speak(1)
            await system.speak(1)


@pytest.mark.parametrize("seed", range(3))
@virtual_time
async def test_random_faults_lose_and_duplicate_no_final(seed: int) -> None:
    rng = random.Random(seed)
    async with speaking() as system:
        for _ in range(12):
            match rng.choice(["kill", "outage", "lose data", "lose messages"]):
                case "kill":
                    system.kill_worker()
                case "outage":
                    with system.streams.outage():
                        await system.speak(rng.uniform(0, 15))
                case "lose data":
                    with system.streams.outage():
                        system.streams.lose_everything()
                        await system.speak(rng.uniform(0, 3))
                    system.lose_messages()
                case "lose messages":
                    with system.without_messages():
                        await system.speak(rng.uniform(0, 3))
            await system.speak(rng.uniform(0, 5))
