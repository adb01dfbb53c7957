"""Recordings over HTTP: a session without a WebSocket, whose client is the uploaded file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import Request

from backend.cli.files.media.errors import DamagedAudioError, MediaError, TruncatedAudioError
from backend.cli.files.media.recording import Recording, open_recording
from backend.cli.files.speaker_parts import relabelled
from backend.errors import ClientError, NovaError
from backend.messages.protocol import (
    AudioFormat,
    Done,
    Error,
    Final,
    ServerMessage,
    SpeakersMerged,
    Start,
    Stop,
    Translation,
    parse_server,
    to_json,
)
from backend.text.writing_systems import join_texts
from gateway.access.admission import DrainingError
from gateway.access.auth import Caller
from gateway.access.opening import OPEN_TIMEOUT_S
from gateway.connection.codec import NativeCodec
from gateway.connection.handshake import run_connection
from gateway.connection.session_opening import Opening
from gateway.connection.transport import Transport
from gateway.protocols import ProtocolName
from gateway.services import GatewayServices

# Events that may wait for the HTTP client. More stop the session, which stops reading the file.
MAX_EVENTS = 100
# Audio that is read at once: two seconds. A thread for each shorter block would cost more time than reading it.
READ_BYTES = 1 << 16


class RecordingTranscript:
    """The finals of a recording, and its translations."""

    def __init__(self) -> None:
        self._finals: list[Final] = []
        # By utterance.
        self.translations: dict[int, str] = {}
        self.audio_s = 0.0

    def apply(self, event: ServerMessage) -> None:
        """Take a result. Raises RecordingFailedError if an utterance has none because of an error."""
        match event:
            case Final():
                self._finals.append(event)
            case SpeakersMerged():
                self._finals = [relabelled(final, event) for final in self._finals]
            case Translation(is_final=True):
                self.translations[event.utterance] = event.text
            case Error(utterance=int()):
                raise RecordingFailedError(event)

    def finish(self, socket: "RecordingSocket") -> None:
        """The session is over. Raises MediaError if nothing of the recording could be read."""
        self.audio_s = socket.audio_s
        # The last window of the speech detector is longer than the rest of the audio.
        self._finals = [_ended_by(final, round(1000 * socket.audio_s)) for final in self._finals]
        # Of a damaged recording, the rest was used.
        if socket.problem and not isinstance(socket.problem, DamagedAudioError | TruncatedAudioError):
            raise socket.problem

    def of_channel(self, channel: int | None) -> "RecordingTranscript":
        """The transcript of one channel, without its translations."""
        part = RecordingTranscript()
        part._finals = [final for final in self._finals if final.channel == channel]
        return part

    @property
    def segments(self) -> list[Final]:
        """The finals with text, in order."""
        return sorted((final for final in self._finals if final.text), key=lambda final: final.start_ms)

    @property
    def language(self) -> str:
        """The language of most of the speech; "" if there is none."""
        durations: dict[str, int] = {}
        for final in self.segments:
            durations[final.language] = durations.get(final.language, 0) + final.end_ms - final.start_ms
        return max(durations, key=durations.__getitem__, default="")

    def untranslated(self, target: str) -> set[str]:
        """The languages of the speech that is neither in the target language nor translated into it."""
        missing = {final.language for final in self.segments if final.utterance not in self.translations}
        return {language for language in missing if language.partition("-")[0] != target}

    def text(self, *, translated: bool = False) -> str:
        """The whole text; an utterance that was not translated is in its own language."""
        translations = self.translations if translated else {}
        return join_texts(translations.get(final.utterance, final.text) for final in self.segments)


def _ended_by(final: Final, limit_ms: int) -> Final:
    """The final with no time after the end of the audio."""
    if final.end_ms <= limit_ms:
        return final
    words = final.words and tuple(
        word.model_copy(update={"end_ms": min(word.end_ms, limit_ms)}) for word in final.words
    )
    return final.model_copy(update={"end_ms": limit_ms, "words": words})


class RecordingFailedError(ClientError):
    """The session of a recording ended with an error. `event` is the fatal error."""

    def __init__(self, event: Error) -> None:
        super().__init__(event.message, code=event.code)
        self.event = event
        self.retry_after_s = event.retry_after_s


class RecordingSocket:
    """The socket of a session whose client sends `start`, a recording and `stop`."""

    def __init__(self, start: Start, recording: Recording) -> None:
        """Read the first block. Call this in a thread."""
        audio = AudioFormat(channels=recording.channels)
        self._start: Start | None = start.model_copy(update={"priority": "recording", "audio": audio})
        self._recording = recording
        self._stopped = False
        # The frame of audio after the present one: it is read while the session processes that one.
        self._reading: asyncio.Task[bytes] | None = None
        # Why the session has closed the socket; "" until then.
        self.close_reason = ""
        # What the session sends; None when it has closed.
        self.events: asyncio.Queue[ServerMessage | None] = asyncio.Queue(MAX_EVENTS)
        # Why the recording could not be read to its end.
        self.problem: MediaError | None = None
        self.audio_s = 0.0
        self.channels = recording.channels
        # A thread of its own for it would compete with the beginning of the session.
        self._first = self._read_block()

    @property
    def length_ms(self) -> int | None:
        """The best estimate of the recording's length."""
        seconds = self._recording.length_s
        return None if seconds is None else round(1000 * seconds)

    async def receive(self) -> Any:
        """The next frame. After `stop` there is none."""
        if self._start is not None:
            start, self._start = self._start, None
            return _text(to_json(start))
        if self._stopped:
            await asyncio.Event().wait()
        if data := await self._reading if self._reading else self._first:
            self._reading = asyncio.create_task(asyncio.to_thread(self._read))
            return {"type": "websocket.receive", "bytes": data}
        self._stopped, self.audio_s = True, self._recording.position_s
        return _text(to_json(Stop()))

    def stop_reading(self) -> None:
        """The session has ended, maybe before the end of the recording."""
        if self._reading:
            self._reading.cancel()

    def _read(self) -> bytes:
        """Read several blocks at once; b"" at the end."""
        data = bytearray()
        while len(data) < READ_BYTES and (block := self._read_block()):
            data += block
        return bytes(data)

    def _read_block(self) -> bytes:
        try:
            return b"" if self.problem else self._recording.read()
        except MediaError as error:
            self.problem = error
            return b""

    async def send_text(self, data: str) -> None:
        """Hand an event to the HTTP client. Waits while it reads slowly."""
        await self.events.put(parse_server(data))

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """The session is over."""
        self.close_reason = reason or ""
        await self.events.put(None)

    async def next_event(self, session: asyncio.Task[None]) -> ServerMessage | None:
        """The next event; None when the session has ended."""
        waiting = asyncio.ensure_future(self.events.get())
        try:
            await asyncio.wait({waiting, session}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            session.result()  # raises what the session raised
            return None
        finally:
            waiting.cancel()  # also if the HTTP client has left, which cancels this coroutine


@asynccontextmanager
async def transcribed(
    services: GatewayServices, caller: Caller, address: str, start: Start, file: Path, protocol: ProtocolName
) -> AsyncIterator[tuple[RecordingSocket, AsyncIterator[ServerMessage]]]:
    """Run the session of a recording. Yields its socket, and its events in order up to `done`.

    The iterator raises RecordingFailedError when the session fails. Raises MediaError if the file cannot be opened.
    Leaving the context ends the session.
    """
    with ExitStack() as stack:
        async with services.opening.turn(address):
            opening = open_recording(file, separate=start.multichannel, open_timeout_s=OPEN_TIMEOUT_S)
            socket = await asyncio.to_thread(lambda: RecordingSocket(start, stack.enter_context(opening)))
        stack.callback(socket.stop_reading)
        pending = stack.enter_context(ExitStack())
        pending.enter_context(services.pending.counted(address))
        transport = Transport.of(socket, NativeCodec(protocol), MAX_EVENTS)
        session = asyncio.create_task(run_connection(services, Opening(caller, pending, protocol), transport))
        try:
            yield socket, _events(socket, session)
        finally:
            session.cancel()
            with suppress(asyncio.CancelledError):
                await session


# Called with each event of a recording. What it raises ends the recording.
EventCheck = Callable[[ServerMessage], None]


def accept_any(event: ServerMessage) -> None:
    """The check that accepts every event."""


async def collected(
    request: Request,
    events: AsyncIterator[ServerMessage],
    transcript: RecordingTranscript,
    check: EventCheck = accept_any,
) -> None:
    """Collect all results, unless the HTTP client leaves or `check` raises.

    Raises RecordingFailedError, ClientError if the client left, and what `check` raises.
    """
    await while_connected(request, collect(events, transcript, check))


async def collect(
    events: AsyncIterator[ServerMessage], transcript: RecordingTranscript, check: EventCheck = accept_any
) -> None:
    """Collect all results. Raises RecordingFailedError, and what `check` raises."""
    async for event in events:
        check(event)
        transcript.apply(event)


async def while_connected(request: Request, work: Awaitable[None]) -> None:
    """Await work for an HTTP client whose request was read. Cancels it and raises ClientError if the client leaves."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_disconnection(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientError("the client has disconnected", code="disconnected")
        working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _events(socket: RecordingSocket, session: asyncio.Task[None]) -> AsyncIterator[ServerMessage]:
    while True:
        event = await socket.next_event(session)
        if isinstance(event, Done):
            return
        if event is None:
            raise RecordingFailedError(_interrupted(socket))
        if isinstance(event, Error) and event.fatal:
            raise RecordingFailedError(event)
        yield event


def _interrupted(socket: RecordingSocket) -> Error:
    """The error of a session that has ended without `done`, such as that of a gateway that is shutting down."""
    code = DrainingError.code if socket.close_reason == DrainingError.code else NovaError.code
    return Error(code=code, message="the session ended before the whole recording was transcribed", fatal=True)


def _text(data: str) -> dict[str, str]:
    return {"type": "websocket.receive", "text": data}
