"""The doors through which a call can be played: Twilio Media Streams, and the native protocol for comparison."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from backend.cli.calls.call_audio import RATE
from backend.cli.calls.results import CallProblem, CallResult, CallTranslation, CallUtterance
from backend.cli.calls.twilio_messages import CONNECTED, TRACKS, CallCompleted, TwilioMessages, parse_call_event
from backend.client.client import Client
from backend.client.connection import DisconnectedError, connect_socket, send_frame
from backend.local.discovery import STREAM_PATH, Server, connection_errors, open_session
from backend.messages.options import spoken_language
from backend.messages.protocol import AudioFormat, Error, Final, Notice, ServerMessage, Start, Translation

Through = Literal["twilio", "native"]
TWILIO_PATH = "/v1/twilio"


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of a call, as its caller gives them. `speakers` is their number."""

    speakers: int
    spoken: tuple[str, ...]
    targets: tuple[str, ...]


class CallDoor(Protocol):
    """A call in progress. Iteration yields its results, and ends when all of them have arrived."""

    async def send(self, packet: Sequence[bytes]) -> None:
        """Send the next 20 ms of each speaker. Raises NovaError if the connection has ended."""

    async def hang_up(self) -> None:
        """End the call. The results in progress follow."""

    def __aiter__(self) -> AsyncIterator[CallResult]: ...


class TwilioCall:
    """A call as Twilio streams it."""

    def __init__(self, socket: ClientConnection, messages: TwilioMessages) -> None:
        self._socket, self._messages = socket, messages

    async def begin(self, options: CallOptions, key: str) -> None:
        """Send the messages that precede the audio."""
        given = {"key": key, "language": ",".join(options.spoken), "translate_to": ",".join(options.targets)}
        # Receivers of the gateway's webhook also receive these events, and can ignore them.
        parameters = {name: value for name, value in given.items() if value} | {"events": "socket", "simulated": "true"}
        await send_frame(self._socket, CONNECTED)
        await send_frame(self._socket, self._messages.start(parameters))

    async def send(self, packet: Sequence[bytes]) -> None:
        """Send a message for each track."""
        for message in self._messages.media(packet):
            await send_frame(self._socket, message)

    async def hang_up(self) -> None:
        """Send `stop`."""
        await send_frame(self._socket, self._messages.stop())

    async def __aiter__(self) -> AsyncIterator[CallResult]:
        """Yield results. Raises ServerError, and DisconnectedError if the connection ends before the last one."""
        while not isinstance(result := parse_call_event(await self._receive()), CallCompleted):
            if result:
                yield result

    async def _receive(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed as closed:
            reason = closed.rcvd or "without a close frame"
            raise DisconnectedError(f"the connection was closed before the call's last final: {reason}") from None


class NativeCall:
    """The same call through `/v1/stream`, with a channel for each speaker."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, packet: Sequence[bytes]) -> None:
        """Send the samples of all speakers, interleaved."""
        samples = bytearray(len(packet) * len(packet[0]))
        for number, speaker in enumerate(packet):
            samples[number :: len(packet)] = speaker
        await self._client.send(bytes(samples))

    async def hang_up(self) -> None:
        """Send `stop`."""
        await self._client.stop()

    async def __aiter__(self) -> AsyncIterator[CallResult]:
        """Yield results. Raises ServerError and DisconnectedError."""
        async for event in self._client:
            if result := _native_result(event):
                yield result


@asynccontextmanager
async def open_call(through: Through, server: Server, options: CallOptions) -> AsyncIterator[CallDoor]:
    """Begin a call. Raises NoServerError, and ServerError if it is refused."""
    if through == "native":
        async with open_session(server, _native_start(options)) as client:
            yield NativeCall(client)
        return
    with connection_errors(server):
        socket = await connect_socket(_door_url(server.url), tls=server.tls)
    async with socket:
        call = TwilioCall(socket, TwilioMessages(TRACKS[: options.speakers], secrets.token_hex(16)))
        await call.begin(options, server.key)
        yield call


def _door_url(stream: str) -> str:
    """The address of the door, next to that of the stream, which a proxy may serve under a prefix."""
    parts = urlsplit(stream)
    return parts._replace(path=parts.path.removesuffix(STREAM_PATH) + TWILIO_PATH, query="").geturl()


def _native_start(options: CallOptions) -> Start:
    """The session that the gateway opens for such a call of Twilio."""
    return Start(
        audio=AudioFormat(encoding="mulaw", sample_rate=RATE, channels=options.speakers),
        multichannel=options.speakers > 1,
        channel_order="time",
        partials=False,
        translate_to=options.targets,
        **spoken_language(options.spoken),
    )


def _native_result(event: ServerMessage) -> CallResult | None:
    match event:
        case Final() if event.text:
            times = event.start_ms, event.end_ms
            return CallUtterance(event.channel or 0, event.utterance, *times, event.text, event.language)
        case Translation(is_final=True):
            return CallTranslation(event.channel or 0, event.utterance, event.language, event.text)
        case Error() | Notice() if event.utterance is not None or isinstance(event, Error):
            return CallProblem(event.channel, event.code, event.message)
    return None
