"""The gateway's WebSocket reads on while little waits, and not when much does; nothing is lost or out of order."""

from __future__ import annotations

import asyncio

import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from websockets.asyncio.client import ClientConnection, connect

from gateway.wire import SteadyWebSocket

CHUNK = 1 << 18
"""Bytes that the event loop reads from a socket at once."""


class Sleeper:
    """An application that takes nothing until it is woken; then all."""

    def __init__(self) -> None:
        self.awake, self.taken = asyncio.Event(), list[bytes]()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        await self.awake.wait()
        while (message := await receive())["type"] == "websocket.receive":
            self.taken.append(message.get("bytes") or b"")


async def flood(socket: ClientConnection, messages: list[bytes]) -> None:
    for message in messages:
        await socket.send(message)
    await socket.close()


async def test_who_takes_nothing_is_brought_little_and_then_everything_in_order() -> None:
    app = Sleeper()
    config = uvicorn.Config(app, port=0, ws=SteadyWebSocket, lifespan="off", log_config=None, ws_max_size=1 << 25)
    server = uvicorn.Server(config)
    sizes = [3_200] * 2_000 + [100_000] * 50 + [3_200] * 50
    messages = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        socket = await connect(f"ws://127.0.0.1:{port}", compression=None, close_timeout=30)
        flooding = tasks.create_task(flood(socket, messages))
        await asyncio.wait([flooding], timeout=0.5)
        [connection] = server.server_state.connections
        assert isinstance(connection, SteadyWebSocket)
        waiting = [message.get("bytes") or b"" for message in connection.queue._queue]  # type: ignore[attr-defined]
        assert 0 < sum(map(len, waiting)) < 2 * CHUNK
        app.awake.set()
        await flooding
        server.should_exit = True
        await serving
    assert app.taken == messages
