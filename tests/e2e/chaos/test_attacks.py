"""One connection cannot stop a gateway: others are served, and memory returns, while clients attack it."""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest
from websockets.asyncio.client import connect

from backend.local.discovery import stream_url
from backend.local.system import System, running
from tests.conftest import run_in_thread
from tests.testkit.cli import silent
from tests.testkit.raw_websocket import BINARY, TEXT, handshake, masked, opened
from tests.testkit.system.plans import system_plan
from tests.testkit.system.processes import resident_mb

PING = 0x89
START = masked(TEXT, b'{"type":"start"}')
TINY_FRAMES = {
    "empty pings": masked(PING, b""),
    "empty binary frames": masked(BINARY, b""),
    "two bytes of audio": masked(BINARY, b"\0\0"),
    "one-byte fragments": b"\x00\x81\0\0\0\0\0",
}
ATTACK_S = 3.0
# Seconds that an answer for another session may take. Without limits, it takes seconds.
NEIGHBOUR_P95_S = 0.25


@pytest.fixture(scope="module")
def system(artifacts: Path) -> Iterator[System]:
    with run_in_thread(running(system_plan(artifacts / "logs-attacks"), silent)) as up:
        yield up


def place(system: System) -> tuple[str, int]:
    host, port = system.urls[0].removeprefix("http://").split(":")
    return host, int(port)


def memory_mb(system: System) -> float:
    return resident_mb(system.processes["gateway-1"])


@asynccontextmanager
async def attacking(attack: Callable[[], Coroutine[Any, Any, None]], at_once: int = 1) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        attacks = [tasks.create_task(attack()) for _ in range(at_once)]
        yield
        for task in attacks:
            task.cancel()


async def neighbour_p95_s(system: System, seconds: float) -> float:
    """The 95th percentile of the time in which another session's pings are answered."""
    took: list[float] = []
    async with connect(stream_url(system.urls[0])) as socket:
        await socket.send('{"type":"start"}')
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            took.append(await (await socket.ping()))
            await asyncio.sleep(0.02)
    return quantiles(took, n=20)[-1]


async def everything(reader: StreamReader) -> bytes:
    """All data until the connection ends. `StreamReader.read(-1)` would lose it if the connection is reset."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            received += data
    return received


async def flood(system: System, *frames: bytes, repeated: bytes) -> bytes:
    """Send frames as fast as the gateway reads them, until it closes the connection. Returns what it has sent."""
    reader, writer = await opened(*place(system), *frames)
    reading = asyncio.create_task(everything(reader))
    try:
        with contextlib.suppress(ConnectionError):
            while not reading.done():
                writer.write(repeated * 2_000)
                await writer.drain()
        return await reading
    finally:
        reading.cancel()
        writer.transport.abort()


@pytest.mark.parametrize("kind", TINY_FRAMES)
async def test_tiny_frames_do_not_delay_other_sessions(system: System, kind: str) -> None:
    before = await neighbour_p95_s(system, 1.0)
    first = [b"\x02\x81\0\0\0\0\0"] if "fragment" in kind else []

    async def attack() -> None:
        await flood(system, START, *first, repeated=TINY_FRAMES[kind])

    async with attacking(attack):
        during = await neighbour_p95_s(system, ATTACK_S)
    print(f"{kind}: p95 of others {1000 * before:.1f} ms before, {1000 * during:.1f} ms during")
    assert during < NEIGHBOUR_P95_S


async def test_a_client_that_keeps_sending_tiny_frames_is_closed(system: System) -> None:
    async with asyncio.timeout(30):
        sent = await flood(system, START, repeated=TINY_FRAMES["two bytes of audio"])
    assert b'"code":"too_many_frames"' in sent


async def test_pings_of_a_client_that_does_not_read_fill_no_memory(system: System) -> None:
    before = memory_mb(system)

    async def attack() -> None:
        _, writer = await opened(*place(system), START, room=1_024)
        try:
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(masked(PING, bytes(100)) * 500)
                    await writer.drain()
        finally:
            writer.transport.abort()

    async with attacking(attack, at_once=10):
        during = await neighbour_p95_s(system, ATTACK_S)
        grown = memory_mb(system) - before
    print(f"p95 of others {1000 * during:.1f} ms; memory +{grown:.1f} MB")
    assert during < NEIGHBOUR_P95_S
    assert grown < 30


@pytest.mark.parametrize("first", [b"", START], ids=["without a session", "with a session"])
async def test_incomplete_frames_occupy_little_memory_and_return_it(system: System, first: bytes) -> None:
    before, size = memory_mb(system), 30 << 20
    frame = b"\x82\xff" + size.to_bytes(8, "big") + bytes(4)
    opened_sockets: list[tuple[StreamReader, StreamWriter]] = []
    try:
        for _ in range(40):
            reader, writer = await opened(*place(system), first)
            opened_sockets.append((reader, writer))
            with contextlib.suppress(ConnectionError):
                writer.write(frame + bytes(1 << 20))
        await asyncio.sleep(1.0)
        during = memory_mb(system) - before
    finally:
        for _, writer in opened_sockets:
            writer.transport.abort()
    await asyncio.sleep(5.0)
    print(f"memory +{during:.1f} MB during, {memory_mb(system) - before:+.1f} MB 5 s after")
    assert during < 60
    assert memory_mb(system) - before < 30


@pytest.mark.parametrize("header", [b"X-A: a\x1bb", b"X-A: a\x01b"])
async def test_a_control_character_in_a_handshake_is_refused(system: System, header: bytes) -> None:
    reader, writer = await asyncio.open_connection(*place(system))
    writer.write(handshake().removesuffix(b"\r\n") + header + b"\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 400")
    writer.close()


async def test_invalid_utf8_in_a_text_frame_is_an_error_of_the_client(system: System) -> None:
    reader, writer = await opened(*place(system), START, masked(TEXT, b"\xff\xfe"))
    async with asyncio.timeout(5):
        assert b'"code":"invalid_json"' in await reader.read(-1)
    writer.close()


async def test_a_page_that_needs_a_key_is_read_no_further(artifacts: Path) -> None:
    """The page receives the reason on an accepted WebSocket, which is then closed although the client continues."""
    plan = system_plan(artifacts / "logs-attack-keys", environment={"GATEWAY_AUTH": "keys"})
    async with running(plan, silent) as system:
        host, port = place(system)
        reader, writer = await asyncio.open_connection(host, port)
        origin = f"Origin: http://{host}:{port}\r\nHost: {host}:{port}\r\n\r\n".encode()
        head = b"\r\n".join(line for line in handshake().split(b"\r\n") if not line.lower().startswith(b"host"))
        writer.write(head.removesuffix(b"\r\n").removesuffix(b"\r\n") + b"\r\n" + origin)
        async with asyncio.timeout(8):
            with contextlib.suppress(ConnectionError):
                assert b'"code":"unauthorized"' in await reader.readuntil(b"}")
                while True:
                    writer.write(TINY_FRAMES["empty pings"] * 1_000)
                    await asyncio.wait_for(writer.drain(), 5)
                    await asyncio.sleep(0)
