"""Attacks on a gateway by single connections, byte by byte. Each runs until it is cancelled."""

import asyncio
import contextlib
import os
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from tests.testkit.raw_websocket import BINARY, TEXT, handshake, masked, opened

CLOSE, PING = 0x88, 0x89
# First bytes of fragments that follow a first one.
CONTINUATION, LAST_CONTINUATION = 0x00, 0x80
START = masked(TEXT, b'{"type":"start"}')
QUIET_AUDIO = masked(BINARY, bytes(3_200))
LOUD_AUDIO = masked(BINARY, b"".join(bytes([at * 7 % 256, at * 31 % 128]) for at in range(1_600)))

Attack = Callable[["Target"], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Target:
    """The address of a gateway."""

    host: str
    port: int

    @classmethod
    def of(cls, http_url: str) -> "Target":
        host, port = http_url.removeprefix("http://").split(":")
        return cls(host, int(port))

    async def connected(self) -> tuple[StreamReader, StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, limit=1 << 16)

    async def opened(self, *frames: bytes, room: int = 1 << 16) -> tuple[StreamReader, StreamWriter]:
        """A WebSocket, after it has sent these frames."""
        return await opened(self.host, self.port, *frames, room=room)


async def everything(reader: StreamReader) -> bytes:
    """All data until the connection ends. `StreamReader.read(-1)` would lose it if the connection is reset."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            received += data
    return received


async def flood(target: Target, *frames: bytes, repeated: bytes) -> bytes:
    """Send frames as fast as the gateway reads them, until it closes the connection. Returns what it has sent."""
    reader, writer = await target.opened(*frames)
    reading = asyncio.create_task(everything(reader))
    try:
        with contextlib.suppress(ConnectionError):
            while not reading.done():
                writer.write(repeated * 2_000)
                await writer.drain()
        return await reading
    finally:
        reading.cancel()
        writer.transport.abort()


def flooding(*frames: bytes, repeated: bytes, at_once: int = 1) -> Attack:
    """An attack that floods again and again, each time on a new connection."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await flood(target, *frames, repeated=repeated)
                await asyncio.sleep(0.01)

        await asyncio.gather(*(one() for _ in range(at_once)))

    return attack


def deaf(*frames: bytes, repeated: bytes, at_once: int = 1) -> Attack:
    """An attack by clients that send and never read."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            _, writer = await target.opened(*frames, room=1_024)
            try:
                with contextlib.suppress(ConnectionError):
                    while True:
                        writer.write(repeated * 500)
                        await writer.drain()
                await asyncio.Event().wait()
            finally:
                writer.transport.abort()

        await asyncio.gather(*(one() for _ in range(at_once)))

    return attack


def holding(data: bytes, *, connections: int, every_s: float = 0.0) -> Attack:
    """An attack by connections that send `data`, at once or one byte every `every_s` seconds, and stay open."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                reader, writer = await target.connected()
                try:
                    with contextlib.suppress(ConnectionError):
                        for byte in [data[at : at + 1] for at in range(len(data))] if every_s else [data]:
                            writer.write(byte)
                            await asyncio.sleep(every_s)
                        await everything(reader)
                finally:
                    writer.transport.abort()
                await asyncio.sleep(0.5)

        await asyncio.gather(*(one() for _ in range(connections)))

    return attack


def repeating(frames: bytes, *, at_once: int) -> Attack:
    """An attack by clients that connect, send frames, wait for the end, and connect again."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    reader, writer = await target.opened(frames)
                    try:
                        await asyncio.wait_for(everything(reader), 5)
                    except TimeoutError:
                        pass
                    finally:
                        writer.transport.abort()
                await asyncio.sleep(0.001)

        await asyncio.gather(*(one() for _ in range(at_once)))

    return attack


def bursting(burst: bytes, *, at_once: int) -> Attack:
    """An attack by clients that send a burst, wait for the first answer, and connect again."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    reader, writer = await target.opened(burst)
                    try:
                        await reader.read(100)
                    finally:
                        writer.transport.abort()
                await asyncio.sleep(0.2)

        await asyncio.gather(*(one() for _ in range(at_once)))

    return attack


def http_flood(head: bytes, body: bytes) -> Attack:
    """An attack by one HTTP connection that sends `body` without end and does not read."""

    async def attack(target: Target) -> None:
        while True:
            _, writer = await target.connected()
            try:
                with contextlib.suppress(ConnectionError):
                    writer.write(head)
                    while True:
                        writer.write(body * 2_000)
                        await writer.drain()
            finally:
                writer.transport.abort()
            await asyncio.sleep(0.01)

    return attack


def _frame_with_length(length: int) -> bytes:
    return b"\x82\xff" + length.to_bytes(8, "big") + bytes(4)


def _resume(number: int) -> bytes:
    message = f'{{"type":"resume","session":"{number:024x}","token":"wrong-{number}","last_event":0}}'
    return masked(TEXT, message.encode())


GET_HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKED = b"POST /health HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
COMPRESSED = bytes([0xC2]) + masked(BINARY, os.urandom(60))[1:]
OPEN_FRAGMENT = masked(0x01, b"x")

ATTACKS: Mapping[str, Attack] = {
    "empty pings": flooding(START, repeated=masked(PING, b"")),
    "pings of 125 bytes": flooding(START, repeated=masked(PING, bytes(125)), at_once=4),
    "pings without reading": deaf(START, repeated=masked(PING, bytes(125)), at_once=10),
    "pongs": flooding(START, repeated=masked(0x8A, b"")),
    "empty binary frames": flooding(START, repeated=masked(BINARY, b"")),
    "two bytes of audio": flooding(START, repeated=masked(BINARY, b"\0\0")),
    "bursts of tiny audio frames": bursting(START + masked(BINARY, b"\0\0") * 990, at_once=10),
    "one-byte fragments": flooding(START, masked(0x02, b"x"), repeated=masked(CONTINUATION, b"x")),
    "empty fragments": flooding(START, OPEN_FRAGMENT, repeated=masked(CONTINUATION, b"")),
    "empty fragments before start": flooding(OPEN_FRAGMENT, repeated=masked(CONTINUATION, b"")),
    "pings between fragments": flooding(START, OPEN_FRAGMENT, repeated=masked(PING, b"") + masked(CONTINUATION, b"x")),
    "keepalives": flooding(START, repeated=masked(TEXT, b'{"type":"keepalive"}'), at_once=4),
    "unknown messages": flooding(START, repeated=masked(TEXT, b'{"type":"x"}'), at_once=4),
    "deep JSON": flooding(START, repeated=masked(TEXT, b"[" * 60_000), at_once=4),
    "largest frames": flooding(START, repeated=_frame_with_length(1 << 20) + bytes(1 << 20), at_once=2),
    "incomplete large frames": holding(handshake() + _frame_with_length(1 << 20) + bytes(1 << 19), connections=100),
    "compressed frames": repeating(START + COMPRESSED, at_once=20),
    "invalid frames": repeating(START + b"\x83\x80\0\0\0\0", at_once=20),
    "close frames with garbage": repeating(START + masked(CLOSE, b"\x00\x01\xff\xfe"), at_once=20),
    "resumes with wrong tokens": repeating(_resume(7), at_once=20),
    "sessions without audio": holding(handshake() + START, connections=200),
    "results that nothing reads": deaf(START, repeated=LOUD_AUDIO, at_once=5),
    "silent connections": holding(b"", connections=2_000),
    "slow handshakes": holding(handshake(), connections=200, every_s=1.0),
    "endless headers": http_flood(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"x" * 64),
    "many headers": http_flood(b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"),
    "pipelined requests": http_flood(b"", GET_HEALTH),
    "tiny chunks of a body": http_flood(CHUNKED, b"1\r\na\r\n"),
    "endless body": http_flood(b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", bytes(64)),
}
