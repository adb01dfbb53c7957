"""The TCP port of Wyoming."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import WebSocketDisconnect

from backend.errors import ClientError, ProtocolError
from gateway.apis.wyoming.announcement import announcing, check_announcement
from gateway.apis.wyoming.codec import WyomingCodec, farewell
from gateway.apis.wyoming.events import body_bytes
from gateway.apis.wyoming.info import RunningSpeech
from gateway.connection.codec import DirectReply
from gateway.connection.transport import SEND_TIMEOUT_S, send_frame
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from gateway.tcp.pace import ReadPace
from gateway.tcp.server import TcpPort, listening, refuse_stream, serve_session
from gateway.tcp.stream_socket import StreamSocket

_VERSION = version("nova-voice")


def wyoming_port(settings: GatewaySettings) -> TcpPort:
    """Where Wyoming is served."""
    return TcpPort("WYOMING", settings.wyoming_host, settings.wyoming_port, settings.wyoming_key.get_secret_value())


def check_wyoming(settings: GatewaySettings) -> None:
    """Raise SetupError if the port would be open without a key, or cannot be announced."""
    wyoming_port(settings).check(settings.auth)
    check_announcement(settings)


@asynccontextmanager
async def wyoming_listening(services: GatewayServices) -> AsyncIterator[None]:
    """Accept connections while the context is active."""
    port = wyoming_port(services.settings)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        events = EventReader(services.settings)
        await WyomingConnection(services, StreamSocket(reader, writer, events.read, farewell), port.key).serve()

    async with listening(port, serve), announcing(services.settings):
        yield


class EventReader:
    """Reads the events of one connection, not faster than the limits allow."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._max_payload_bytes = settings.max_frame_bytes
        self._pace = ReadPace(settings)

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next event. Raises ProtocolError, and IncompleteReadError at the end of the stream."""
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise asyncio.IncompleteReadError(line, None)
        frame = line + await reader.readexactly(body_bytes(line, self._max_payload_bytes))
        await self._pace.wait(len(frame))
        return frame


class WyomingConnection:
    """One client, which may ask for several transcriptions."""

    def __init__(self, services: GatewayServices, stream: StreamSocket, key: str) -> None:
        self._services, self._stream, self._key = services, stream, key

    async def serve(self) -> None:
        """Serve the client until it leaves, or one of its requests fails."""
        try:
            while not self._stream.is_closed:
                codec = WyomingCodec(self._running)
                socket = TranscriptionSocket(self._stream, codec)
                if not await self._is_requested(socket, codec):
                    break
                await serve_session(self._services, self._stream.address, socket, codec, self._key)
        finally:
            await self._stream.close()
            await self._stream.release()

    async def _is_requested(self, socket: "TranscriptionSocket", codec: WyomingCodec) -> bool:
        """Answer events until audio begins. False: the client has left, or was refused."""
        try:
            with self._services.pending.counted(self._stream.address):
                await self._answer_until_audio(socket, codec)
        except WebSocketDisconnect:
            return False
        except ClientError as error:
            await refuse_stream(socket, codec, error)
            return False
        return True

    async def _answer_until_audio(self, socket: "TranscriptionSocket", codec: WyomingCodec) -> None:
        limit_s = self._services.settings.idle_timeout_s
        while not codec.is_started:
            try:
                async with asyncio.timeout(limit_s):
                    frame = await socket.receive()
            except TimeoutError:
                raise ProtocolError(f"no event received for {limit_s:g} s", code="idle_timeout") from None
            if frame["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(frame["code"])
            for item in codec.decode(frame["bytes"]):
                if isinstance(item, DirectReply):
                    await _send(socket, item)

    def _running(self) -> RunningSpeech:
        admission = self._services.admission
        return RunningSpeech(admission.models, admission.served.speech, _VERSION)


class TranscriptionSocket:
    """The socket of one transcription. The connection stays open after a success."""

    def __init__(self, stream: StreamSocket, codec: WyomingCodec) -> None:
        self._stream, self._codec = stream, codec

    async def receive(self) -> Any:
        """The next event. After the audio there is none: what follows belongs to the next request."""
        if self._codec.is_stopped:
            await asyncio.Event().wait()
        return await self._stream.receive()

    async def send_text(self, data: str) -> None:
        """Send an event. Raises WebSocketDisconnect."""
        try:
            await self._stream.send_text(data)
        except OSError:
            raise WebSocketDisconnect(1006) from None

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """The session is over."""
        if code != 1000 or self._codec.is_failed:
            await self._stream.close(code, reason)


async def _send(socket: TranscriptionSocket, reply: DirectReply) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            for frame in reply.frames:
                await send_frame(socket, frame)
    except TimeoutError:
        raise WebSocketDisconnect(1013, "the client reads too slowly") from None
