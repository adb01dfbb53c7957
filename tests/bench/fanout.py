"""Measure the fan-out of one session to many subscribers: `python -m tests.bench.fanout --readers 500`.

Subscribers in one process receive one session's channel through `RedisFanout`, from a real Valkey server. First, events
are published at a steady rate, and the time until the last subscriber has each is measured. Then as many events as a
subscriber's queue holds are published at once, and the deliveries per second are measured. Publisher and subscribers
share a process and its clock, so the CPU time includes publishing.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
import uvloop

from backend.load.score import Spread
from backend.messages.protocol import Partial
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.fanout import QUEUE_SIZE, Listener
from backend.streams.session.redis_fanout import RedisFanout
from tests.testkit import cli
from tests.testkit.system.plans import own_redis

SESSION = "conference"
WORDS = "and so my fellow citizens ask not what your country can do for you"
MAX_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Report:
    """Latency at a steady rate, and throughput of a burst."""

    readers: int
    events: int
    events_per_s: float
    latency_ms: Spread | None  # from publishing an event until the last subscriber has it
    cpu_share: float  # of one core, at the steady rate
    deliveries_per_s: float  # events times subscribers, when all are published at once
    cpu_us_per_delivery: float  # in the burst
    wrong: tuple[str, ...]


@dataclass(slots=True)
class Burst:
    """A number of events that were published at once."""

    events: int
    seconds: float
    cpu_s: float


@dataclass(slots=True)
class Audience:
    """Subscribers, and when each event was published and received by all of them."""

    listeners: Sequence[Listener]
    # Both by the number of the event, which is its revision. `received`: by the last subscriber.
    published: list[float] = field(default_factory=list)
    received: list[float] = field(default_factory=list)
    pending: int = 0  # deliveries
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    wrong: list[str] = field(default_factory=list)

    async def read(self, listener: Listener) -> None:
        """Receive events as one subscriber, until cancelled."""
        while True:
            event = (await listener.next_event()).event
            assert isinstance(event, Partial)
            self.received[event.revision] = time.perf_counter()
            self.pending -= 1
            if not self.pending:
                self.complete.set()

    async def publish(self, streams: RedisJobStreams, count: int = 1) -> None:
        """Publish `count` events in one call."""
        first = len(self.published)
        events = [_event(number) for number in range(first, first + count)]
        self.pending += count * len(self.listeners)
        self.complete.clear()
        self.received += [0.0] * count
        self.published += [time.perf_counter()] * count
        await streams.publish_previews(SESSION, events)

    async def wait(self) -> None:
        """Wait until every subscriber has every event, and note a problem if that does not happen."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MAX_WAIT_S):
                await self.complete.wait()
        gaps = sum(listener.gap.is_set() for listener in self.listeners)
        self.wrong += [f"{self.pending} deliveries are missing"] if self.pending else []
        self.wrong += [f"{gaps} subscribers were notified of a gap"] if gaps else []


async def measure(readers: int, events: int, events_per_s: float, directory: Path) -> Report:
    """Measure on a new Valkey server with its files in `directory`."""
    async with own_redis(directory) as url, connect(ServiceSettings(REDIS_URL=url)) as redis, AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        streams, fanout = RedisJobStreams(redis, ServiceSettings()), RedisFanout(redis, "bench")
        running = [tasks.create_task(fanout.deliver_forever())]
        channel = streams.shard(SESSION).events(SESSION)
        listeners = [await stack.enter_async_context(fanout.listen(channel)) for _ in range(readers)]
        audience = Audience(listeners)
        running += [tasks.create_task(audience.read(listener)) for listener in listeners]
        cpu_share = await _publish_steadily(audience, streams, events, events_per_s)
        latencies = [1000 * (r - p) for p, r in zip(audience.published, audience.received, strict=True)]
        burst = await _publish_burst(audience, streams)
        for task in running:
            task.cancel()
    return Report(
        readers,
        events,
        events_per_s,
        Spread.of(latencies),
        round(cpu_share, 3),
        round(burst.events * readers / burst.seconds),
        round(1e6 * burst.cpu_s / burst.events / readers, 2),
        tuple(audience.wrong),
    )


async def _publish_steadily(audience: Audience, streams: RedisJobStreams, events: int, events_per_s: float) -> float:
    """Returns the used share of a core."""
    began, cpu_s = time.perf_counter(), time.process_time()
    for number in range(events):
        await asyncio.sleep(began + number / events_per_s - time.perf_counter())
        await audience.publish(streams)
    await audience.wait()
    return (time.process_time() - cpu_s) / (time.perf_counter() - began)


async def _publish_burst(audience: Audience, streams: RedisJobStreams) -> Burst:
    count = QUEUE_SIZE // 2
    began, cpu_s = time.perf_counter(), time.process_time()
    await audience.publish(streams, count)
    await audience.wait()
    return Burst(count, max(audience.received) - began, time.process_time() - cpu_s)


def _event(number: int) -> Partial:
    return Partial(
        utterance=1, revision=number, committed=WORDS, tentative=" ask", language="en", start_ms=0, end_ms=5_000
    )


def describe(report: Report) -> str:
    """The report as text."""
    lines = (
        f"{report.readers} subscribers, {report.events_per_s:g} events per second: "
        f"{cli.spread(report.latency_ms, 'ms')} to the last subscriber, {report.cpu_share:.0%} of a core",
        f"burst: {report.deliveries_per_s:,.0f} deliveries per second, {report.cpu_us_per_delivery:.1f} us CPU each",
    )
    return cli.with_problems(lines, report.wrong)


@click.command()
@click.option("--readers", type=click.IntRange(1), default=500, show_default=True, help="Number of subscribers.")
@click.option("--events", type=click.IntRange(1), default=100, show_default=True, help="Events at the steady rate.")
@click.option("--events-per-s", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True)
@cli.json_option
def main(readers: int, events: int, events_per_s: float, json_file: Path | None) -> None:
    """Measure the fan-out. Exits with 1 if a subscriber missed an event."""
    with (
        tempfile.TemporaryDirectory(prefix="nova-") as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        report = runner.run(measure(readers, events, events_per_s, Path(directory)))
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
