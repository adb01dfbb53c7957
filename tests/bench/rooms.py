"""Measure a room with many readers on one gateway: `python -m tests.bench.rooms --readers 1000`.

A real gateway and a real Valkey server. This process is the gateway of the speaker: it publishes the events of one
session as a session does, with its translations. The readers are connections of other processes that follow the room,
in five languages by turns. Two times are measured, from publishing an event: until the kernel has its caption for a
reader, and until the reader has read it. On few processors, the second one contains the work of all readers.
"""

import asyncio
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import click
import uvloop

from backend.load.score import Spread
from backend.load.usage import usage, usage_between
from backend.local.system import System, running
from backend.messages.protocol import Final, Message, Partial, Translation
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from backend.streams.rooms.rooms import RedisRooms
from gateway.rooms.publishing.publisher import RoomPublisher
from tests.bench.support.room_readers import Received, read_room
from tests.testkit import cli
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

ROOM, SPOKEN, OTHERS = "conference", "en", ("es", "fr", "de", "it")
GATEWAY = "gateway-1"
# Events of an utterance: partials, and then the final.
PARTIALS = 9
WORDS = "and so my fellow citizens ask not what your country can do for you"
MAX_WAIT_S = 120.0
NS = 1_000_000


@dataclass(frozen=True, slots=True)
class RoomOptions:
    """The room and its readers."""

    readers: int
    events: int
    events_per_s: float
    transport: str
    processes: int


@dataclass(frozen=True, slots=True)
class RoomReport:
    """Delivery times, and what readers cost."""

    options: RoomOptions
    # From publishing an event until the kernel has its caption for one reader.
    delivery_ms: Spread | None
    # From publishing an event until the reader has read its caption.
    read_ms: Spread | None
    # Captions of speech in progress that were left out because newer ones followed.
    coalesced: int
    # Of one core, while events are delivered.
    gateway_cpu_share: float
    # Of all processes with readers.
    readers_cpu_share: float
    gateway_cpu_us_per_delivery: float
    # Resident memory of the gateway, with all readers compared with none.
    kib_per_reader: float
    wrong: tuple[str, ...]


async def measure(options: RoomOptions, directory: Path) -> RoomReport:
    """Measure on a new system with its files in `directory`."""
    plan = system_plan(directory, environment={**NO_LOAD_LIMIT, "GATEWAY_MAX_READERS": str(options.readers)})
    async with running(plan, lambda _: None) as system, AsyncExitStack() as stack:
        settings = ServiceSettings(REDIS_URL=system.redis_url)
        redis = await stack.enter_async_context(connect(settings))
        before_kib = _resident_kib(system)
        audience = await stack.enter_async_context(_audience(options, f"{system.urls[0]}/v1/rooms/{ROOM}"))
        await asyncio.sleep(2)
        kib_per_reader = (_resident_kib(system) - before_kib) / options.readers
        publisher = RoomPublisher(RedisRooms(redis, settings), ROOM, "", "bench")
        used, began = usage(system.processes), time.perf_counter()
        published = await _publish(publisher, options)
        await asyncio.sleep(1)
        cpu_s = usage_between(used, usage(system.processes))[GATEWAY].cpu_s
        seconds = time.perf_counter() - began
        received = await asyncio.gather(*(asyncio.to_thread(_received, parent) for parent in audience))
    return _report(options, published, received, cpu_s, seconds, kib_per_reader)


def _report(
    options: RoomOptions,
    published: Sequence[int],
    received: Sequence[Received],
    cpu_s: float,
    seconds: float,
    kib_per_reader: float,
) -> RoomReport:
    deliveries = [one for part in received for one in part.deliveries]
    counts = Counter(one.number for one in deliveries)
    missing = [number for number in range(options.events) if counts[number] < options.readers]
    finals = [number for number in missing if _is_final(number)]
    lost = sum(part.lost for part in received)
    wrong = [f"event {number} reached {counts[number]} readers" for number in finals]
    wrong += [f"{lost} readers were disconnected"] if lost else []
    return RoomReport(
        options,
        Spread.of([(one.arrived_ns - published[one.number]) / NS for one in deliveries]),
        Spread.of([(one.read_ns - published[one.number]) / NS for one in deliveries]),
        coalesced=sum(options.readers - counts[number] for number in missing if not _is_final(number)),
        gateway_cpu_share=round(cpu_s / seconds, 3),
        readers_cpu_share=round(sum(part.cpu_s for part in received) / seconds, 3),
        gateway_cpu_us_per_delivery=round(1e6 * cpu_s / max(1, len(deliveries)), 1),
        kib_per_reader=round(kib_per_reader, 1),
        wrong=tuple(wrong),
    )


