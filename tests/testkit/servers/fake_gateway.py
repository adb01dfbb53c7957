"""A small server that speaks the protocol, and a user who talks to it: what a client's tests need, without a model."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from backend.client.client import Client
from backend.client.replay_buffer import SAMPLE_BYTES
from backend.messages.protocol import (
    AudioFormat,
    Configure,
    Done,
    Error,
    Final,
    Message,
    Notice,
    Ready,
    Resume,
    ServerMessage,
    Start,
    Stop,
    parse_client,
    to_json,
)

PHONE = Start(audio=AudioFormat(encoding="mulaw", sample_rate=8_000))
MS = 8
"""Bytes of a millisecond of it."""
UTTERANCE_MS = 500
BLOCK_MS = 50
RESTART = 1012
"""The close code of a gateway that will be back."""
EXPIRED = Error(code="unknown_session", message="expired", fatal=True)


def speech(ms: int) -> bytes:
    """No two milliseconds are alike."""
    return b"".join(at.to_bytes(MS, "big") for at in range(ms))


# --- a server that speaks the protocol


@dataclass
class Told:
    """What every gateway knows of a session. An utterance is half a second, and settled as soon as it is heard."""

    start: Start
    heard: bytearray = field(default_factory=bytearray)
    finals: list[Final] = field(default_factory=list)
    configured: list[Configure] = field(default_factory=list)
    owner: ServerConnection | None = None

    @property
    def ms(self) -> int:
        audio = self.start.audio
        return SAMPLE_BYTES.get(audio.encoding, 1) * audio.channels * audio.sample_rate // 1000

    @property
    def heard_ms(self) -> int:
        return self.start.audio_from_ms + len(self.heard) // self.ms

    @property
    def settled_ms(self) -> int:
        return self.finals[-1].end_ms if self.finals else self.start.audio_from_ms

    def settle(self, end_ms: int) -> Final:
        number, start_ms = self.start.utterance + len(self.finals) + 1, self.settled_ms
        self.finals.append(
            Final(
                utterance=number,
                text=f"{number}",
                language="en",
                confidence=1,
                start_ms=start_ms,
                end_ms=end_ms,
                cursor=f"{number}-0",
            )
        )
        return self.finals[-1]

    def forget_what_no_final_covers(self) -> None:
        del self.heard[(self.settled_ms - self.start.audio_from_ms) * self.ms :]


@dataclass
class Gateway:
    """One of several, which know the same sessions."""

    sessions: dict[str, Told] = field(default_factory=dict)
    hellos: list[tuple[float, Start | Resume]] = field(default_factory=list)
    """With the time of each."""
    sockets: list[ServerConnection] = field(default_factory=list)
    refusals: list[tuple[Error, int]] = field(default_factory=list)
    """Answers to the next connections."""
    restarts: list[int] = field(default_factory=list)
    """Finals after which the connection is closed, once each."""
    token: str = "secret"
    port: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def told(self) -> Told:
        """The newest session."""
        return list(self.sessions.values())[-1]

    async def close(self, code: int) -> None:
        await self.sockets[-1].close(code)

    async def serve(self, socket: ServerConnection) -> None:
        try:
            hello = parse_client(str(await socket.recv()))
            assert isinstance(hello, Start | Resume)
            self.hellos.append((time.monotonic(), hello))
            if self.refusals:
                await refuse(socket, *self.refusals.pop(0))
            elif isinstance(hello, Start):
                self.sessions[f"session {len(self.hellos)}"] = Told(hello)
                await self.talk(socket, f"session {len(self.hellos)}", "0-0")
            elif hello.session in self.sessions and hello.token == self.token:
                await self.talk(socket, hello.session, hello.cursor)
            else:
                await refuse(socket, EXPIRED, 1008)
        except ConnectionClosed:
            pass

    async def talk(self, socket: ServerConnection, name: str, cursor: str) -> None:
        self.sockets.append(socket)
        told = self.sessions[name]
        told.owner = socket
        told.forget_what_no_final_covers()
        await tell(
            socket,
            Ready(session=name, resume_token=self.token, audio_from_ms=told.settled_ms, cursor="0-0"),
            *(final for final in told.finals if final.utterance > int(cursor.removesuffix("-0"))),
        )
        async for frame in socket:
            if told.owner is not socket:
                await socket.close(4001)
            elif isinstance(frame, bytes):
                told.heard += frame
                await self.settle(socket, told)
            else:
                await self.take(socket, told, frame)

    async def settle(self, socket: ServerConnection, told: Told) -> None:
        while told.heard_ms - told.settled_ms >= UTTERANCE_MS:
            await tell(socket, told.settle(told.settled_ms + UTTERANCE_MS))
            if len(told.finals) in self.restarts:
                self.restarts.remove(len(told.finals))
                await socket.close(RESTART)

    async def take(self, socket: ServerConnection, told: Told, frame: str) -> None:
        match parse_client(frame):
            case Configure() as configure:
                told.configured.append(configure)
            case Stop():
                if told.heard_ms > told.settled_ms:
                    await tell(socket, told.settle(told.heard_ms))
                await tell(socket, Done())
                await socket.close()


async def tell(socket: ServerConnection, *messages: Message) -> None:
    for message in messages:
        await socket.send(to_json(message))


async def refuse(socket: ServerConnection, error: Error, code: int) -> None:
    await tell(socket, error)
    await socket.close(code)


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[Gateway]:
    async with serve(gateway.serve, "127.0.0.1", 0) as listening:
        gateway.port = next(iter(listening.sockets)).getsockname()[1]
        yield gateway


# --- a user who talks and listens


@dataclass
class Talk:
    """Audio goes in while events are read; after so many finals something happens, before more audio follows."""

    steps: Mapping[int, Callable[[], object]] = field(default_factory=dict)
    ahead: int = 0
    """Utterances that are spoken before the final of an earlier one is read."""
    events: list[ServerMessage] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def of(self, client: Client, audio: bytes) -> Talk:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._speak(client, audio))
            await self.listen(client)
        return self

    async def listen(self, client: Client) -> None:
        async for event in client:
            self.events.append(event)
            if isinstance(event, Final):
                happening = self.steps.get(len(self.finals), lambda: None)()
                if inspect.isawaitable(happening):
                    await happening
            async with self._news:
                self._news.notify_all()

    async def _speak(self, client: Client, audio: bytes) -> None:
        for at in range(0, len(audio), BLOCK_MS * MS):
            await self._answered(at // (UTTERANCE_MS * MS) - self.ahead)
            await client.send(audio[at : at + BLOCK_MS * MS])
        await client.stop()

    async def _answered(self, utterances: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: len(self.finals) >= utterances)

    @property
    def finals(self) -> list[Final]:
        return [event for event in self.events if isinstance(event, Final)]

    @property
    def notices(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Notice)]

    def assert_whole(self, ms: int) -> None:
        """Each utterance once, in order, without a gap, to the end."""
        assert [final.utterance for final in self.finals] == list(range(1, len(self.finals) + 1))
        ends = [final.end_ms for final in self.finals]
        assert [final.start_ms for final in self.finals] == [0, *ends[:-1]]
        assert ends[-1] == ms
