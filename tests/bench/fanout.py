"""One speaker, many readers: `python -m tests.bench.fanout --readers 500`.

Readers in one process hear one session's channel through the gateway's fan-out, from a real Valkey. First events come
at a steady pace, and what counts is the time from publishing one to the last reader's having it; then as many as a
reader's queue holds are published at once, and what counts is how many are delivered in a second. Publisher and readers
share a process and its clock, so the publisher's work is in the processor time.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
import numpy as np
import uvloop

from backend.messages.protocol import Partial
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.fanout import QUEUE_SIZE, Listener
from backend.streams.session.redis_fanout import RedisFanout
from tests.bench.support import results
from tests.testkit.system.plans import own_redis

SESSION = "conference"
WORDS = "and so my fellow citizens ask not what your country can do for you"
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. Milliseconds, except where a name says otherwise."""

    readers: int
    events: int
    a_second: float
    p50: float
    """From publishing an event to the last reader's having it."""
    p99: float
    cpu_share: float
    """Of one core, at the steady pace."""
    delivered_a_second: float
    """Events times readers, when all were published at once."""
    cpu_us_a_delivery: float
    """The same, microseconds."""
    wrong: tuple[str, ...]


@dataclass(slots=True)
class Room:
    """The readers, and when each event was published and had by all."""

    listeners: Sequence[Listener]
    published: list[float] = field(default_factory=list)
    had: list[float] = field(default_factory=list)
    """When the last reader got it; both by an event's number, which is its revision."""
    missing: int = 0
    """Deliveries that are under way."""
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, listener: Listener) -> None:
        """One reader; all that comes is noted."""
        while True:
            event = (await listener.next_event()).event
            assert isinstance(event, Partial)
            self.had[event.revision] = time.perf_counter()
            self.missing -= 1
            if not self.missing:
                self.complete.set()

    async def publish(self, streams: RedisJobStreams, count: int = 1) -> None:
        """So many events, in one go."""
        first = len(self.published)
        events = [_event(number) for number in range(first, first + count)]
        self.missing += count * len(self.listeners)
        self.complete.clear()
        self.had += [0.0] * count
        self.published += [time.perf_counter()] * count
        await streams.publish_previews(SESSION, events)

    async def amiss(self) -> list[str]:
        """Wait until everybody has everything; what is wrong when that takes too long, or somebody was left behind."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self.complete.wait()
        gaps = sum(listener.gap.is_set() for listener in self.listeners)
        lost = [f"{self.missing} deliveries are missing"] if self.missing else []
        return [*lost, *([f"{gaps} readers were told of a gap"] if gaps else [])]


async def measure(readers: int, events: int, a_second: float, directory: Path) -> Report:
    """On a Valkey of its own."""
    async with own_redis(directory) as url, connect(ServiceSettings(REDIS_URL=url)) as redis, AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        streams, fanout = RedisJobStreams(redis, ServiceSettings()), RedisFanout(redis, "bench")
        own = [tasks.create_task(fanout.deliver_forever())]
        channel = streams.shard(SESSION).events(SESSION)
        seats = [fanout.listen(channel) for _ in range(readers)]
        room = Room([await stack.enter_async_context(seat) for seat in seats])
        own += [tasks.create_task(room.read(listener)) for listener in room.listeners]
        cpu_share, wrong = await _steadily(room, streams, events, a_second)
        waits = 1000 * (np.array(room.had) - np.array(room.published))
        burst, burst_s, burst_cpu_s, more_wrong = await _at_once(room, streams)
        for task in own:
            task.cancel()
    p50, p99 = np.percentile(waits, [50, 99]).round(2).tolist()
    return Report(
        readers,
        events,
        a_second,
        p50,
        p99,
        round(cpu_share, 3),
        round(burst * readers / burst_s),
        round(1e6 * burst_cpu_s / burst / readers, 2),
        (*wrong, *more_wrong),
    )


async def _steadily(room: Room, streams: RedisJobStreams, events: int, a_second: float) -> tuple[float, list[str]]:
    """The share of a core that it took, and what went wrong."""
    began, cpu_s = time.perf_counter(), time.process_time()
    for number in range(events):
        await asyncio.sleep(began + number / a_second - time.perf_counter())
        await room.publish(streams)
    wrong = await room.amiss()
    return (time.process_time() - cpu_s) / (time.perf_counter() - began), wrong


async def _at_once(room: Room, streams: RedisJobStreams) -> tuple[int, float, float, list[str]]:
    """Events, and the seconds and processor seconds that they took; what went wrong."""
    count = QUEUE_SIZE // 2
    began, cpu_s = time.perf_counter(), time.process_time()
    await room.publish(streams, count)
    wrong = await room.amiss()
    return count, max(room.had) - began, time.process_time() - cpu_s, wrong


def _event(number: int) -> Partial:
    return Partial(
        utterance=1, revision=number, committed=WORDS, tentative=" ask", language="en", start_ms=0, end_ms=5_000
    )


def describe(report: Report) -> str:
    """The figures for people."""
    lines = (
        f"{report.readers} readers, {report.a_second:g} events a second: p50 {report.p50:.1f} ms, "
        f"p99 {report.p99:.1f} ms to the last reader, {report.cpu_share:.0%} of a core",
        f"at once: {report.delivered_a_second:,.0f} deliveries a second, {report.cpu_us_a_delivery:.1f} us each",
    )
    return "\n".join([*lines, *(f"WRONG {what}" for what in report.wrong)])


@click.command()
@click.option("--readers", type=click.IntRange(1), default=500, show_default=True)
@click.option("--events", type=click.IntRange(1), default=100, show_default=True)
@click.option("--a-second", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True)
@results.option
def main(readers: int, events: int, a_second: float, file: Path | None) -> None:
    """Measure; exit with 1 when a reader missed anything."""
    with (
        tempfile.TemporaryDirectory(prefix="nova-") as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        report = runner.run(measure(readers, events, a_second, Path(directory)))
    click.echo(describe(report))
    results.write(file, {}, **asdict(report))
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
