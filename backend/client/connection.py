"""One WebSocket to a gateway: opened by `ready`, read as messages; and what it means when it ends."""

from __future__ import annotations

import asyncio
import contextlib

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from backend.errors import NovaError
from backend.messages.protocol import Error, Ready, Resume, ServerMessage, Start, parse_server, to_json

OPEN_TIMEOUT_S = 10.0
PONG_TIMEOUT_S = 120.0
"""A server that is busy reads nothing meanwhile, and so answers pings late."""
CLOSE_TIMEOUT_S = 2.0
"""For the goodbyes of a session that is given up."""
LARGEST_EVENT = 1 << 22
"""Bytes; a final of 25 s with word times has some tens of thousands."""
WRITE_LIMIT = 1 << 26
"""Bytes; more than twice a ring of the widest format."""

POLICY, TRY_LATER, TAKEN_OVER = 1008, 1013, 4001
"""Close codes."""
PASSING = frozenset({1001, 1005, 1006, 1011, 1012, 1013})
"""Close codes after which another attempt makes sense."""


class ServerError(NovaError):
    """What the server said before it closed the connection."""

    def __init__(self, error: Error, close_code: int | None = None) -> None:
        super().__init__(error.message, code=error.code)
        self.close_code = close_code
        self.retry_after_s = error.retry_after_s


class DisconnectedError(NovaError):
    """The connection ended before `done`, and could not be replaced."""

    code = "disconnected"

    def __init__(self, message: str, close_code: int | None = None) -> None:
        super().__init__(message)
        self.close_code = close_code


async def open_link(url: str, hello: Start | Resume, key: str = "") -> tuple[ClientConnection, Ready]:
    """A connection that `ready` has opened; the caller closes it. `key` says who we are, to a server that asks.

    Raises ServerError when the server refuses; DisconnectedError, OSError or InvalidHandshake when none is there.
    """
    try:
        socket = await connect(
            url,
            open_timeout=OPEN_TIMEOUT_S,
            ping_timeout=PONG_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=LARGEST_EVENT,
            compression=None,
            additional_headers={"Authorization": f"Bearer {key}"} if key else None,
        )
    except InvalidStatus as refused:
        raise _refusal(refused) from None
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await send(socket, to_json(hello))
            first = await receive(socket)
        if not isinstance(first, Ready):
            raise DisconnectedError(f"the server began with {first.type!r}")
    except BaseException:
        drop(socket)
        raise
    return socket, first


async def send(socket: ClientConnection, frame: str | bytes) -> None:
    """Send a frame. Raises as `receive` does."""
    try:
        await socket.send(frame)
    except ConnectionClosed as closed:
        raise _ended(socket, closed) from None


async def receive(socket: ClientConnection) -> ServerMessage:
    """The next message. Raises ServerError after a fatal error or 4001, else DisconnectedError when it has ended."""
    try:
        event = parse_server(await socket.recv())
    except ConnectionClosed as closed:
        raise _ended(socket, closed) from None
    if isinstance(event, Error) and event.fatal:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await socket.wait_closed()
        raise ServerError(event, socket.close_code)
    return event


async def caught_up(socket: ClientConnection) -> None:
    """Return when the server has read what was sent. Raises as `receive` does."""
    try:
        await (await socket.ping())
    except ConnectionClosed as closed:
        raise _ended(socket, closed) from None


def widen(socket: ClientConnection) -> None:
    """From now on sending waits for nobody, so that who reads may send a whole ring; the caller limits itself."""
    socket.transport.set_write_buffer_limits(WRITE_LIMIT)


def drop(socket: ClientConnection) -> None:
    """End a connection at once, without the goodbyes for which a dead network would have to be waited for."""
    socket.transport.abort()


def passes(error: Exception) -> bool:
    """Whether another attempt may help."""
    if isinstance(error, ServerError | DisconnectedError):
        return error.close_code is None or error.close_code in PASSING
    return isinstance(error, OSError | InvalidHandshake)


def _refusal(refused: InvalidStatus) -> ServerError | InvalidStatus:
    """What a server of ours says by HTTP, before there is a WebSocket; anything else stays as it is."""
    try:
        event = parse_server(bytes(refused.response.body or b""))
    except ValidationError:
        return refused
    close_code = POLICY if refused.response.status_code < 500 else TRY_LATER
    return ServerError(event, close_code) if isinstance(event, Error) else refused


def _ended(socket: ClientConnection, closed: ConnectionClosed) -> ServerError | DisconnectedError:
    if socket.close_code == TAKEN_OVER:
        return ServerError(Error(code="taken_over", message="another connection has resumed the session"), TAKEN_OVER)
    return DisconnectedError(f"the connection was closed: {closed.rcvd or 'without a word'}", socket.close_code)
