"""A gateway without models, and a speaker that uses a client: for tests of the Python client."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from backend.client.client import Client
from backend.messages.options import SAMPLE_BYTES
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
from tests.testkit.streams.jobs import final

PHONE = Start(audio=AudioFormat(encoding="mulaw", sample_rate=8_000))
MS = 8  # bytes per millisecond of `PHONE`
UTTERANCE_MS = 500
BLOCK_MS = 50
RESTART = 1012  # close code of a gateway that restarts
EXPIRED = Error(code="unknown_session", message="expired", fatal=True)


def speech(ms: int) -> bytes:
    """Create audio in which each millisecond is unique."""
    return b"".join(at.to_bytes(MS, "big") for at in range(ms))


# --- the server


@dataclass
class SessionState:
    """A session, shared by all gateways. An utterance lasts half a second and gets its final at once."""

    start: Start
    audio: bytearray = field(default_factory=bytearray)
    finals: list[Final] = field(default_factory=list)
    configured: list[Configure] = field(default_factory=list)
    owner: ServerConnection | None = None

    @property
    def bytes_per_ms(self) -> int:
        form = self.start.audio
        return SAMPLE_BYTES.get(form.encoding, 1) * form.channels * form.sample_rate // 1000

    @property
    def received_ms(self) -> int:
        return self.start.audio_from_ms + len(self.audio) // self.bytes_per_ms

    @property
    def final_ms(self) -> int:
        return self.finals[-1].end_ms if self.finals else self.start.audio_from_ms

    def add_final(self, end_ms: int) -> Final:
        number, start_ms = self.start.utterance + len(self.finals) + 1, self.final_ms
        times = {"start_ms": start_ms, "end_ms": end_ms}
        self.finals.append(final(number, f"{number}", cursor=f"{number}-0", **times))
        return self.finals[-1]

    def discard_pending_audio(self) -> None:
        del self.audio[(self.final_ms - self.start.audio_from_ms) * self.bytes_per_ms :]


@dataclass
class Gateway:
    """A gateway. Several gateways can share sessions."""

    sessions: dict[str, SessionState] = field(default_factory=dict)
    hellos: list[tuple[float, Start | Resume]] = field(default_factory=list)  # with the time of each
    sockets: list[ServerConnection] = field(default_factory=list)
    refusals: list[tuple[Error, int]] = field(default_factory=list)  # errors and close codes for the next connections
    restarts: list[int] = field(default_factory=list)  # numbers of finals after which the connection is closed once
    token: str = "secret"
    port: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def session(self) -> SessionState:
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
                self.sessions[f"session {len(self.hellos)}"] = SessionState(hello)
                await self.run_session(socket, f"session {len(self.hellos)}", "0-0")
            elif hello.session in self.sessions and hello.token == self.token:
                await self.run_session(socket, hello.session, hello.cursor)
            else:
                await refuse(socket, EXPIRED, 1008)
        except ConnectionClosed:
            pass

    async def run_session(self, socket: ServerConnection, name: str, cursor: str) -> None:
        self.sockets.append(socket)
        session = self.sessions[name]
        session.owner = socket
        session.discard_pending_audio()
        await send(
            socket,
            Ready(session=name, resume_token=self.token, audio_from_ms=session.final_ms, cursor="0-0"),
            *(final for final in session.finals if final.utterance > int(cursor.removesuffix("-0"))),
        )
        async for frame in socket:
            if session.owner is not socket:
                await socket.close(4001)
            elif isinstance(frame, bytes):
                session.audio += frame
                await self.send_finals(socket, session)
            else:
                await self.handle_message(socket, session, frame)

    async def send_finals(self, socket: ServerConnection, session: SessionState) -> None:
        while session.received_ms - session.final_ms >= UTTERANCE_MS:
            await send(socket, session.add_final(session.final_ms + UTTERANCE_MS))
            if len(session.finals) in self.restarts:
                self.restarts.remove(len(session.finals))
                await socket.close(RESTART)

    async def handle_message(self, socket: ServerConnection, session: SessionState, frame: str) -> None:
        match parse_client(frame):
            case Configure() as configure:
                session.configured.append(configure)
            case Stop():
                if session.received_ms > session.final_ms:
                    await send(socket, session.add_final(session.received_ms))
                await send(socket, Done())
                await socket.close()


async def send(socket: ServerConnection, *messages: Message) -> None:
    for message in messages:
        await socket.send(to_json(message))


async def refuse(socket: ServerConnection, error: Error, code: int) -> None:
    await send(socket, error)
    await socket.close(code)


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[Gateway]:
    async with serve(gateway.serve, "127.0.0.1", 0) as listening:
        gateway.port = next(iter(listening.sockets)).getsockname()[1]
        yield gateway


# --- the speaker


@dataclass
class Speaker:
    """Sends audio and receives events. `steps` are called after this number of finals, before more audio is sent."""

    steps: Mapping[int, Callable[[], object]] = field(default_factory=dict)
    ahead: int = 0  # utterances that may be sent before the final of an earlier one is received
    events: list[ServerMessage] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self, client: Client, audio: bytes) -> "Speaker":
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._speak(client, audio))
            await self.listen(client)
        return self

    async def listen(self, client: Client) -> None:
        async for event in client:
            self.events.append(event)
            if isinstance(event, Final):
                result = self.steps.get(len(self.finals), lambda: None)()
                if inspect.isawaitable(result):
                    await result
            async with self._changed:
                self._changed.notify_all()

    async def _speak(self, client: Client, audio: bytes) -> None:
        for at in range(0, len(audio), BLOCK_MS * MS):
            await self._wait_for_finals(at // (UTTERANCE_MS * MS) - self.ahead)
            await client.send(audio[at : at + BLOCK_MS * MS])
        await client.stop()

    async def _wait_for_finals(self, utterances: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.finals) >= utterances)

    @property
    def finals(self) -> list[Final]:
        return [event for event in self.events if isinstance(event, Final)]

    @property
    def notices(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Notice)]

    def assert_complete(self, ms: int) -> None:
        """Check that each utterance has one final, in order and without a gap, up to `ms`."""
        assert [final.utterance for final in self.finals] == list(range(1, len(self.finals) + 1))
        ends = [final.end_ms for final in self.finals]
        assert [final.start_ms for final in self.finals] == [0, *ends[:-1]]
        assert ends[-1] == ms
