"""WebSockets by hand, byte by byte, for clients that no library would let one write (RFC 6455)."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from asyncio import StreamReader, StreamWriter

TEXT, BINARY = 0x81, 0x82
"""First bytes of whole frames."""


def handshake(key: bytes | None = None) -> bytes:
    """What opens a WebSocket at /v1/stream; the key is 16 random bytes."""
    return (
        "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(key or os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def masked(first: int, payload: bytes) -> bytes:
    """A client's frame; the mask is zero, so the payload stands in it as it is."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack(">H", length)
    return bytes([first]) + size + b"\0\0\0\0" + payload


async def opened(host: str, port: int, *frames: bytes, room: int = 1 << 16) -> tuple[StreamReader, StreamWriter]:
    """A WebSocket with these frames sent. At most twice `room` bytes are taken of what comes."""
    reader, writer = await asyncio.open_connection(host, port, limit=room)
    writer.write(handshake())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"".join(frames))
    return reader, writer
