"""One WebSocket connection to a gateway: handshake, events, and which ways of ending allow a reconnect."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterator, Mapping

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus
from websockets.typing import Subprotocol

from backend.client.proxy import proxy_for
from backend.errors import NovaError, SetupError
from backend.messages.protocol import Error, Ready, Resume, ServerMessage, Start, parse_server, to_json

OPEN_TIMEOUT_S = 10.0
# A gateway that applies backpressure reads nothing meanwhile, so it answers pings late.
PONG_TIMEOUT_S = 120.0
# Time limit for the closing handshake of a session that is abandoned.
CLOSE_TIMEOUT_S = 2.0
# Bytes. A final of 25 s with word times has some tens of thousands.
MAX_EVENT_BYTES = 1 << 22
# More than twice a full replay buffer of the widest format (60 s, 48 kHz, 8 channels, float32: 92 MB).
WRITE_LIMIT_BYTES = 1 << 28

CLOSE_POLICY, CLOSE_TRY_LATER, CLOSE_TAKEN_OVER = 1008, 1013, 4001
# RFC 6455, section 7.4.1: going away, no status, abnormal, internal error, service restart, try again later.
TRANSIENT_CLOSE_CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013})


class ServerError(NovaError):
    """A fatal error event of the server, or its refusal of the connection.

    `code` and `message` are those of the event. `close_code` is the WebSocket close code. `retry_after_s` is the delay
    in seconds after which the server suggests another attempt, or None.
    """

    def __init__(self, error: Error, close_code: int | None = None) -> None:
        super().__init__(error.message, code=error.code)
        self.close_code = close_code
        self.retry_after_s = error.retry_after_s


class DisconnectedError(NovaError):
    """The connection ended before `done` and was not replaced. `close_code` is the WebSocket close code, if any."""

    code = "disconnected"

    def __init__(self, message: str, close_code: int | None = None) -> None:
        super().__init__(message)
        self.close_code = close_code


async def connect_socket(
    url: str,
    key: str = "",
    tls: ssl.SSLContext | None = None,
    subprotocol: str = "",
    headers: Mapping[str, str] | None = None,
) -> ClientConnection:
    """Open a WebSocket. The caller closes it.

    `key` is an API key or a JSON Web Token; empty for servers without authentication. `tls` says which
    certificates of servers are trusted; default: those of the system. `headers` are sent, too.
    Raises ServerError when the server refuses, SetupError when the proxy cannot be used, and OSError or
    InvalidHandshake when the server cannot be reached.
    """
    try:
        return await connect(
            url,
            open_timeout=OPEN_TIMEOUT_S,
            ping_timeout=PONG_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_EVENT_BYTES,
            compression=None,  # audio does not compress, and events are small
            additional_headers={**(headers or {}), **({"Authorization": f"Bearer {key}"} if key else {})},
            subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
            proxy=proxy_for(url),
            # True: the certificates of the system. websockets refuses None for wss, and anything else for ws.
            ssl=(tls or True) if url.startswith("wss:") else None,
        )
    except InvalidStatus as refused:
        raise _refusal(refused) from None
    except (ImportError, InvalidProxy) as error:
        raise SetupError(f"the proxy that the environment names cannot be used: {error}") from None


async def open_connection(
    url: str, first: Start | Resume, key: str = "", tls: ssl.SSLContext | None = None
) -> tuple[ClientConnection, Ready]:
    """Connect, send the first message, and wait for `ready`. The caller closes the connection.

    Raises the errors of `connect_socket`, and DisconnectedError when the server does not answer with `ready`.
    """
    socket = await connect_socket(url, key, tls)
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await send_frame(socket, to_json(first))
            answer = await receive_event(socket)
        if not isinstance(answer, Ready):
            raise DisconnectedError(f"the server answered with {answer.type!r} instead of 'ready'")
        if isinstance(first, Start) and first.multichannel and answer.channels is None:
            raise _channels_unsupported()
    except BaseException:
        abort(socket)
        raise
    return socket, answer


async def open_first(
    urls: Iterator[str], count: int, start: Start, key: str, tls: ssl.SSLContext | None
) -> tuple[ClientConnection, Ready]:
    """Open a session at the first of `count` addresses that answers. A refusal (ServerError) is final."""
    for _ in range(count - 1):
        with contextlib.suppress(OSError, InvalidHandshake, DisconnectedError):
            return await open_connection(next(urls), start, key, tls)
    return await open_connection(next(urls), start, key, tls)


async def send_frame(socket: ClientConnection, frame: str | bytes) -> None:
    """Send a frame. Raises ServerError (close code 4001) or DisconnectedError when the connection has ended."""
    try:
        await socket.send(frame)
    except ConnectionClosed as closed:
        raise _ended(socket, closed) from None


async def receive_event(socket: ClientConnection) -> ServerMessage:
    """Receive the next event.

    Raises ServerError after a fatal error event or close code 4001, and DisconnectedError when the connection ended
    in any other way.
    """
    try:
        event = parse_server(await socket.recv())
    except ConnectionClosed as closed:
        raise _ended(socket, closed) from None
    if isinstance(event, Error) and event.fatal:
        # The close frame follows the error. Its code tells whether another attempt makes sense.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await socket.wait_closed()
        raise ServerError(event, socket.close_code)
    return event


async def wait_until_received(socket: ClientConnection) -> None:
    """Wait until the server has read everything sent so far. Raises the errors of `send_frame`."""
    try:
        # The server answers a ping only after it has read all frames before it.
        await (await socket.ping())
    except ConnectionClosed as closed:
        raise _ended(socket, closed) from None


def raise_write_limit(socket: ClientConnection) -> None:
    """Let `send_frame` return without waiting for the network. The caller limits the audio in transit.

    After a reconnect the reading task sends the whole replay buffer. If it waited for the server to read, and the
    server for the client to read events, neither would continue.
    """
    socket.transport.set_write_buffer_limits(WRITE_LIMIT_BYTES)


def abort(socket: ClientConnection) -> None:
    """Close a connection without the closing handshake, which a dead network would delay."""
    socket.transport.abort()


def is_transient(error: Exception) -> bool:
    """Return whether another attempt may succeed."""
    if isinstance(error, ServerError | DisconnectedError):
        return error.close_code is None or error.close_code in TRANSIENT_CLOSE_CODES
    return isinstance(error, OSError | InvalidHandshake)


def _channels_unsupported() -> ServerError:
    message = "the server is of an earlier release, which does not recognize channels separately"
    return ServerError(Error(code="channels_unsupported", message=message), CLOSE_POLICY)


def _refusal(refused: InvalidStatus) -> ServerError | InvalidStatus:
    """Convert an HTTP response of a gateway to a ServerError. Responses of other servers stay as they are."""
    try:
        event = parse_server(bytes(refused.response.body or b""))
    except ValidationError:
        return refused
    close_code = CLOSE_POLICY if refused.response.status_code < 500 else CLOSE_TRY_LATER
    return ServerError(event, close_code) if isinstance(event, Error) else refused


def _ended(socket: ClientConnection, closed: ConnectionClosed) -> ServerError | DisconnectedError:
    if socket.close_code == CLOSE_TAKEN_OVER:
        error = Error(code="taken_over", message="another connection has resumed the session")
        return ServerError(error, CLOSE_TAKEN_OVER)
    return DisconnectedError(f"the connection was closed: {closed.rcvd or 'without a close frame'}", socket.close_code)
