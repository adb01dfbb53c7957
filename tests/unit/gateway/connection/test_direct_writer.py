"""Applications write encoded data to connections of uvicorn, while the clients read it."""

import asyncio
from asyncio import StreamReader
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
import websockets
from uvicorn.server import ServerState

from gateway.connection.direct_writer import EXTENSION, DirectWriter
from gateway.http.http_limits import LimitedHttp
from gateway.http.limited_websocket import LimitedWebSocket
from gateway.http.read_budget import ReadLimits
from gateway.rooms.lines.frames import CaptionFrame
from tests.testkit.streams.on_redis import eventually

FRAMES = [CaptionFrame("a-1", f"{n}-0", f'{{"text":"ñ {n}"}}') for n in range(3)]
READ_S = 5.0
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


class MemoryRoom:
    """An application whose connections are written to by the test."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.writer: Any = None
        self.calls: list[str] = []
        self.closing = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.writer = scope["extensions"][EXTENSION]
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"first\n", "more_body": True})
        self.writer.on_writable = lambda: self.calls.append("writable")
        self.writer.on_lost = lambda: self.calls.append("lost")
        self.opened.set()
        # Frames of the client are parsed only while the application waits for them.
        while scope["type"] == "websocket" and (await receive())["type"] != "websocket.disconnect":
            pass
        await self.closing.wait()

    async def was_called(self, name: str) -> bool:
        return name in self.calls


@asynccontextmanager
async def serving(room: MemoryRoom, kind: type[LimitedHttp | LimitedWebSocket]) -> AsyncIterator[int]:
    config = uvicorn.Config(room, log_config=None, ws_per_message_deflate=False)
    config.load()
    state = ServerState()
    limits: dict[str, Any] = {"limits": ReadLimits(1e6, 1e9)} if kind is LimitedWebSocket else {}
    server = await asyncio.get_running_loop().create_server(partial(kind, config, state, {}, **limits), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        room.closing.set()
        await asyncio.gather(*state.tasks)


@asynccontextmanager
async def requested(port: int, version: str = "1.1", head: str = "") -> AsyncIterator[StreamReader]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 14)
    try:
        writer.write(f"GET / HTTP/{version}\r\nHost: x\r\n{head}\r\n".encode())
        yield reader
    finally:
        writer.close()
        await writer.wait_closed()


def as_list(frames: Any, encode: Callable[[CaptionFrame], bytes], writer: DirectWriter) -> None:
    for frame in frames:
        writer.write_encoded(encode(frame))


async def test_frames_are_chunks_of_a_response() -> None:
    room = MemoryRoom()
    async with serving(room, LimitedHttp) as port, asyncio.timeout(READ_S), requested(port) as reader:
        await room.opened.wait()
        assert (room.writer.can_write, room.writer.is_closed, room.writer.is_chunked) == (True, False, True)
        as_list(FRAMES, lambda frame: frame.chunk, room.writer)
        assert b"chunked" in await reader.readuntil(b"\r\n\r\n")
        body = b""
        while len(body) < len(b"first\n" + b"".join(frame.server_sent_event for frame in FRAMES)):
            size = int(await reader.readline(), 16)
            body += await reader.readexactly(size)
            assert await reader.readline() == b"\r\n"
    assert body == b"first\n" + b"".join(frame.server_sent_event for frame in FRAMES)


async def test_old_clients_and_proxies_get_a_body_without_chunks() -> None:
    room = MemoryRoom()
    async with serving(room, LimitedHttp) as port, asyncio.timeout(READ_S), requested(port, "1.0") as reader:
        await room.opened.wait()
        assert not room.writer.is_chunked
        as_list(FRAMES[:1], lambda frame: frame.server_sent_event, room.writer)
        assert b"chunked" not in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readline() == b"first\n"
        assert await reader.readuntil(b"\n\n") == FRAMES[0].server_sent_event


async def test_frames_are_text_frames_of_a_websocket() -> None:
    room = MemoryRoom()
    async with serving(room, LimitedWebSocket) as port, asyncio.timeout(READ_S):
        async with websockets.connect(f"ws://127.0.0.1:{port}/") as client:
            await room.opened.wait()
            as_list(FRAMES, lambda frame: frame.websocket_frame, room.writer)
            assert [await client.recv() for _ in FRAMES] == [frame.json for frame in FRAMES]
        await eventually(lambda: room.was_called("lost"), READ_S)
        assert room.writer.is_closed


@pytest.mark.parametrize("kind", [LimitedHttp, LimitedWebSocket])
async def test_a_client_that_does_not_read_is_noticed_until_it_reads(kind: type[Any]) -> None:
    room = MemoryRoom()
    async with serving(room, kind) as port, asyncio.timeout(READ_S):
        async with requested(port, head=UPGRADE if kind is LimitedWebSocket else "") as reader:
            await room.opened.wait()
            written = received = 0
            while room.writer.can_write:
                room.writer.write_encoded(bytes(1 << 16))
                written += 1 << 16
                await asyncio.sleep(0)
            room.calls.clear()
            while received < written:
                received += len(await reader.read(1 << 16))
            await eventually(lambda: room.was_called("writable"), READ_S)
            assert room.writer.can_write
        await eventually(lambda: room.was_called("lost"), READ_S)
        assert not room.writer.can_write


async def test_a_client_that_leaves_is_noticed_while_its_next_request_waits() -> None:
    """uvicorn stops reading when another request arrives before the response has ended."""
    room = MemoryRoom()

    async def has_left() -> bool:
        connection: LimitedHttp = room.writer
        return connection.has_left()

    async with serving(room, LimitedHttp) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"first\n")
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.1)
        assert not await has_left()
        writer.close()
        await eventually(has_left, within_s=READ_S)
