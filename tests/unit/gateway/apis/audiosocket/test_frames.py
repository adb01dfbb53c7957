"""Asterisk gets silence while it sends nothing, and the frames that it sends are read as before."""

import asyncio
import socket

import pytest

from gateway.apis.audiosocket import frames
from gateway.apis.audiosocket.codec import farewell, to_frame
from gateway.apis.audiosocket.frames import AudioSocketFrames, silent_frame
from gateway.settings import GatewaySettings
from gateway.tcp.stream_socket import StreamSocket

IDENTITY = to_frame(0x01, bytes(16))


class Line:
    """A connection: the end of Asterisk, and the gateway's."""

    def __init__(self, asterisk: tuple[asyncio.StreamReader, asyncio.StreamWriter], stream: StreamSocket) -> None:
        self.reader, self.writer = asterisk
        self.stream = stream

    async def close(self) -> None:
        self.writer.close()
        await self.stream.close()
        await self.stream.release()


async def opened(read: AudioSocketFrames) -> Line:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    return Line(await asyncio.open_connection(sock=theirs), StreamSocket(reader, writer, read.read, farewell))


@pytest.mark.parametrize(("kind", "size"), [(0x10, 320), (0x12, 640), (0x16, 1_920)])
def test_silence_has_the_rate_of_the_call(kind: int, size: int) -> None:
    assert silent_frame(kind) == to_frame(kind, bytes(size))


async def test_silence_is_sent_in_pauses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FILL_AFTER_S", 0.05)
    read = AudioSocketFrames(GatewaySettings())
    line = await opened(read)
    filling = asyncio.create_task(read.fill_pauses(line.stream))
    await asyncio.sleep(0.2)  # nothing precedes the first frame
    audio = to_frame(0x12, b"ab")
    line.writer.write(IDENTITY + audio)
    assert [(await line.stream.receive())["bytes"] for _ in range(2)] == [IDENTITY, audio]
    silence = silent_frame(0x12)
    assert await asyncio.wait_for(line.reader.readexactly(2 * len(silence)), 5) == 2 * silence
    await line.close()
    await asyncio.wait_for(filling, 5)


async def test_a_lost_connection_ends_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FILL_AFTER_S", 0.01)
    read = AudioSocketFrames(GatewaySettings())
    line = await opened(read)
    line.writer.write(IDENTITY)
    await line.stream.receive()
    line.writer.transport.abort()
    await asyncio.wait_for(read.fill_pauses(line.stream), 5)
    await line.close()
