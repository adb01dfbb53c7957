"""A room is read from a server that drops connections, refuses readers and ends links."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from backend.cli.follow import room_source
from backend.cli.follow.room_source import RoomRefusedError, RoomSource
from backend.local.discovery import NoServerError, Server

pytestmark = pytest.mark.timeout(60)
LINK_ENDED, KEY_ENDED = (f'event: end\ndata: {{"reason":"{reason}_ended"}}\n\n' for reason in ("link", "key"))


def caption(number: int) -> str:
    body = {"type": "caption", "line": f"a-{number}", "text": f"Line {number}.", "language": "es", "is_final": True}
    return f"id: {number}-0\nevent: caption\ndata: {json.dumps({**body, 'cursor': f'{number}-0'})}\n\n"


def refusal(code: str) -> str:
    return json.dumps({"type": "error", "code": code, "message": f"refused: {code}", "fatal": True})


@dataclass
class RoomServer:
    """Answers each request with the next reply, a status and a body, and closes the connection after it."""

    replies: list[tuple[int, str]]
    port: int = 0
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        status, body = self.replies.pop(0)
        # A stream of captions ends without the last chunk, as when a gateway is killed.
        end = "" if status == 200 else "0\r\n\r\n"
        chunk = f"{len(body.encode()):x}\r\n{body}\r\n" if body else ""
        writer.write(f"HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{end}".encode())
        await writer.drain()
        writer.close()

    async def read(self) -> list[str]:
        """The texts until the link ends. Raises what RoomSource raises."""
        source = RoomSource(Server(f"ws://127.0.0.1:{self.port}/v1/stream", "secret"), "talk", "es", self.said.append)
        return [caption.text async for caption in source.captions()]


@asynccontextmanager
async def room_server(*replies: tuple[int, str]) -> AsyncIterator[RoomServer]:
    server = RoomServer(list(replies))
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0) as listener:
        server.port = listener.sockets[0].getsockname()[1]
        yield server


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_source, "BASE_S", 0.01)
    monkeypatch.setattr(room_source, "CAP_S", 0.05)


async def test_a_lost_reader_continues_after_the_last_caption() -> None:
    replies = ((200, caption(1) + caption(2)), (503, refusal("draining")), (200, ""), (200, caption(3) + LINK_ENDED))
    async with room_server(*replies) as server:
        assert await server.read() == ["Line 1.", "Line 2.", "Line 3."]
    paths = [request.partition(" HTTP")[0] for request in server.requests]
    again = "GET /v1/rooms/talk/events?lang=es&cursor=2-0"
    assert paths == ["GET /v1/rooms/talk/events?lang=es&lines=0", again, again, again]
    assert all("authorization: bearer secret" in request.lower() for request in server.requests)
    assert server.said[0] == "reading the room talk; press Ctrl-C to stop"
    assert server.said[-1] == "the link to the room, or its key, has ended"


async def test_a_room_may_be_followed_before_its_first_session() -> None:
    unknown = (404, refusal("unknown_room"))
    async with room_server(unknown, unknown, (200, caption(1) + KEY_ENDED)) as server:
        assert await server.read() == ["Line 1."]
    assert server.said[:2] == [
        "refused: unknown_room; waiting for its first session",
        "reading the room talk; press Ctrl-C to stop",
    ]


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_reader_who_is_refused_is_not_tried_again(status: int) -> None:
    async with room_server((status, refusal("forbidden"))) as server:
        with pytest.raises(RoomRefusedError, match="refused: forbidden") as failed:
            await server.read()
    assert failed.value.code == "forbidden"


async def test_another_server_is_reported() -> None:
    async with room_server((404, "<html>")) as server:
        with pytest.raises(RoomRefusedError, match="status 404"):
            await server.read()
    async with room_server((200, 'event: caption\ndata: {"x":1}\n\n')) as server:
        with pytest.raises(RoomRefusedError, match="another release"):
            await server.read()


async def test_a_server_that_never_answers_is_reported_at_once() -> None:
    with pytest.raises(NoServerError, match="no Nova Voice server answers"):
        await RoomServer([], port=1).read()


@pytest.mark.parametrize("body", ["[" * 60_000, "x" * 5_000_000, '{"code": 1, "message": []}', "null", '"text"'])
async def test_a_refusal_of_any_form_is_an_error(body: str) -> None:
    async with room_server((404, body)) as server:
        with pytest.raises(RoomRefusedError):
            await server.read()


async def test_a_redirect_is_not_followed() -> None:
    """The key is for this server only."""
    async with room_server((302, "")) as server:
        with pytest.raises(RoomRefusedError, match="302"):
            await server.read()
    assert len(server.requests) == 1
