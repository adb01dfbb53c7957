"""Connections that end although their client does not cooperate, over real sockets."""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from gateway.connection.direct_writer import EXTENSION
from gateway.http import limited_websocket
from gateway.http.limited_websocket import SLICE_FRAMES, LimitedWebSocket
from gateway.http.read_budget import ReadLimits
from tests.testkit.raw_websocket import BINARY, masked, opened
from tests.testkit.streams.on_redis import eventually

Application = Callable[[dict[str, Any], Callable[[], Any], Callable[[Any], Any]], Coroutine[Any, Any, None]]

CLOSE = {"type": "websocket.close", "code": 1013, "reason": "slow"}
FRAME = masked(BINARY, bytes(3_200))
# The longest time that a connection may last after its end. Without a limit, it lasts forever.
ENOUGH_S = 20.0


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_websocket, "CHECK_S", 0.05)
    monkeypatch.setattr(limited_websocket, "FLUSH_S", 0.2)
    monkeypatch.setattr(limited_websocket, "LINGER_S", 0.05)


@asynccontextmanager
async def serving(application: Application) -> AsyncIterator[tuple[int, ServerState]]:
    """Yields the port of a server and its state, which contains the open connections."""
    config = uvicorn.Config(application, log_config=None, ws_per_message_deflate=False, ws_max_size=1 << 20)
    config.load()
    state, limits = ServerState(), ReadLimits(frames_per_s=1e6, bytes_per_s=1e9)

    def protocol() -> LimitedWebSocket:
        return LimitedWebSocket(config, state, {}, limits=limits)

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], state
    finally:
        server.close()
        for task in state.tasks:
            task.cancel()


async def connected(port: int) -> tuple[StreamReader, StreamWriter]:
    return await opened("127.0.0.1", port, room=1_024)


async def all_closed(state: ServerState) -> None:
    async def no_connection() -> bool:
        return not state.connections

    await eventually(no_connection, ENOUGH_S)


async def busy(scope: Any, receive: Any, send: Any) -> None:
    """Accepts, and then waits for something else than the client."""
    await send({"type": "websocket.accept"})
    await asyncio.Event().wait()


async def fill(send: Any) -> None:
    """Send until the client's silence blocks it."""
    await send({"type": "websocket.accept"})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while True:
                await send({"type": "websocket.send", "bytes": bytes(1 << 20)})


async def full_then_end(scope: Any, receive: Any, send: Any) -> None:
    await fill(send)


async def full_then_close(scope: Any, receive: Any, send: Any) -> None:
    await fill(send)
    with contextlib.suppress(ClientDisconnected):
        await send(CLOSE)


async def full_then_refuse(scope: Any, receive: Any, send: Any) -> None:
    limits: LimitedWebSocket = scope["extensions"][EXTENSION]
    await fill(send)
    limits.stop_reading()


@pytest.mark.parametrize("frames", [0, 1, 2, 5_000], ids=["idle", "one frame", "two frames", "more than fits"])
async def test_a_client_that_leaves_a_busy_application_is_forgotten(frames: int) -> None:
    async with serving(busy) as (port, state):
        _, writer = await connected(port)
        writer.write(FRAME * frames)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(writer.drain(), 0.3)
        writer.transport.abort()
        await all_closed(state)


@pytest.mark.parametrize("application", [full_then_end, full_then_close, full_then_refuse])
async def test_a_client_that_reads_nothing_cannot_hold_a_closed_connection(application: Application) -> None:
    async with serving(application) as (port, state):
        _, writer = await connected(port)
        await all_closed(state)
        writer.transport.abort()


async def test_a_client_that_waits_for_a_busy_application_stays_connected() -> None:
    received, free = list[Any](), asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await free.wait()
        await receive()
        received.append(await receive())
        await send({**CLOSE, "code": 1000})

    async with serving(application) as (port, state):
        reader, writer = await connected(port)
        writer.write(FRAME)
        assert await reader.readexactly(4) == b"\x89\0" * 2, "two checks send pings while nothing is read"
        assert state.connections
        free.set()
        await all_closed(state)
        writer.transport.abort()
    assert received == [{"type": "websocket.receive", "bytes": bytes(3_200)}]


async def test_of_tiny_frames_few_are_parsed_at_once() -> None:
    counts: list[int] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        connection: LimitedWebSocket = scope["extensions"][EXTENSION]
        await receive()  # the handshake
        await send({"type": "websocket.accept"})
        for _ in range(990):
            await receive()
            counts.append(connection.queue.qsize() + 1)
        await send({**CLOSE, "code": 1000})

    async with serving(application) as (port, state):
        _, writer = await connected(port)
        writer.write(masked(BINARY, b"\0\0") * 990)
        await all_closed(state)
        writer.transport.abort()
    assert len(counts) == 990
    assert max(counts) <= 2 * SLICE_FRAMES


@pytest.mark.parametrize(("end", "taken"), [(b"", 1), (masked(0x88, b"\x03\xe8"), 3)], ids=["reset", "close"])
async def test_of_a_client_without_a_close_frame_nothing_more_is_processed(end: bytes, taken: int) -> None:
    received, free, left = list[Any](), asyncio.Event(), asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        connection: LimitedWebSocket = scope["extensions"][EXTENSION]
        await receive()  # the handshake
        await send({"type": "websocket.accept"})
        received.append(await receive())
        await free.wait()
        while received[-1]["type"] == "websocket.receive":
            received.append(await receive())
        assert connection.is_lost == (not end)
        left.set()

    async with serving(application) as (port, state):
        reader, writer = await connected(port)
        writer.write(masked(BINARY, b"ab") * 3 + end)
        if end:
            await reader.readexactly(4)
        await asyncio.sleep(0.02)
        writer.transport.abort()
        await all_closed(state)
        free.set()
        await asyncio.wait_for(left.wait(), ENOUGH_S)
    assert [message["type"] for message in received] == ["websocket.receive"] * taken + ["websocket.disconnect"]
