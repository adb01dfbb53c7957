"""The start of a connection: authentication, the first message, admission, and the session that it opens or resumes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from contextvars import copy_context
from dataclasses import replace
from traceback import clear_frames

import structlog
from fastapi import Response, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from backend.errors import ClientError, ProtocolError
from backend.messages.protocol import Error, Resume, Start
from backend.streams.redis.connection import REDIS_ERRORS
from gateway import metrics
from gateway.access.auth import Caller, ForeignOriginError, RefusedError, offered_subprotocols
from gateway.access.pending import TooManyConnectionsError, address_of
from gateway.channels.connection import run_channels
from gateway.channels.first_messages import has_channels
from gateway.connection.codec import Codec, NativeCodec
from gateway.connection.connection import Connection, report_errors
from gateway.connection.delay_watch import RedisUnavailableError
from gateway.connection.direct_writer import EXTENSION
from gateway.connection.published_rooms import published
from gateway.connection.session_opening import Opening, acquire_session, observers
from gateway.connection.transport import Outlet, Transport, send_frame
from gateway.http.limited_websocket import LimitedWebSocket
from gateway.services import GatewayServices

log = structlog.get_logger()

# Limit for the time until a session starts. A client without audio may send keepalives until then.
MAX_START_S = 300


async def serve_websocket(
    websocket: WebSocket,
    services: GatewayServices,
    codec: Codec | None = None,
    configure: Callable[[str], None] | None = None,
    authenticate: Callable[[], Awaitable[Caller]] | None = None,
    outlet: Outlet | None = None,
    start_timeout_s: float | None = None,
) -> None:
    """Serve one connection until it closes. Without a codec, the client speaks the native protocol.

    `configure` receives the configuration in the client secret of an accepted client. `authenticate` replaces the usual
    authentication. It may accept the WebSocket to receive the key. `outlet` wraps the WebSocket, and outlives it.
    `start_timeout_s` replaces the setting.
    Raises RefusedError, ProtocolError and REDIS_ERRORS.
    """
    codec = codec or NativeCodec()
    if limits := _limits(websocket):
        limits.use_codec(codec, outlet.error_frames if outlet else codec.encode)
    with ExitStack() as pending:
        try:
            pending.enter_context(services.pending.counted(address_of(websocket)))
            caller = await (authenticate() if authenticate else services.auth.authenticate(websocket, "stream"))
        except WebSocketDisconnect:
            return
        except ProtocolError as error:
            await refuse(websocket, codec, error, 400)
            return
        except RefusedError as refused:
            await refuse(websocket, codec, refused, refused.status)
            return
        except TooManyConnectionsError as error:
            await refuse(websocket, codec, error, 429)
            return
        except REDIS_ERRORS:
            await refuse(websocket, codec, RedisUnavailableError(), 503)
            return
        if configure and caller.session:
            configure(caller.session)
        await accept(websocket, codec)
        try:
            with metrics.ACTIVE_CONNECTIONS.track_inprogress():
                traceparent = websocket.headers.get("traceparent", "")
                opening = Opening(caller, pending, codec.protocol, traceparent, limits, start_timeout_s)
                transport = Transport.of(outlet or websocket, codec, services.settings.outbox)
                if limits and not outlet:
                    transport = replace(transport, is_lost=lambda: limits.is_lost)
                await run_connection(services, opening, transport)
        finally:
            if websocket.application_state is WebSocketState.CONNECTED:
                with suppress(WebSocketDisconnect):
                    await websocket.close(1011, "internal")


async def accept(websocket: WebSocket, codec: Codec) -> None:
    """Accept the WebSocket, unless that has been done."""
    if websocket.application_state is WebSocketState.CONNECTING:
        await websocket.accept(_accepted_subprotocol(websocket, codec))


def _accepted_subprotocol(websocket: WebSocket, codec: Codec) -> str | None:
    # A browser that offers subprotocols fails unless the server accepts one. Never accept the one that holds a key.
    offered = offered_subprotocols(websocket)
    return next((name for name in codec.subprotocols if name in offered), None)


async def refuse(websocket: WebSocket, codec: Codec, error: ClientError, status: int) -> None:
    """Refuse a connection before it has a session.

    Programs receive an HTTP error. A browser hides HTTP errors of a handshake from the page, so pages receive the error
    on an accepted WebSocket, except pages of foreign origins.
    """
    log.info("connection_refused", code=error.code)
    metrics.REJECTED.labels(error.code, codec.protocol).inc()
    event = Error(code=error.code, message=error.message, fatal=True, retry_after_s=error.retry_after_s)
    on_socket = codec.refuses_on_socket or "origin" in websocket.headers
    if on_socket and not isinstance(error, ForeignOriginError):
        with suppress(WebSocketDisconnect):
            await accept(websocket, codec)
            for frame in codec.encode(event):
                await send_frame(websocket, frame)
            await websocket.close(*codec.close_frame(error.close_code, error.code))
            if limits := _limits(websocket):
                limits.stop_reading()
        return
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    await websocket.send_denial_response(Response(codec.refusal(event), status, headers, "application/json"))


def _limits(websocket: WebSocket) -> LimitedWebSocket | None:
    """The connection's limits. None under another server than ours."""
    limits: LimitedWebSocket | None = websocket.scope.get("extensions", {}).get(EXTENSION)
    return limits


