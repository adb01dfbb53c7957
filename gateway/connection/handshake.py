"""How a connection begins: its first message, whether there is room for it, and the session it opens or takes over."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack, suppress
from contextvars import copy_context
from traceback import clear_frames

import structlog
from fastapi import Response, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from backend.errors import ClientError, ProtocolError
from backend.messages.protocol import Error, Ready, Resume, Start, to_json
from backend.service import tracing
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.session.sessions import Lease
from gateway import metrics
from gateway.access.auth import PROTOCOL, Caller, ForeignOriginError, RefusedError, protocols
from gateway.audio.decoder import AudioSource
from gateway.connection.connection import Connection, Services, guarded
from gateway.connection.frames import Inbox, Outbox
from gateway.connection.traces import Traces
from gateway.session.actions import Action, Send
from gateway.session.machine import Session

REDIS_AWAY = ClientError("Redis does not answer; try again", code="redis_unavailable", close_code=1013)

log = structlog.get_logger()


async def serve(websocket: WebSocket, services: Services) -> None:
    """Serve one connection to its end."""
    try:
        caller = await services.auth.caller(websocket, "stream")
    except RefusedError as refused:
        metrics.REJECTED.labels(refused.code).inc()
        await _turn_away(websocket, refused, refused.status)
        return
    except REDIS_ERRORS:
        await _turn_away(websocket, REDIS_AWAY, 503)
        return
    await websocket.accept(_protocol(websocket))
    inbox = Inbox(websocket, services.settings.max_frame_bytes)
    outbox = Outbox(websocket, services.settings.outbox)
    trace = websocket.headers.get("traceparent", "")
    context = copy_context()  # one for all parts: once the session is known, it stands on the lines of each
    try:
        with metrics.ACTIVE_CONNECTIONS.track_inprogress():
            async with asyncio.TaskGroup() as tasks:
                conversing = guarded(outbox, lambda: _converse(services, caller, inbox, outbox, trace))
                tasks.create_task(outbox.run(), context=context)
                tasks.create_task(conversing, context=context)
    except* WebSocketDisconnect as gone:
        context.run(log.info, "connection_closed", reason=str(gone.exceptions[0]))
        _let_go(gone)
    finally:
        if websocket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect):
                await websocket.close(1011, "internal")


def _protocol(websocket: WebSocket) -> str | None:
    """A browser that offers subprotocols wants one of them taken; never the one that is its key."""
    return PROTOCOL if PROTOCOL in protocols(websocket) else None


async def _turn_away(websocket: WebSocket, error: ClientError, status: int) -> None:
    """Programs are told by HTTP, before there is a WebSocket. A page would see of that only that it failed, so it is
    told on the WebSocket; one of a foreign origin need not understand.
    """
    log.info("connection_refused", code=error.code)
    told = Error(code=error.code, message=error.message, fatal=True, retry_after_s=error.retry_after_s)
    if "origin" in websocket.headers and not isinstance(error, ForeignOriginError):
        with suppress(WebSocketDisconnect):
            await websocket.accept(_protocol(websocket))
            await websocket.send_text(to_json(told))
            await websocket.close(error.close_code, error.code)
        return
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    await websocket.send_denial_response(Response(to_json(told), status, headers, "application/json"))


def _let_go(error: BaseException) -> None:
    """Empty the frames that an exception holds, which hold it: else the whole session stays, until the garbage
    collector looks for such circles, and meanwhile nobody is served.
    """
    for part in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        _let_go(part)
    clear_frames(error.__traceback__)
    error.__traceback__ = None


async def _converse(services: Services, caller: Caller, inbox: Inbox, outbox: Outbox, trace: str) -> None:
    """From the first message on. `trace` is the client's `traceparent`."""
    first = await _first(inbox, outbox, services.settings.start_timeout_s)
    session_id = first.session if isinstance(first, Resume) else secrets.token_hex(12)
    channel = services.streams.shard(session_id).events(session_id)
    async with AsyncExitStack() as held:
        async with services.admission.door:
            services.admission.admit(first)
            new = isinstance(first, Start)
            visit = await held.enter_async_context(services.visits.visit(caller, session_id, new=new))
            listener = await held.enter_async_context(services.fanout.listen(channel))
            session, lease, actions = await _opened(services, first, session_id)
            voice = held.enter_context(services.admission.holding())
            held.callback(_left, session, time.monotonic())
            traces = Traces(session, trace)
            held.callback(traces.close)
        await Connection(services, session, lease, listener, inbox, outbox, voice, visit, traces).run(actions)


def _left(session: Session, since: float) -> None:
    """The one line about a connection's whole time with its session."""
    duration_ms = round(1000 * (time.monotonic() - since))
    log.info("session_left", duration_ms=duration_ms, audio_ms=session.audio_ms, state=session.state)


async def _first(inbox: Inbox, outbox: Outbox, within_s: float) -> Start | Resume:
    """The message that opens a session. What is of another release is passed over."""
    while True:
        try:
            message = await inbox.next(within_s)
        except ClientError as error:
            if error.fatal:
                raise
            outbox.complain(error)
            continue
        if isinstance(message, Start | Resume):
            return message
        what = "audio" if isinstance(message, bytes) else message.type
        raise ProtocolError(f"{what!r} before start", code="not_started")


async def _opened(services: Services, first: Start | Resume, session_id: str) -> tuple[Session, Lease, list[Action]]:
    """A session that Redis knows, and what it says first."""
    policy = services.policy()
    if isinstance(first, Resume):
        lease, record = await retry_until_available(lambda: services.sessions.resume(first))
        session = Session(session_id, record.correlation_id, policy, tracing.new_traceparent)
        actions, token = session.resume(first, record), first.token
        metrics.RESUMED.inc()
    else:
        correlation_id, token = first.correlation_id or secrets.token_hex(8), secrets.token_urlsafe(24)
        session = Session(session_id, correlation_id, policy, tracing.new_traceparent)
        AudioSource(first.audio)
        actions = session.receive(first, time.time())
        lease = await retry_until_available(lambda: services.sessions.open(session_id, token, session.record()))
        metrics.SESSIONS.inc()
    structlog.contextvars.bind_contextvars(correlation_id=session.correlation_id, session=session_id)
    about = {"language": session.start.language, "translate_to": ",".join(session.start.translate_to)}
    log.info("session_held", **about, encoding=session.start.audio.encoding, epoch=lease.epoch)
    return session, lease, [_with_token(action, token) for action in actions]


def _with_token(action: Action, token: str) -> Action:
    """The session does not know the secret; only its holder and its client do."""
    if isinstance(action, Send) and isinstance(action.event, Ready):
        return Send(action.event.model_copy(update={"resume_token": token}))
    return action