@asynccontextmanager
async def _audience(options: RoomOptions, url: str) -> AsyncIterator[list[Connection]]:
    """Processes with all readers, by turns in each language."""
    context, languages = multiprocessing.get_context("spawn"), ("spoken", *OTHERS)
    readers = [(number, languages[number % len(languages)]) for number in range(options.readers)]
    parents, processes = [], []
    for place in range(options.processes):
        parent, child = context.Pipe()
        share = readers[place :: options.processes]
        processes.append(context.Process(target=read_room, args=(url, options.transport, share, child), daemon=True))
        parents.append(parent)
        processes[-1].start()
    try:
        for parent in parents:
            await asyncio.to_thread(_message, parent)
        yield parents
    finally:
        for process in processes:
            process.kill()
            process.join()


def _message(parent: Connection) -> object:
    if not parent.poll(MAX_WAIT_S):
        raise TimeoutError("a process with readers does not answer")
    return parent.recv()


def _received(parent: Connection) -> Received:
    parent.send("stop")
    received = _message(parent)
    assert isinstance(received, Received)
    return received


async def _publish(publisher: RoomPublisher, options: RoomOptions) -> list[int]:
    """Publish events with their translations. When each one was published, Unix time in ns."""
    published = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publisher.run())
        began = time.perf_counter()
        for number in range(options.events):
            await asyncio.sleep(began + number / options.events_per_s - time.perf_counter())
            published.append(time.time_ns())
            for event in _events(number):
                publisher.publish(event)
        publisher.close()
    return published


def _is_final(number: int) -> bool:
    return number % (PARTIALS + 1) == PARTIALS


def _events(number: int) -> Sequence[Message]:
    """An event of the session, and its translations. The text begins with the number of the event."""
    utterance, step = divmod(number, PARTIALS + 1)
    times = {"utterance": utterance + 1, "language": SPOKEN, "start_ms": 0, "end_ms": 1_000}
    text, is_final = f"{number} {WORDS}", _is_final(number)
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
    options = report.options
    lines = (
        f"{options.readers} readers ({options.transport}) in {len(OTHERS) + 1} languages, "
        f"{options.events_per_s:g} events per second",
        f"gateway to kernel: {cli.spread(report.delivery_ms, 'ms')}",
        f"read by readers:   {cli.spread(report.read_ms, 'ms')}; {report.coalesced} partials coalesced",
        f"gateway: {report.gateway_cpu_share:.0%} of a core, {report.gateway_cpu_us_per_delivery:.1f} us per delivery, "
        f"{report.kib_per_reader:.1f} KiB per reader; readers: {report.readers_cpu_share:.0%} of a core",
    )
    return cli.with_problems(lines, report.wrong)


@click.command()
@click.option("--readers", type=click.IntRange(1), default=1_000, show_default=True, help="Number of readers.")
@click.option("--events", type=click.IntRange(1), default=100, show_default=True, help="Events of the session.")
@click.option("--events-per-s", type=click.FloatRange(0, min_open=True), default=4.0, show_default=True)
@click.option("--transport", type=click.Choice(("sse", "websocket")), default="sse", show_default=True)
@click.option("--processes", type=click.IntRange(1), default=2, show_default=True, help="Processes with readers.")
@cli.json_option
def main(
    readers: int, events: int, events_per_s: float, transport: str, processes: int, json_file: Path | None
) -> None:
    """Measure a room. Exits with 1 if a reader missed a final or was disconnected."""
    options = RoomOptions(readers, events, events_per_s, transport, processes)
    with (
        tempfile.TemporaryDirectory(prefix="nova-") as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        report = runner.run(measure(options, Path(directory)))
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
