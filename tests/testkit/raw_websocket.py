"""WebSocket clients written byte by byte (RFC 6455), for behaviour that a library does not allow."""

import asyncio
import base64
import os
import struct
from asyncio import StreamReader, StreamWriter

TEXT, BINARY = 0x81, 0x82  # first bytes of unfragmented frames


def handshake(key: bytes | None = None) -> bytes:
    """The request that opens a WebSocket at /v1/stream. `key`: 16 bytes, by default random."""
    return (
        "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(key or os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def masked(first: int, payload: bytes) -> bytes:
    """A client frame. The mask is zero, so the payload is readable."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack(">H", length)
    return bytes([first]) + size + b"\0\0\0\0" + payload


async def opened(host: str, port: int, *frames: bytes, room: int = 1 << 16) -> tuple[StreamReader, StreamWriter]:
    """Open a WebSocket and send frames. The reader buffers at most twice `room` bytes."""
    reader, writer = await asyncio.open_connection(host, port, limit=room)
    try:
        writer.write(handshake())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join(frames))
    except BaseException:
        writer.transport.abort()  # a cancelled client would otherwise stay connected until a garbage collection
        raise
    return reader, writer
