"""Many sessions that speak in real time, at the least cost for who measures: frames are made ahead, answers read after.

Every session says the same track, each from another place in it. What is sent is one `write` of bytes that lie ready;
what comes is kept with its time, and understood when all is over.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import WebSocketURI, parse_uri

from tests.chaos.speakers import voices

RATE = 16_000
FRAME = 1_600
"""Samples sent at once: 100 ms."""
FRAME_S = FRAME / RATE
TRACK_S = 120.0
OPENED_AT_ONCE = 8
ANSWER_S = 60.0
"""Longest wait for `ready`, and for `done` behind `stop`."""


@dataclass(frozen=True, slots=True)
class Track:
    """What is said, over and over."""

    samples: NDArray[np.int16]
    """[n], whole frames, 16 kHz mono."""
    frames: tuple[bytes, ...]
    """The same, ready for the wire."""

    @classmethod
    def of_speech(cls, seconds: float = TRACK_S) -> Track:
        """Clips of real speech, with one or two seconds between them."""
        samples = voices(1, seconds, "en", 0)[0]
        pieces = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        frames = (Frame(Opcode.BINARY, piece.tobytes()).serialize(mask=True) for piece in pieces)
        return cls(pieces.reshape(-1), tuple(frames))


class Singer(asyncio.Protocol):
    """One session. `begin` and `stop` it once it is `opened`."""

    def __init__(self, track: Track, first_frame: int, uri: WebSocketURI, options: Mapping[str, Any]) -> None:
        self.track, self.first_frame = track, first_frame
        self.opened, self.over = asyncio.Event(), asyncio.Event()
        self.sent_at: list[float] = []
        """When each frame was handed to the system; seconds of the monotonic clock."""
        self.came: list[tuple[float, bytes]] = []
        """When each event came, and its JSON."""
        self._start = json.dumps({"type": "start", **options}).encode()
        self._protocol = ClientProtocol(uri, max_size=None)
        self._due: asyncio.TimerHandle | None = None

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
                self.came.append((now, bytes(event.data)))
                self.opened.set()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pause()
        self.opened.set()
        self.over.set()

    def begin(self, at: float) -> None:
        """Speak from then on, by the loop's clock, a frame every 100 ms."""
        self._due = asyncio.get_running_loop().call_at(at + FRAME_S, self._speak, at + FRAME_S)

    def stop(self) -> None:
        """No more audio."""
        self._pause()
        if not self.over.is_set():
            self._protocol.send_text(b'{"type":"stop"}')
            self._flush()

    def said(self, start: int, end: int) -> bytes:
        """What it said from sample `start` to `end`."""
        first = self.first_frame * FRAME
        return self.track.samples.take(range(first + start, first + end), mode="wrap").tobytes()

    def leave(self) -> None:
        """Close the connection, whatever is under way."""
        self._transport.abort()

    def _speak(self, at: float) -> None:
        frames = self.track.frames
        self._transport.write(frames[(self.first_frame + len(self.sent_at)) % len(frames)])
        self.sent_at.append(time.monotonic())
        self.begin(at)

    def _pause(self) -> None:
        if self._due is not None:
            self._due.cancel()

    def _flush(self) -> None:
        self._transport.write(b"".join(self._protocol.data_to_send()))


async def assemble(url: str, track: Track, count: int, options: Mapping[str, Any]) -> list[Singer]:
    """So many open sessions, silent as yet. Raises AssertionError when one is refused."""
    places = asyncio.Semaphore(OPENED_AT_ONCE)
    uri = parse_uri(url)

    async def open_one(number: int) -> Singer:
        async with places, asyncio.timeout(ANSWER_S):
            first = number * len(track.frames) // count
            singer = Singer(track, first, uri, options)
            await asyncio.get_running_loop().create_connection(lambda: singer, uri.host, uri.port)
            await singer.opened.wait()
            assert singer.came, "the connection was closed"
            assert json.loads(singer.came[0][1])["type"] == "ready", singer.came[0][1]
            return singer

    return list(await asyncio.gather(*(open_one(number) for number in range(count))))


def sing(singers: Sequence[Singer]) -> None:
    """All of them at once from now on, evenly spread over the time of a frame."""
    began = asyncio.get_running_loop().time()
    for number, singer in enumerate(singers):
        singer.begin(began + FRAME_S * number / len(singers))


async def dismiss(singers: Sequence[Singer]) -> None:
    """Stop, and hear everybody out for as long as `ANSWER_S`: what has not come by then is missing."""
    for singer in singers:
        singer.stop()
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            for singer in singers:
                await singer.over.wait()
    for singer in singers:
        singer.leave()
