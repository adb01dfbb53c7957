"""WebSocket clients written byte by byte (RFC 6455), for behaviour that a library does not allow."""

import asyncio
import base64
import os
import struct
from asyncio import StreamReader, StreamWriter

TEXT, BINARY = 0x81, 0x82  # first bytes of unfragmented frames


def handshake(key: bytes | None = None, path: str = "/v1/stream") -> bytes:
    """The request that opens a WebSocket. `key`: 16 bytes, by default random."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(key or os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def masked(first: int, payload: bytes) -> bytes:
    """A client frame. The mask is zero, so the payload is readable."""
    length = len(payload)
    if length < 126:
        size = bytes([0x80 | length])
    else:
        size = b"\xfe" + struct.pack(">H", length) if length < 1 << 16 else b"\xff" + struct.pack(">Q", length)
    return bytes([first]) + size + b"\0\0\0\0" + payload


async def opened(
    host: str, port: int, *frames: bytes, room: int = 1 << 16, path: str = "/v1/stream"
) -> tuple[StreamReader, StreamWriter]:
    """Open a WebSocket and send frames. The reader buffers at most twice `room` bytes."""
    reader, writer = await asyncio.open_connection(host, port, limit=room)
    try:
        writer.write(handshake(path=path))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join(frames))
    except BaseException:
        writer.transport.abort()  # a cancelled client would otherwise stay connected until a garbage collection
        raise
    return reader, writer
