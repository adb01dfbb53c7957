"""A gateway with streams in memory, and clients that speak to it without sockets, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from fastapi import WebSocket

from backend.messages.jobs import AudioJob
from backend.messages.protocol import ClientMessage, Message, Ready, Resume, parse_server, to_json
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import AUDIO, Entry, Outcome
from backend.streams.worker.consumer import Consumer
from gateway.audio.silero import SequenceResult, Silero, WindowSequence
from gateway.audio.vad_batcher import VadBatcher
from gateway.connection.codec import Codec
from gateway.connection.direct_writer import EXTENSION
from gateway.connection.handshake import serve_websocket
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from tests.testkit.streams.jobs import final
from tests.testkit.streams.memory import MemoryEntrySource, MemoryFanout, MemorySessions, MemoryStreams
from tests.testkit.streams.virtual_time import loop_clock

RATE = 16_000
FRAME_S = 0.1
NOISE = np.random.default_rng(1).normal(0, 6_000, RATE).astype(np.int16)


class LoudnessDetector(Silero):
    """Treats loud windows as speech, so that tests need no recordings."""

    def infer(self, sequences: Any) -> list[SequenceResult]:
        return [self._measure(sequence) for sequence in sequences]

    def _measure(self, sequence: WindowSequence) -> SequenceResult:
        loud = np.abs(sequence.inputs.astype(np.float32)).mean(axis=1) > 1_000
        return np.where(loud, np.float32(0.9), np.float32(0.0)), sequence.state


async def recognize(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
    """Return a final for every final job, at once."""
    return [final_outcome(entry.job) if entry.job.kind == "final" else Outcome() for entry in batch]


def final_outcome(job: AudioJob) -> Outcome:
    event = final(job.utterance, f"utterance {job.utterance}", start_ms=job.start_ms, end_ms=job.end_ms)
    return Outcome(durable=(event,))


class MemoryGateway:
    """A gateway whose streams are in memory, and a worker that answers its final jobs."""

    def __init__(self, streams: MemoryStreams | None = None, **settings: Any) -> None:
        self.streams = streams or MemoryStreams(loop_clock())
        self.services = replace(
            GatewayServices.create(GatewaySettings(**settings)),
            streams=self.streams,
            sessions=MemorySessions(self.streams),
            fanout=MemoryFanout(self.streams),
            vad_batcher=VadBatcher(LoudnessDetector()),
            clock=self.streams.clock,
        )
        # The final jobs that the worker has recognized.
        self.recognized: list[AudioJob] = []
        # How long it takes for each batch.
        self.decode_s = 0.0

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        stop, settings = asyncio.Event(), WorkerSettings()
        source = MemoryEntrySource(self.streams, AUDIO, "worker", settings)
        consumer = Consumer(source, self.streams, settings, self._recognize, self.streams.clock)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(consumer.consume_until(stop))
            yield
            stop.set()

    async def _recognize(self, batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        self.recognized += [entry.job for entry in batch if entry.job.kind == "final"]
        await asyncio.sleep(self.decode_s)
        return await recognize(batch)

    @asynccontextmanager
    async def connect(self, first: ClientMessage, *, reads: bool = True) -> AsyncIterator["MemoryClient"]:
        client = MemoryClient(reads)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve_websocket(client.websocket(), self.services))
            client.send(first)
            yield client
            client.leave()
            await serving


@dataclass
class MemoryLimits:
    """The server below a connection: it is lost when a test says so."""

    is_lost: bool = False

    def use_codec(self, codec: Codec, error_frames: object) -> None: ...

    def allow_large_frames(self) -> None: ...

    def stop_reading(self) -> None: ...


@dataclass
class MemoryClient:
    """The client's end of an ASGI WebSocket. One that does not read blocks the server's sends."""

    reads: bool = True
    # How long it takes to read an event.
    read_s: float = 0.0
    events: list[Message] = field(default_factory=list)
    close_code: int | None = None
    limits: MemoryLimits = field(default_factory=MemoryLimits)
    headers: tuple[tuple[bytes, bytes], ...] = ((b"host", b"localhost"),)
    _incoming: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def websocket(self) -> WebSocket:
        self._incoming.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "headers": list(self.headers), "query_string": b"", "path": "/v1/stream"}
        return WebSocket({**scope, "extensions": {EXTENSION: self.limits}}, self._incoming.get, self._receive)

    def send(self, message: ClientMessage | bytes) -> None:
        self.send_frame(message if isinstance(message, bytes) else to_json(message))

    def send_frame(self, frame: str | bytes) -> None:
        """Send a text frame, valid or not, or audio."""
        content = {"bytes": frame} if isinstance(frame, bytes) else {"text": frame}
        self._incoming.put_nowait({"type": "websocket.receive", **content})

    def leave(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def speak(self, seconds: float = 1.0) -> None:
        """Speech, and enough silence for the endpoint, in real time."""
        for sound in (NOISE, np.zeros_like(NOISE)):
            for at in range(0, int(seconds * RATE), int(FRAME_S * RATE)):
                self.send(np.roll(sound, -at)[: int(FRAME_S * RATE)].tobytes())
                await asyncio.sleep(FRAME_S)

    async def wait_for(self, condition: Callable[[], object], timeout_s: float = 60) -> None:
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(condition)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def ready(self) -> Ready:
        ready: Ready = self.of(Ready)[0]
        return ready

    def resume_message(self, **more: Any) -> Resume:
        return Resume(session=self.ready.session, token=self.ready.resume_token, **more)

    async def _receive(self, message: Any) -> None:
        if message["type"] == "websocket.send" and not self.reads:
            await asyncio.Event().wait()
        if self.read_s:
            await asyncio.sleep(self.read_s)
        async with self._changed:
            if message["type"] == "websocket.send":
                self.events.append(parse_server(message["text"]))
            elif message["type"] == "websocket.close":
                self.close_code = message["code"]
            self._changed.notify_all()
