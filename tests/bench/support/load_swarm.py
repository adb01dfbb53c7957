"""Hundreds of sessions that speak in real time at the lowest possible cost for the measuring process.

This is a second session driver, next to `backend.load.driver`. The overhead benchmark runs client and server on one
machine and measures milliseconds, so the client must cost far less than what it measures: frames are encoded before
the run, each is one `write` of prepared bytes, and events are stored as bytes and parsed after the run. The driver of
`backend.load` would parse and buffer in between. Both fill the same ledger.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import WebSocketURI, parse_uri

from backend.load.ledger import SessionLedger, split
from backend.messages.protocol import Ready, Start, parse_server, to_json
from tests.testkit.audio.voices import voices
from tests.testkit.session import FRAME, RATE

FRAME_S = FRAME / RATE
TRACK_S = 120.0
OPENED_AT_ONCE = 8
MAX_WAIT_S = 60.0  # for `ready`, and for `done` after `stop`


@dataclass(frozen=True, slots=True)
class Track:
    """Audio that all sessions repeat, each from another position."""

    samples: NDArray[np.int16]  # [n] whole frames, 16 kHz mono
    frames: tuple[bytes, ...]
    wire_frames: tuple[bytes, ...]  # the same as masked WebSocket frames

    @classmethod
    def of_speech(cls, seconds: float = TRACK_S) -> "Track":
        """Clips of real speech with one or two seconds between them."""
        samples = voices(1, seconds)[0]
        samples = samples[: len(samples) // FRAME * FRAME]
        frames = split(samples.tobytes(), FRAME)
        wire_frames = (Frame(Opcode.BINARY, frame).serialize(mask=True) for frame in frames)
        return cls(samples, tuple(frames), tuple(wire_frames))


class SwarmSession(asyncio.Protocol):
    """One session. Call `begin` and `stop` once it is `opened`, and read the ledger after `closed`."""

    def __init__(self, track: Track, first_frame: int, uri: WebSocketURI, start: Start) -> None:
        self.track, self.first_frame = track, first_frame
        self.opened, self.closed = asyncio.Event(), asyncio.Event()
        self.sent_at: list[float] = []
        self._received: list[tuple[float, bytes]] = []
        self._start = to_json(start).encode()
        self._protocol = ClientProtocol(uri, max_size=None)
        self._next_frame: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._protocol.send_text(self._start)
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._received.append((now, bytes(event.data)))
                self.opened.set()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pause()
        self.opened.set()
        self.closed.set()

    def begin(self, at: float) -> None:
        """Send a frame every 100 ms from this time of the event loop's clock."""
        self._next_frame = asyncio.get_running_loop().call_at(at + FRAME_S, self._send_frame, at + FRAME_S)

    def stop(self) -> None:
        """Send `stop` instead of more audio."""
        self._pause()
        if not self.closed.is_set():
            self._protocol.send_text(b'{"type":"stop"}')
            self._flush()

    def abort(self) -> None:
        """Reset the connection."""
        self._transport.abort()

    def audio(self, start: int, end: int) -> bytes:
        """The samples that it sent from `start` to `end`."""
        first = self.first_frame * FRAME
        return self.track.samples.take(range(first + start, first + end), mode="wrap").tobytes()

    def ledger(self) -> SessionLedger:
        """The session on the monotonic clock, parsed."""
        ledger = SessionLedger(self.track.frames, sent_at=self.sent_at)
        ledger.events = [(at, parse_server(data.decode())) for at, data in self._received]
        return ledger

    def _send_frame(self, at: float) -> None:
        frames = self.track.wire_frames
        self._transport.write(frames[(self.first_frame + len(self.sent_at)) % len(frames)])
        self.sent_at.append(time.monotonic())
        self.begin(at)

    def _pause(self) -> None:
        if self._next_frame is not None:
            self._next_frame.cancel()

    def _flush(self) -> None:
        self._transport.write(b"".join(self._protocol.data_to_send()))


async def open_sessions(url: str, track: Track, count: int, start: Start) -> list[SwarmSession]:
    """Open `count` sessions that do not speak yet. Raises AssertionError if one is refused."""
    slots = asyncio.Semaphore(OPENED_AT_ONCE)
    uri = parse_uri(url)

    async def open_one(number: int) -> SwarmSession:
        async with slots, asyncio.timeout(MAX_WAIT_S):
            session = SwarmSession(track, number * len(track.frames) // count, uri, start)
            await asyncio.get_running_loop().create_connection(lambda: session, uri.host, uri.port)
            await session.opened.wait()
            events = session.ledger().events
            assert events, "the connection was closed"
            assert isinstance(events[0][1], Ready), events[0]
            return session

    return list(await asyncio.gather(*map(open_one, range(count))))


def begin_all(sessions: Sequence[SwarmSession]) -> None:
    """Start all sessions now. Their frames are spread evenly over the duration of a frame."""
    began = asyncio.get_running_loop().time()
    for number, session in enumerate(sessions):
        session.begin(began + FRAME_S * number / len(sessions))


async def stop_all(sessions: Sequence[SwarmSession]) -> None:
    """Stop all sessions and wait for their last events, for at most `MAX_WAIT_S`."""
    for session in sessions:
        session.stop()
    with suppress(TimeoutError):
        async with asyncio.timeout(MAX_WAIT_S):
            for session in sessions:
                await session.closed.wait()
    for session in sessions:
        session.abort()
