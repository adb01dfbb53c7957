"""Shapes of attacks by single connections, byte by byte. An attack runs until it is cancelled."""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tests.testkit.raw_websocket import opened

STREAM = "/v1/stream"

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

    async def opened(
        self, *frames: bytes, path: str = STREAM, room: int = 1 << 16
    ) -> tuple[StreamReader, StreamWriter]:
        """A WebSocket, after it has sent these frames."""
        return await opened(self.host, self.port, *frames, room=room, path=path)


async def everything(reader: StreamReader) -> bytes:
    """All data until the connection ends. `StreamReader.read(-1)` would lose it if the connection is reset."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            received += data
    return received


def _times(data: bytes) -> int:
    """How often to write `data` at once."""
    return max(1, (1 << 14) // max(1, len(data)))


async def flood(target: Target, *frames: bytes, repeated: bytes, path: str = STREAM) -> bytes:
    """Send frames as fast as the gateway reads them, until it closes the connection. Returns what it has sent."""
    reader, writer = await target.opened(*frames, path=path)
    reading = asyncio.create_task(everything(reader))
    try:
        with contextlib.suppress(ConnectionError):
            while not reading.done():
                writer.write(repeated * _times(repeated))
                await writer.drain()
        return await reading
    finally:
        reading.cancel()
        writer.transport.abort()


def flooding(*frames: bytes, repeated: bytes, at_once: int = 1, path: str = STREAM) -> Attack:
    """An attack that floods again and again, each time on a new connection."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await flood(target, *frames, repeated=repeated, path=path)
                await asyncio.sleep(0.01)

        await asyncio.gather(*(one() for _ in range(at_once)))

    return attack


def deaf(*frames: bytes, repeated: bytes, at_once: int = 1, path: str = STREAM) -> Attack:
    """An attack by clients that send and never read."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            _, writer = await target.opened(*frames, room=1_024, path=path)
            try:
                with contextlib.suppress(ConnectionError):
                    while True:
                        writer.write(repeated * _times(repeated))
                        await writer.drain()
                await asyncio.Event().wait()
            finally:
                writer.transport.abort()

        await asyncio.gather(*(one() for _ in range(at_once)))

    return attack


def holding(data: bytes, *frames: bytes, connections: int, every_s: float = 0.0) -> Attack:
    """An attack by connections that send `data`, at once or one byte every `every_s` seconds, and stay open.

    `frames` are sent after the response to the handshake in `data`: a gateway reads no earlier ones.
    """

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                reader, writer = await target.connected()
                try:
                    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                        for byte in [data[at : at + 1] for at in range(len(data))] if every_s else [data]:
                            writer.write(byte)
                            await asyncio.sleep(every_s)
                        if frames:
                            await reader.readuntil(b"\r\n\r\n")
                            writer.write(b"".join(frames))
                        await everything(reader)
                finally:
                    writer.transport.abort()
                await asyncio.sleep(0.5)

        await asyncio.gather(*(one() for _ in range(connections)))

    return attack


def repeating(frames: bytes, *, at_once: int, path: str = STREAM) -> Attack:
    """An attack by clients that connect, send frames, wait for the end, and connect again."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    reader, writer = await target.opened(frames, path=path)
                    try:
                        await asyncio.wait_for(everything(reader), 5)
                    except TimeoutError:
                        pass
                    finally:
                        writer.transport.abort()
                await asyncio.sleep(0.001)

        await asyncio.gather(*(one() for _ in range(at_once)))

    return attack


def bursting(burst: bytes, *, at_once: int, path: str = STREAM) -> Attack:
    """An attack by clients that send a burst, wait for the first answer, and connect again."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    reader, writer = await target.opened(burst, path=path)
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
                        writer.write(body * _times(body))
                        await writer.drain()
            finally:
                writer.transport.abort()
            await asyncio.sleep(0.01)

    return attack


def requests(request: bytes, *, at_once: int) -> Attack:
    """An attack by clients that send a request, read the response, and connect again."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                reader, writer = await target.connected()
                try:
                    with contextlib.suppress(ConnectionError, TimeoutError):
                        writer.write(request)
                        await asyncio.wait_for(writer.drain(), 10)
                        await asyncio.wait_for(everything(reader), 10)
                finally:
                    writer.transport.abort()
                await asyncio.sleep(0.001)

        await asyncio.gather(*(one() for _ in range(at_once)))

    return attack


def half_closed(data: bytes, *, connections: int) -> Attack:
    """An attack by connections that send `data` and an end of file, and then only read."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            while True:
                reader, writer = await target.connected()
                try:
                    with contextlib.suppress(OSError):
                        writer.write(data)
                        writer.write_eof()
                        await everything(reader)
                finally:
                    writer.transport.abort()
                await asyncio.sleep(0.5)

        await asyncio.gather(*(one() for _ in range(connections)))

    return attack
