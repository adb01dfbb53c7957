"""The connections of simulated calls: a WebSocket, or TCP with AudioSocket's frames."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from backend.cli.calls.doors.door import Frame
from backend.client.connection import DisconnectedError, send_frame

CONNECT_S = 10.0
HEADER_BYTES = 3


class FrameConnection(Protocol):
    """Sends and receives whole frames. Both raise DisconnectedError when the connection has ended."""

    async def send(self, frame: Frame) -> None: ...

    async def receive(self) -> Frame: ...


class WebSocketConnection:
    """A WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, frame: Frame) -> None:
        """Send a text or binary frame."""
        await send_frame(self._socket, frame)

    async def receive(self) -> Frame:
        """The next frame."""
        try:
            return await self._socket.recv()
        except ConnectionClosed as closed:
            raise _cut(str(closed.rcvd or "without a close frame")) from None


class TcpConnection:
    """A TCP connection with frames of AudioSocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, frame: Frame) -> None:
        """Send a frame."""
        try:
            self._writer.write(frame if isinstance(frame, bytes) else frame.encode())
            await self._writer.drain()
        except OSError as error:
            raise _cut(str(error)) from None

    async def receive(self) -> Frame:
        """The next frame, with its header."""
        try:
            header = await self._reader.readexactly(HEADER_BYTES)
            return header + await self._reader.readexactly(int.from_bytes(header[1:], "big"))
        except (asyncio.IncompleteReadError, OSError):
            raise _cut("by the gateway") from None


@asynccontextmanager
async def tcp_connection(host: str, port: int) -> AsyncIterator[TcpConnection]:
    """Connect to a TCP port. Raises DisconnectedError."""
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        raise DisconnectedError(f"no AudioSocket port answers at {host}:{port}: {error}") from None
    try:
        yield TcpConnection(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _cut(reason: str) -> DisconnectedError:
    return DisconnectedError(f"the connection was closed before the call's last final: {reason}")
