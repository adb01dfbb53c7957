"""Opens a call through a door."""

import base64
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha1
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from backend.cli.calls.doors.connections import FrameConnection, WebSocketConnection, tcp_connection
from backend.cli.calls.doors.dialects import (
    AeapDialect,
    AsteriskDialect,
    AudioSocketDialect,
    FreeSwitchDialect,
    TwilioDialect,
)
from backend.cli.calls.doors.door import CallDialect, CallDoor, CallOptions, Through
from backend.cli.calls.doors.native import NativeCall, native_start
from backend.cli.calls.results import CallResult
from backend.cli.calls.twilio_messages import CallCompleted
from backend.client.connection import DisconnectedError, connect_socket
from backend.local.discovery import STREAM_PATH, Server, connection_errors, open_session

# The path and the subprotocol of each door.
PATHS: Mapping[str, tuple[str, str]] = {
    "twilio": ("/v1/twilio", ""),
    "asterisk": ("/v1/asterisk", "media"),
    "aeap": ("/v1/aeap", "speech_to_text"),
    "freeswitch": ("/v1/freeswitch", "audio.drachtio.org"),
}
ONE_SPEAKER = ("audiosocket", "asterisk", "aeap")


class DialectCall:
    """A call in the dialect of a telephone system."""

    def __init__(self, connection: FrameConnection, dialect: CallDialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def begin(self) -> None:
        """Send the frames before the audio. If the call was refused before, iteration reports why."""
        with suppress(DisconnectedError):
            await self._send(self._dialect.opening())

    async def send(self, packet: Sequence[bytes]) -> None:
        """Send 20 ms of each speaker."""
        await self._send(self._dialect.media(packet))

    async def hang_up(self) -> None:
        """Send the end of the call."""
        await self._send(self._dialect.hang_up())

    async def _send(self, frames: Sequence[str | bytes]) -> None:
        for frame in frames:
            await self._connection.send(frame)

    async def __aiter__(self) -> AsyncIterator[CallResult]:
        """Yield results. Raises ServerError, and DisconnectedError if the connection ends before the last one."""
        while not isinstance(result := await self._next(), CallCompleted):
            if result:
                yield result

    async def _next(self) -> CallResult | CallCompleted | None:
        frame = await self._connection.receive()
        try:
            result = self._dialect.read(frame)
        except (KeyError, TypeError, IndexError):
            raise DisconnectedError("the server sent a message that is no event of a call") from None
        await self._send(self._dialect.reply(frame))
        return result


@asynccontextmanager
async def open_call(through: Through, server: Server, options: CallOptions) -> AsyncIterator[CallDoor]:
    """Begin a call. Raises NoServerError, and ServerError if it is refused."""
    if through == "native":
        async with open_session(server, native_start(options)) as client:
            yield NativeCall(client)
        return
    url = _door_url(through, server.url, options)
    with connection_errors(server):
        handshake = _handshake(through, url, server, options)
        socket = await connect_socket(url, tls=server.tls, subprotocol=PATHS[through][1], **handshake)
    async with socket:
        call = DialectCall(WebSocketConnection(socket), _dialect(through, server.key, options))
        await call.begin()
        yield call


@asynccontextmanager
async def open_audiosocket(options: CallOptions) -> AsyncIterator[CallDoor]:
    """Begin a call through an AudioSocket port. Raises DisconnectedError."""
    host, _, port = options.audiosocket.rpartition(":")
    async with tcp_connection(host.strip("[]"), int(port)) as connection:
        call = DialectCall(connection, AudioSocketDialect(uuid4().bytes))
        await call.begin()
        yield call


def _dialect(through: Through, key: str, options: CallOptions) -> CallDialect:
    parameters = {**options.parameters, **({"key": key} if key else {})}
    match through:
        case "asterisk":
            return AsteriskDialect(secrets.token_hex(8))
        case "aeap":
            return AeapDialect(parameters)
        case "freeswitch":
            return FreeSwitchDialect(options.speakers, parameters)
    return TwilioDialect(options.speakers, secrets.token_hex(16), parameters)


def _handshake(through: Through, url: str, server: Server, options: CallOptions) -> dict[str, Any]:
    """The arguments of the handshake: only the channel of Asterisk has its key there."""
    if through == "asterisk":
        return {"key": server.key}
    if through == "twilio" and options.twilio_token:
        return {"headers": {"X-Twilio-Signature": twilio_signature(url, options.twilio_token)}}
    return {}


def twilio_signature(url: str, token: str) -> str:
    """The header with which Twilio proves that a request comes from it.

    https://www.twilio.com/docs/usage/security#validating-requests
    """
    return base64.b64encode(hmac.new(token.encode(), url.encode(), sha1).digest()).decode()


def _door_url(through: Through, stream: str, options: CallOptions) -> str:
    """The address of the door, next to that of the stream, which a proxy may serve under a prefix."""
    parts = urlsplit(stream)
    query = urlencode(options.parameters) if through == "asterisk" else ""
    return parts._replace(path=parts.path.removesuffix(STREAM_PATH) + PATHS[through][0], query=query).geturl()
