"""Measure a room with many readers on one gateway: `python -m tests.bench.rooms --readers 1000`.

A real gateway and a real Valkey server. This process is the gateway of the speaker: it publishes the events of one
session as a session does, with its translations. The readers are connections of this process that follow the room as
server-sent events, in five languages by turns. The time from publishing an event until each reader has its caption is
measured. Publisher and readers share a process and its clock, so the readers' own work is part of the time.
"""

import asyncio
import re
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import click
import uvloop

from backend.load.score import Spread
from backend.load.usage import usage, usage_between
from backend.local.system import System, running
from backend.messages.protocol import Final, Message, Partial, Translation
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from backend.streams.rooms.rooms import RedisRooms
from gateway.rooms.publisher import RoomPublisher
from tests.testkit import cli
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

ROOM, SPOKEN, OTHERS = "conference", "en", ("es", "fr", "de", "it")
GATEWAY = "gateway-1"
# Events of an utterance: partials, and then the final.
PARTIALS = 9
WORDS = "and so my fellow citizens ask not what your country can do for you"
NUMBER = re.compile(rb'"text":"(\d+) ')
CONNECTING_AT_ONCE = 50
MAX_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class RoomReport:
    """Delivery times, and what readers cost."""

    readers: int
    events: int
    events_per_s: float
    # From publishing an event until one reader has its caption.
    delivery_ms: Spread | None
    # Of one core, while events are delivered.
    gateway_cpu_share: float
    # Resident memory of the gateway, with all readers compared with none.
    kib_per_reader: float
    wrong: tuple[str, ...]


@dataclass(slots=True)
class RoomAudience:
    """All readers, and when each event was published."""

    published: list[float] = field(default_factory=list)
    delivered_ms: list[float] = field(default_factory=list)
    pending: int = 0
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    lost: int = 0

    def deliver(self, number: int) -> None:
        """A reader has received the caption of an event."""
        self.delivered_ms.append(1000 * (time.perf_counter() - self.published[number]))
        self.pending -= 1
        if not self.pending:
            self.complete.set()


class ReaderProtocol(asyncio.Protocol):
    """One reader. It parses no more than it must, so that a thousand fit into one process."""

    def __init__(self, audience: RoomAudience, url: str, language: str) -> None:
        parts = urlsplit(url)
        self._audience, self._rest = audience, b""
        self._request = f"GET /v1/rooms/{ROOM}/events?lang={language} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        cast("asyncio.Transport", transport).write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        """Count the captions in the data."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not self.opened.done() and line.startswith(b"retry:"):
                self.opened.set_result(None)
            elif found := NUMBER.search(line):
                self._audience.deliver(int(found[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a reader that was disconnected."""
        self._audience.lost += 1


async def measure(readers: int, events: int, events_per_s: float, directory: Path) -> RoomReport:
    """Measure on a new system with its files in `directory`."""
    plan = system_plan(directory, environment={**NO_LOAD_LIMIT, "GATEWAY_MAX_READERS": str(readers)})
    async with running(plan, lambda _: None) as system, AsyncExitStack() as stack:
        settings = ServiceSettings(REDIS_URL=system.redis_url)
        redis = await stack.enter_async_context(connect(settings))
        audience, before_kib = RoomAudience(), _resident_kib(system)
        transports = await _join(audience, system, readers)
        await asyncio.sleep(2)
        kib_per_reader = (_resident_kib(system) - before_kib) / readers
        publisher = RoomPublisher(RedisRooms(redis, settings), ROOM, "", "bench")
        used, began = usage(system.processes), time.perf_counter()
        await _publish(publisher, audience, readers, events, events_per_s)
        cpu_s = usage_between(used, usage(system.processes))[GATEWAY].cpu_s
        seconds = time.perf_counter() - began
        wrong = [f"{audience.pending} captions are missing"] if audience.pending else []
        wrong += [f"{audience.lost} readers were disconnected"] if audience.lost else []
        for transport in transports:
            transport.close()
    share = round(cpu_s / seconds, 3)
    spread = Spread.of(audience.delivered_ms)
    return RoomReport(readers, events, events_per_s, spread, share, round(kib_per_reader, 1), tuple(wrong))


async def _join(audience: RoomAudience, system: System, readers: int) -> list[asyncio.BaseTransport]:
    parts, slots = urlsplit(system.urls[0]), asyncio.Semaphore(CONNECTING_AT_ONCE)
    loop, languages = asyncio.get_running_loop(), ("spoken", *OTHERS)

    async def join(number: int) -> asyncio.BaseTransport:
        async with slots, asyncio.timeout(MAX_WAIT_S):
            language = languages[number % len(languages)]
            transport, reader = await loop.create_connection(
                lambda: ReaderProtocol(audience, system.urls[0], language), parts.hostname or "", parts.port or 0
            )
            await reader.opened
            return transport

    return await asyncio.gather(*map(join, range(readers)))


async def _publish(
    publisher: RoomPublisher, audience: RoomAudience, readers: int, events: int, events_per_s: float
) -> None:
    """Publish events with their translations, and wait until every reader has every caption."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publisher.run())
        began = time.perf_counter()
        audience.pending = events * readers
        for number in range(events):
            await asyncio.sleep(began + number / events_per_s - time.perf_counter())
            audience.published.append(time.perf_counter())
            for event in _events(number):
                publisher.publish(event)
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                await audience.complete.wait()
        except TimeoutError:
            pass
        publisher.close()


def _events(number: int) -> Sequence[Message]:
    """An event of the session, and its translations. The text begins with the number of the event."""
    utterance, step = divmod(number, PARTIALS + 1)
    times = {"utterance": utterance + 1, "language": SPOKEN, "start_ms": 0, "end_ms": 1_000}
    text, is_final = f"{number} {WORDS}", step == PARTIALS
    spoken: Message = Partial(revision=step, committed=text, tentative=" ask", **times)
    if is_final:
        spoken = Final(text=text, confidence=0.9, translate_to=OTHERS, cursor=f"{number + 1}-0", **times)
    translations = (
        Translation(
            utterance=utterance + 1,
            language=code,
            text=text,
            is_final=is_final,
            cursor=f"{number + 1}-{place}" if is_final else "",
        )
        for place, code in enumerate(OTHERS, 1)
    )
    return (spoken, *translations)


def _resident_kib(system: System) -> int:
    status = Path(f"/proc/{system.processes[GATEWAY]}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def describe(report: RoomReport) -> str:
    """The report as text."""
    lines = (
        f"{report.readers} readers in {len(OTHERS) + 1} languages, {report.events_per_s:g} events per second: "
        f"{cli.spread(report.delivery_ms, 'ms')} to a reader",
        f"gateway: {report.gateway_cpu_share:.0%} of a core, {report.kib_per_reader:.1f} KiB per reader",
    )
    return cli.with_problems(lines, report.wrong)


@click.command()
@click.option("--readers", type=click.IntRange(1), default=1_000, show_default=True, help="Number of readers.")
@click.option("--events", type=click.IntRange(1), default=100, show_default=True, help="Events of the session.")
@click.option("--events-per-s", type=click.FloatRange(0, min_open=True), default=4.0, show_default=True)
@cli.json_option
def main(readers: int, events: int, events_per_s: float, json_file: Path | None) -> None:
    """Measure a room. Exits with 1 if a reader missed a caption or was disconnected."""
    with (
        tempfile.TemporaryDirectory(prefix="nova-") as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        report = runner.run(measure(readers, events, events_per_s, Path(directory)))
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
