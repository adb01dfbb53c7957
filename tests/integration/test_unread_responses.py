"""A client that does not read its response is disconnected; one that reads slowly receives all of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from gateway.http import http_limits
from gateway.http.http_limits import LimitedHttp

# More than the kernel keeps for both sides of a connection.
SIZE = 32 << 20


async def answer(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-length", str(SIZE).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    pieces = SIZE >> 16 if scope["path"] == "/pieces" else 1
    for _ in range(pieces):
        await send({"type": "http.response.body", "body": bytes(SIZE // pieces), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "HEAD_S", 0.1)
    monkeypatch.setattr(http_limits, "STALL_S", 0.5)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[uvicorn.Server, int]]:
    config = uvicorn.Config(answer, port=0, http=LimitedHttp, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    # Otherwise a socket with megabytes of free space does not count as writable.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    task = asyncio.create_task(server.serve([listener]))
    await until(lambda: server.started)
    try:
        yield server, listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def asking(port: int, header: bytes = b"", path: bytes = b"/") -> AsyncIterator[socket.socket]:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, b"GET %b HTTP/1.1\r\nHost: x\r\n" % path + header + b"\r\n")
        yield client


@pytest.mark.parametrize("header", [b"", b"Connection: close\r\n"])
async def test_a_client_that_reads_nothing_is_disconnected(header: bytes) -> None:
    async with serving() as (server, port), asking(port, header):
        await until(lambda: bool(server.server_state.connections))
        await until(lambda: not server.server_state.connections)


@pytest.mark.parametrize("path", [b"/", b"/pieces"])
async def test_a_client_that_reads_for_longer_than_the_limit_receives_everything(path: bytes) -> None:
    async with serving() as (_, port), asking(port, path=path) as client:
        loop, received, began = asyncio.get_running_loop(), 0, asyncio.get_running_loop().time()
        while received < SIZE:
            data = await loop.sock_recv(client, 1 << 18)
            assert data, "the connection was closed"
            received += len(data)
            if loop.time() - began < 1.5:
                await asyncio.sleep(0.01)
        assert loop.time() - began > 1.0, "slower than the limit of 0.5 s"
