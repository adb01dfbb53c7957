"""Which request bodies are read."""

import asyncio
import weakref
from collections.abc import Iterator
from typing import Any

import h11
import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.gateway import build
from gateway.http.http_limits import HEAD_BYTES, HEAD_S, UPLOAD_PATHS, LimitedHttp, LimitedRequests
from tests.testkit.streams.on_redis import eventually
from tests.unit.gateway.connection.memory_gateway import MemoryGateway

UPLOAD = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def _body_bytes(*received: bytes) -> int:
    """The size of the body of a request. Raises RemoteProtocolError."""
    connection, size = LimitedRequests(h11.SERVER, HEAD_BYTES), 0
    for data in received:
        connection.receive_data(data)
        while isinstance(event := connection.next_event(), h11.Event) and not isinstance(event, h11.EndOfMessage):
            size += len(event.data) if isinstance(event, h11.Data) else 0
    return size


def _chunks(size: int, count: int) -> bytes:
    return b"%x\r\n%b\r\n" % (size, bytes(size)) * count


async def test_the_body_of_every_post_route_is_read() -> None:
    routes = build(MemoryGateway().services).routes
    posts = {path for route in routes for path, methods in _paths(route) if "POST" in methods}
    # Their parameters are in the URL.
    of_rooms = {f"/v1/rooms/{{room}}/{what}" for what in ("links", "lines/{line}", "hold", "release")}
    assert {path.decode() for path in UPLOAD_PATHS} == posts - of_rooms


def test_the_correction_of_a_line_has_a_body_and_a_new_link_has_none() -> None:
    head = b"POST /v1/rooms/talk/%b?token=x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    assert _body_bytes(head % b"lines/a-1") == 2
    for path in (b"links", b"lines", b"lines/a/b"):
        with pytest.raises(h11.RemoteProtocolError, match="no body"):
            _body_bytes(head % path)


def _paths(route: Any) -> Iterator[tuple[str, set[str]]]:
    """The paths and methods of a route, or of the routes of an included router."""
    for inner in getattr(getattr(route, "original_router", None), "routes", ()):
        yield from _paths(inner)
    if getattr(route, "methods", None):
        yield route.path, route.methods


def test_an_upload_may_come_in_chunks_with_small_ones_for_the_fields_of_a_form() -> None:
    assert _body_bytes(UPLOAD + CHUNKED + b"\r\n", _chunks(2, 300), _chunks(65_536, 40), b"0\r\n\r\n") == 2_622_040


def test_tiny_chunks_are_refused_also_after_large_ones() -> None:
    with pytest.raises(h11.RemoteProtocolError, match="too small"):
        _body_bytes(UPLOAD + CHUNKED + b"\r\n", _chunks(65_536, 1), _chunks(1, 2_000))


def test_the_size_of_parts_in_which_a_body_with_a_length_arrives_does_not_matter() -> None:
    assert _body_bytes(UPLOAD + b"Content-Length: 3000\r\n\r\n", *[b"x"] * 3_000) == 3_000


def test_each_request_of_a_connection_has_its_own_count_of_chunks() -> None:
    connection = LimitedRequests(h11.SERVER, HEAD_BYTES)
    for _ in range(3):
        connection.receive_data(UPLOAD + CHUNKED + b"\r\n" + _chunks(1, 900) + b"0\r\n\r\n")
        while not isinstance(connection.next_event(), h11.EndOfMessage):
            pass
        connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
        connection.send(h11.EndOfMessage())
        connection.start_next_cycle()


@pytest.mark.parametrize(
    "request_head",
    [
        UPLOAD + CHUNKED + b"Content-Length: 5\r\n",
        b"POST /health HTTP/1.1\r\nHost: x\r\n" + CHUNKED,
        b"GET /v1/listen HTTP/1.1\r\nHost: x\r\n" + CHUNKED,
        b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n",
    ],
)
def test_a_body_with_two_lengths_or_without_a_reader_is_refused(request_head: bytes) -> None:
    with pytest.raises(h11.RemoteProtocolError, match="no body"):
        _body_bytes(request_head + b"\r\n")


async def test_of_a_closed_connection_nothing_is_kept() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        """Not reached: the head of the request is incomplete."""

    config = uvicorn.Config(application, log_config=None)
    connections: list[weakref.ReferenceType[LimitedHttp]] = []

    def protocol() -> LimitedHttp:
        connection = LimitedHttp(config, ServerState(), {})
        connections.append(weakref.ref(connection))
        return connection

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(UPLOAD)
        await asyncio.sleep(0.05)
        assert connections[0]()
        writer.close()

        async def is_released() -> bool:
            return connections[0]() is None

        await eventually(is_released, HEAD_S / 2)
