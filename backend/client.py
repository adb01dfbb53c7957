"""The Python client: audio in, events out, over one WebSocket.

async with Client.connect("ws://127.0.0.1:8080/v1/stream", Start(language="en")) as client:
    asyncio.create_task(speak(client))          # client.send(pcm), then client.stop()
    async for event in client:                  # Ready is already taken; ends after Done
        ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.errors import NovaError
from backend.messages.protocol import (
    ClientMessage,
    Done,
    Error,
    Ready,
    ServerMessage,
    Start,
    Stop,
    parse_server,
    to_json,
)

OPEN_TIMEOUT_S = 10.0
PONG_TIMEOUT_S = 120.0
"""A server that is busy reads nothing meanwhile, and so answers pings late."""
CLOSE_TIMEOUT_S = 2.0
"""For the goodbyes of a session that is given up."""
LARGEST_EVENT = 1 << 22
"""Bytes; a final of 25 s with word times has some tens of thousands."""


class ServerError(NovaError):
    """What the server said before it closed the connection."""

    def __init__(self, error: Error, close_code: int | None = None) -> None:
        super().__init__(error.message, code=error.code)
        self.close_code = close_code


class DisconnectedError(NovaError):
    """The connection ended before `done`."""

    code = "disconnected"


class Client:
    """One session. Made by `connect`."""

    def __init__(self, socket: ClientConnection, ready: Ready) -> None:
        self._socket = socket
        self.ready = ready

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, start: Start) -> AsyncIterator[Client]:
        """Open a session. Raises ServerError when the server refuses it, OSError when there is none."""
        async with connect(
            url, open_timeout=OPEN_TIMEOUT_S, ping_timeout=PONG_TIMEOUT_S, close_timeout=CLOSE_TIMEOUT_S,
            max_size=LARGEST_EVENT, compression=None,
        ) as socket:  # fmt: skip
            await socket.send(to_json(start))
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                first = await _receive(socket)
            if not isinstance(first, Ready):
                raise DisconnectedError(f"the server began with {first.type!r}")
            yield cls(socket, first)

    async def send(self, audio: bytes) -> None:
        """Send audio in the format that `start` named. Waits while the server is busy."""
        await self._socket.send(audio)

    async def caught_up(self) -> None:
        """Return when the server has read what was sent, so that audio that is faster than time piles up nowhere."""
        await (await self._socket.ping())

    async def say(self, message: ClientMessage) -> None:
        """Send any other message."""
        await self._socket.send(to_json(message))

    async def stop(self) -> None:
        """No more audio; the events in flight follow, then the iteration ends."""
        await self.say(Stop())

    async def __aiter__(self) -> AsyncIterator[ServerMessage]:
        """Events as they come, until `done`.

        Raises ServerError after a fatal error, DisconnectedError when the connection breaks.
        """
        while True:
            event = await _receive(self._socket)
            if isinstance(event, Done):
                return
            yield event


async def _receive(socket: ClientConnection) -> ServerMessage:
    try:
        event = parse_server(await socket.recv())
    except ConnectionClosed as closed:
        raise DisconnectedError(f"the connection was closed: {closed.rcvd or 'without a word'}") from None
    if isinstance(event, Error) and event.fatal:
        await socket.wait_closed()
        raise ServerError(event, socket.close_code)
    return event
