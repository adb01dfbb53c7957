"""How a connection begins: its first message, whether there is room for it, and the session it opens or takes over."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack, suppress
from traceback import clear_frames

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from backend.errors import ClientError, ProtocolError
from backend.messages.protocol import Ready, Resume, Start
from backend.streams.connection import insist
from backend.streams.sessions import Lease
from gateway import metrics
from gateway.actions import Action, Send
from gateway.audio import AudioSource
from gateway.frames import Inbox, Outbox
from gateway.session import Session
from gateway.socket import Connection, Services, guarded

log = structlog.get_logger()


async def serve(websocket: WebSocket, services: Services) -> None:
    """Serve one connection to its end."""
    await websocket.accept()
    inbox = Inbox(websocket, services.settings.max_frame_bytes)
    outbox = Outbox(websocket, services.settings.outbox)
    try:
        with metrics.ACTIVE_CONNECTIONS.track_inprogress():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(outbox.run())
                tasks.create_task(guarded(outbox, lambda: _converse(services, inbox, outbox)))
    except* WebSocketDisconnect as gone:
        log.info("connection_closed", reason=str(gone.exceptions[0]))
        _let_go(gone)
    finally:
        if websocket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect):
                await websocket.close(1011, "internal")


def _let_go(error: BaseException) -> None:
    """Empty the frames that an exception holds, which hold it: else the whole session stays, until the garbage
    collector looks for such circles, and meanwhile nobody is served.
    """
    for part in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        _let_go(part)
    clear_frames(error.__traceback__)
    error.__traceback__ = None


async def _converse(services: Services, inbox: Inbox, outbox: Outbox) -> None:
    """From the first message on."""
    first = await _first(inbox, outbox, services.settings.start_timeout_s)
    session_id = first.session if isinstance(first, Resume) else secrets.token_hex(12)
    channel = services.lanes.shard(session_id).events(session_id)
    async with AsyncExitStack() as held:
        async with services.admission.door:
            services.admission.admit(first)
            listener = await held.enter_async_context(services.fanout.listen(channel))
            session, lease, actions = await _opened(services, first, session_id)
            voice = held.enter_context(services.admission.holding())
        await Connection(services, session, lease, listener, inbox, outbox, voice).run(actions)
    log.info("session_left", audio_ms=session.audio_ms, state=session.state)


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
        lease, record = await insist(lambda: services.sessions.resume(first))
        session = Session(session_id, record.correlation_id, policy)
        actions, token = session.resume(first, record), first.token
        metrics.RESUMED.inc()
    else:
        session, token = Session(session_id, secrets.token_hex(8), policy), secrets.token_urlsafe(24)
        AudioSource(first.audio)
        actions = session.receive(first, time.time())
        lease = await insist(lambda: services.sessions.open(session_id, token, session.record()))
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