async def run_connection(services: GatewayServices, opening: Opening, transport: Transport) -> None:
    """Run the session of an accepted client until it closes."""
    sender = transport.sender
    # Both tasks share one context, so that the session id, once bound, is on the log lines of both.
    context = copy_context()
    try:
        async with asyncio.TaskGroup() as tasks:
            session = report_errors(sender, lambda: _run_session(services, opening, transport))
            tasks.create_task(sender.send_until_closed(), context=context)
            tasks.create_task(session, context=context)
    except* WebSocketDisconnect as disconnects:
        context.run(log.info, "connection_closed", reason=str(disconnects.exceptions[0]))
        _clear_exception_frames(disconnects)


def _clear_exception_frames(error: BaseException) -> None:
    """Break the reference cycle between an exception and its frames, which hold the whole session.

    Otherwise the session stays in memory until a full garbage collection, which blocks the event loop.
    """
    for part in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        _clear_exception_frames(part)
    clear_frames(error.__traceback__)
    error.__traceback__ = None


async def _run_session(services: GatewayServices, opening: Opening, transport: Transport) -> None:
    first = await _receive_start(transport, opening.start_timeout_s or services.settings.start_timeout_s)
    if opening.limits:
        opening.limits.allow_large_frames()
    async with AsyncExitStack() as stack:
        if has_channels(first):
            await run_channels(services, opening, first, transport, stack)
            return
        async with services.admission.open_limit:
            held, actions = await acquire_session(services, opening, first, stack)
        opening.pending.close()
        observer = observers(held, opening.traceparent)
        stack.callback(observer.on_close)
        transport.sender.on_sent = observer.on_event_sent
        await Connection(services, held, published(transport, held.room, held.session), observer).run(actions)


async def _receive_start(transport: Transport, timeout_s: float) -> Start | Resume:
    """The first message. `timeout_s` limits the time between two frames, such as keepalives before the first audio."""
    limit_s = max(timeout_s, MAX_START_S)
    try:
        async with asyncio.timeout(limit_s):
            return await _receive_first_message(transport, timeout_s)
    except TimeoutError:
        raise ProtocolError(f"no session was started within {limit_s:g} s", code="idle_timeout") from None


async def _receive_first_message(transport: Transport, timeout_s: float) -> Start | Resume:
    while True:
        try:
            message = await transport.receiver.next_message(timeout_s)
        except ClientError as error:
            if error.code != "unknown_type":  # such as a message type of a newer release
                raise
            transport.sender.send_error(error)
            continue
        if isinstance(message, Start | Resume):
            return message
        kind = "audio" if isinstance(message, bytes) else message.type
        raise ProtocolError(f"{kind!r} before start", code="not_started")
