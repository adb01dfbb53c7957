"""Slow and numerous clients. They run in a process of their own, so that they take no time from the measuring process.

`python -m tests.chaos.clients.noisy_clients HOST PORT SPEECH` reads commands from stdin. It answers "begin KIND" with
"on" when the disturbance is in effect, and "end" with "off" when its connections are closed. SPEECH is a file of s16le
samples, 16 kHz.
"""

import asyncio
import itertools
import os
import sys
from asyncio import StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backend.load.driver import drive_session
from backend.load.ledger import SessionLedger
from backend.messages.protocol import Start
from tests.testkit.raw_websocket import BINARY, TEXT, handshake, masked, opened
from tests.testkit.servers.fault_proxy import FaultProxy

START = masked(TEXT, b'{"type":"start","language":"en"}')
KEEPALIVE = masked(TEXT, b'{"type":"keepalive"}')
FRAME_BYTES = 3_200  # 100 ms of speech
# Number of clients of each kind.
IDLE = 1_000
BURST = 200
NEVER_READING = 20
TRICKLING = 100  # in each of two ways
RECONNECTING = 5
BURST_EVERY_S = 2.0
CUT_EVERY_S = 2.0
SESSION_S = 3_600  # longer than any disturbance


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway to disturb."""

    host: str
    port: int
    speech: bytes
    in_effect: asyncio.Event  # set when the disturbance is in effect


async def idle(gateway: Gateway) -> None:
    """Sessions that only send `keepalive`."""
    writers: list[StreamWriter] = []
    try:
        for _ in range(IDLE):
            writers.append((await opened(gateway.host, gateway.port, START))[1])
            await asyncio.sleep(0.005)
        gateway.in_effect.set()
        for writer in itertools.cycle(writers):
            writer.write(KEEPALIVE)
            await asyncio.sleep(5 / IDLE)
    finally:
        for writer in writers:
            writer.transport.abort()


async def burst(gateway: Gateway) -> None:
    """Clients that connect at the same moment, start a session and disconnect, repeatedly."""
    gateway.in_effect.set()
    while True:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(_start_and_disconnect(gateway) for _ in range(BURST)))
        await asyncio.sleep(began + BURST_EVERY_S - asyncio.get_running_loop().time())


async def _start_and_disconnect(gateway: Gateway) -> None:
    reader, writer = await opened(gateway.host, gateway.port, START)
    await reader.readuntil(b'"ready"')
    writer.transport.abort()


async def never_reading(gateway: Gateway) -> None:
    """Clients that speak, provoke an answer with every frame, and read none of them."""
    gateway.in_effect.set()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(NEVER_READING):
            tasks.create_task(_never_read(gateway))


async def _never_read(gateway: Gateway) -> None:
    # The gateway answers each unknown message with an error event.
    unknown = masked(TEXT, b'{"type":"unknown","of":"' + b"x" * 60 + b'"}')
    while True:
        _, writer = await opened(gateway.host, gateway.port, START, room=1 << 10)
        with suppress(OSError):
            for at in itertools.count(0, FRAME_BYTES):
                writer.write(masked(BINARY, _piece(gateway.speech, at)) + unknown)
                await writer.drain()
                await asyncio.sleep(0.1)


async def trickle(gateway: Gateway) -> None:
    """Clients that send one byte per second: in the handshake, and within a frame."""
    gateway.in_effect.set()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(TRICKLING):
            tasks.create_task(_send_slowly(gateway, b"", handshake()))
            tasks.create_task(_send_slowly(gateway, handshake() + START, masked(BINARY, bytes(60_000))))


async def _send_slowly(gateway: Gateway, at_once: bytes, slowly: bytes) -> None:
    while True:
        _, writer = await asyncio.open_connection(gateway.host, gateway.port)
        with suppress(OSError):
            writer.write(at_once)
            for byte in slowly:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)


async def reconnecting(gateway: Gateway) -> None:
    """Clients whose connections are all cut at once, within a word, and which resume their sessions."""
    frames = [_piece(gateway.speech, number * FRAME_BYTES) for number in range(10 * SESSION_S)]
    async with FaultProxy(gateway.host, gateway.port) as proxy, asyncio.TaskGroup() as tasks:
        for _ in range(RECONNECTING):
            url = f"ws://127.0.0.1:{proxy.port}/v1/stream"
            tasks.create_task(drive_session(url, Start(language="en"), SessionLedger(frames)))
        gateway.in_effect.set()
        while True:
            await asyncio.sleep(CUT_EVERY_S)
            proxy.cut()


def _piece(speech: bytes, at: int) -> bytes:
    """100 ms of the speech, which is repeated."""
    at %= len(speech) - FRAME_BYTES
    return speech[at - at % 2 :][:FRAME_BYTES]


KINDS: dict[str, Callable[[Gateway], Awaitable[None]]] = {
    "never-reading": never_reading,
    "trickle": trickle,
    "idle": idle,
    "burst": burst,
    "reconnecting": reconnecting,
}


async def _run_commands(host: str, port: int, speech: bytes) -> None:
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    disturbance: asyncio.Task[None] | None = None
    while command := (await commands.readline()).decode().split():
        if command[0] == "begin":
            gateway = Gateway(host, port, speech, asyncio.Event())
            disturbance = asyncio.ensure_future(KINDS[command[1]](gateway))
            await gateway.in_effect.wait()
            print("on", flush=True)
        elif disturbance:
            disturbance.cancel()
            await asyncio.wait([disturbance])
            print("off", flush=True)


if __name__ == "__main__":
    os.nice(19)  # the lowest priority: the gateway must not wait for this process
    asyncio.run(_run_commands(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_bytes()))
