"""Clients that are a burden, in a process of their own, so that they take no time from whoever measures.

`python -m tests.chaos.clients.noisy_clients HOST PORT SPEECH` reads commands: "begin KIND" is answered by "on"
once the burden is there, "end" by "off" once it is gone. SPEECH is a file of s16le samples, 16 kHz.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from asyncio import StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.testkit.raw_websocket import BINARY, TEXT, handshake, masked, opened
from tests.testkit.servers.fault_proxy import FaultProxy

START = masked(TEXT, b'{"type":"start","language":"en"}')
KEEPALIVE = masked(TEXT, b'{"type":"keepalive"}')
FRAME = 3_200
"""Bytes of speech sent at once: 100 ms."""
IDLE = 1_000
BURST = 200
BURST_EVERY_S = 2.0
DEAF = 20
TRICKLING = 100
"""In each of two ways."""
TALKING = 5
CUT_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """What to burden, and with what."""

    host: str
    port: int
    speech: bytes
    on: asyncio.Event
    """To be set once the burden is there."""


async def idle(place: Place) -> None:
    """Sessions that are started and only say that they are there."""
    writers: list[StreamWriter] = []
    try:
        for _ in range(IDLE):
            writers.append((await opened(place.host, place.port, START))[1])
            await asyncio.sleep(0.005)
        place.on.set()
        for writer in itertools.cycle(writers):
            writer.write(KEEPALIVE)
            await asyncio.sleep(5 / IDLE)
    finally:
        for writer in writers:
            writer.transport.abort()


async def burst(place: Place) -> None:
    """Clients that all connect at the same moment, start a session, and go; again and again."""
    place.on.set()
    while True:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(_come_and_go(place) for _ in range(BURST)))
        await asyncio.sleep(began + BURST_EVERY_S - asyncio.get_running_loop().time())


async def _come_and_go(place: Place) -> None:
    reader, writer = await opened(place.host, place.port, START)
    await reader.readuntil(b'"ready"')
    writer.transport.abort()


async def deaf(place: Place) -> None:
    """Clients that speak, and provoke an answer with every frame, and read none."""
    place.on.set()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(DEAF):
            tasks.create_task(_never_read(place))


async def _never_read(place: Place) -> None:
    provocation = masked(TEXT, b'{"type":"sing","of":"' + b"x" * 60 + b'"}')
    while True:
        _, writer = await opened(place.host, place.port, START, room=1 << 10)
        with suppress(OSError):
            for at in itertools.count(0, FRAME):
                writer.write(masked(BINARY, _piece(place.speech, at)) + provocation)
                await writer.drain()
                await asyncio.sleep(0.1)


async def trickle(place: Place) -> None:
    """Clients that send a byte a second: in the handshake, and in the middle of a frame."""
    place.on.set()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(TRICKLING):
            tasks.create_task(_drip(place, b"", handshake()))
            tasks.create_task(_drip(place, handshake() + START, masked(BINARY, bytes(60_000))))


async def _drip(place: Place, at_once: bytes, slowly: bytes) -> None:
    while True:
        _, writer = await asyncio.open_connection(place.host, place.port)
        with suppress(OSError):
            writer.write(at_once)
            for byte in slowly:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)


async def cut(place: Place) -> None:
    """Clients whose connections are cut in the middle of a word, all at once, and who come back and resume."""
    from backend.client.client import Client
    from backend.messages.protocol import Start

    async def talk(port: int) -> None:
        url = f"ws://127.0.0.1:{port}/v1/stream"
        async with Client.connect(url, Start(language="en")) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(_say(client.send, place.speech))
            async for _ in client:
                pass

    async with FaultProxy(place.host, place.port) as proxy, asyncio.TaskGroup() as tasks:
        for _ in range(TALKING):
            tasks.create_task(talk(proxy.port))
        place.on.set()
        while True:
            await asyncio.sleep(CUT_EVERY_S)
            proxy.cut()


async def _say(send: Callable[[bytes], Awaitable[None]], speech: bytes) -> None:
    began = asyncio.get_running_loop().time()
    for number in itertools.count():
        await asyncio.sleep(began + number / 10 - asyncio.get_running_loop().time())
        await send(_piece(speech, number * FRAME))


def _piece(speech: bytes, at: int) -> bytes:
    """The next 100 ms of what is said over and over."""
    at %= len(speech) - FRAME
    return speech[at - at % 2 :][:FRAME]


KINDS: dict[str, Callable[[Place], Awaitable[None]]] = {
    "deaf": deaf,
    "trickle": trickle,
    "idle": idle,
    "burst": burst,
    "cut": cut,
}


async def _obey(host: str, port: int, speech: bytes) -> None:
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    burden: asyncio.Task[None] | None = None
    while command := (await commands.readline()).decode().split():
        if command[0] == "begin":
            place = Place(host, port, speech, asyncio.Event())
            burden = asyncio.ensure_future(KINDS[command[1]](place))
            await place.on.wait()
            print("on", flush=True)
        elif burden:
            burden.cancel()
            await asyncio.wait([burden])
            print("off", flush=True)


if __name__ == "__main__":
    os.nice(19)  # its time is not to be the gateway's
    asyncio.run(_obey(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_bytes()))
