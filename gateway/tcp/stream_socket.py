"""A TCP connection with the methods of a WebSocket."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from backend.errors import ProtocolError

# Reads one frame. Raises IncompleteReadError at the end of the stream.
ReadFrame = Callable[[asyncio.StreamReader], Awaitable[str | bytes]]
# The last bytes for a close code and a reason.
Farewell = Callable[[int, str], bytes]
# The bytes of a frame that is sent.
WriteFrame = Callable[[str], bytes]
# Time to send the last bytes to a client that reads slowly, and to receive what it was sending.
CLOSE_S, LINGER_S = 2.0, 1.0
# Bytes that are received and discarded in this time.
BYTES_AFTER_CLOSE = 1 << 18


class StreamSocket:
    """The frames of one connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        read: ReadFrame,
        farewell: Farewell,
        write: WriteFrame = str.encode,
    ) -> None:
        self._reader, self._writer, self._read, self._farewell = reader, writer, read, farewell
        self._write = write
        self.is_closed = False

    @property
    def address(self) -> str:
        """The address of the client; "" if it is unknown."""
        peer = self._writer.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    async def receive(self) -> Any:
        """The next frame, or the end of the connection. Raises ProtocolError for a frame that is too long."""
        try:
            frame = await self._read(self._reader)
        except (asyncio.IncompleteReadError, OSError):
            return {"type": "websocket.disconnect", "code": 1006}
        except ValueError:
            raise ProtocolError("a line is too long", code="frame_too_large", close_code=1009) from None
        return {"type": "websocket.receive", "text" if isinstance(frame, str) else "bytes": frame}

    async def send_text(self, data: str) -> None:
        """Send a frame. Raises OSError."""
        await self.send_bytes(self._write(data))

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are. Raises OSError."""
        self._writer.write(data)
        await self._writer.drain()

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Send the end of the protocol, once. The client sees the end of the stream."""
        if self.is_closed:
            return
        self.is_closed = True
        with suppress(OSError, TimeoutError):
            self._writer.write(self._farewell(code, reason or ""))
            async with asyncio.timeout(CLOSE_S):
                await self._writer.drain()
            self._writer.write_eof()

    async def release(self) -> None:
        """Close the connection, once nothing else reads from it.

        A socket that is closed while it holds data resets the connection, and the client may lose the last bytes.
        """
        left = BYTES_AFTER_CLOSE
        try:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(LINGER_S):
                    while left > 0 and (data := await self._reader.read(left)):
                        left -= len(data)
        finally:
            self._writer.close()
