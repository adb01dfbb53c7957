"""Opens or resumes a session for an accepted client: admission, quota, the lease, and the session core."""

import secrets
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Self

import structlog

from backend.messages.protocol import Ready, Resume, Start
from backend.service import tracing
from backend.streams.redis.connection import retry_until_available
from backend.streams.session.sessions import Lease
from gateway import metrics
from gateway.access.auth import Caller
from gateway.access.registry import OpenSession
from gateway.audio.decoder import AudioInputDecoder
from gateway.connection.connection import HeldSession
from gateway.connection.observers.caption_metrics import CaptionMetrics
from gateway.connection.observers.final_latency import FinalLatency
from gateway.connection.observers.observer import ObserverGroup, SessionObserver
from gateway.connection.observers.session_summary import SessionSummary
from gateway.connection.observers.speech_share import SpeechShare
from gateway.connection.observers.traces import SessionTraces
from gateway.connection.published_rooms import SessionRoom
from gateway.connection.voice_storage import load_resumed_voices, load_voices
from gateway.http.limited_websocket import LimitedWebSocket
from gateway.protocols import ProtocolName
from gateway.services import GatewayServices
from gateway.session.actions import Action, SendEvent
from gateway.session.session import Session
from gateway.speakers.voices import SessionVoices

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Opening:
    """A connection that has no session yet."""

    caller: Caller
    # Counts the connection as one without a session until it is closed.
    pending: ExitStack
    protocol: ProtocolName = "native"
    traceparent: str = ""
    limits: LimitedWebSocket | None = None
    # Replaces the setting `start_timeout_s`.
    start_timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """The id of a new session, and the secret that resumes it. `speaker`: its label in a room, if it is a channel."""

    session: str
    token: str
    speaker: str | None = None

    @classmethod
    def create(cls) -> Self:
        """A new identity."""
        return cls(secrets.token_hex(12), secrets.token_urlsafe(24))


async def acquire_session(
    services: GatewayServices,
    opening: Opening,
    first: Start | Resume,
    stack: AsyncExitStack,
    identity: SessionIdentity | None = None,
    count: int = 1,
) -> tuple[HeldSession, list[Action]]:
    """Admit, register and open or resume a session. Return it with its first actions.

    `identity` is that of a new session. `count`: sessions that the client opens together, starting with this one.
    """
    identity = identity or SessionIdentity.create()
    session_id = first.session if isinstance(first, Resume) else identity.session
    entry = OpenSession(session_id, opening.caller, opening.protocol)
    await stack.enter_async_context(services.admission.admit(first, entry))
    if isinstance(first, Start):
        await stack.enter_async_context(services.quota_slots.hold_slot(entry, epoch=0, new=True, count=count))
    # Subscribed before the session is opened, so that no result is published before the subscription.
    channel = services.streams.shard(session_id).events(session_id)
    listener = await stack.enter_async_context(services.fanout.listen(channel))
    room = SessionRoom(services, opening.caller.id, session_id, identity.speaker)
    stack.callback(room.close)
    if isinstance(first, Resume):
        session, lease, actions = await _resume_session(services, first, entry, room)
        services.admission.admit_resumed(session.options, entry)
        # Taken after the token was checked: otherwise a wrong token would free the slot of the session.
        await stack.enter_async_context(services.quota_slots.hold_slot(entry, lease.epoch, new=False))
    else:
        session, lease, actions = await _open_session(services, first, entry, identity.token, room)
    structlog.contextvars.bind_contextvars(correlation_id=session.correlation_id, session=session_id)
    options = session.options
    languages = {"language": options.language, "translate_to": ",".join(options.translate_to)}
    log.info("session_held", **languages, encoding=options.audio.encoding, epoch=lease.epoch, protocol=entry.protocol)
    return HeldSession(session, lease, listener, entry, room), actions


async def _open_session(
    services: GatewayServices, start: Start, entry: OpenSession, token: str, room: SessionRoom
) -> tuple[Session, Lease, list[Action]]:
    correlation_id = start.correlation_id or secrets.token_hex(8)
    voices = await load_voices(services.voices, entry.caller.id, start)
    await room.open(start)
    session = _new_session(services, entry, correlation_id, voices, room)
    AudioInputDecoder(start.audio)  # raises AudioError for an unsupported format before anything is written to Redis
    actions = session.receive_message(start, services.clock.wall())
    lease = await retry_until_available(
        lambda: services.sessions.open(entry.id, token, session.record(), caller=entry.caller.id)
    )
    metrics.SESSIONS.labels(entry.protocol).inc()
    return session, lease, _with_resume_token(actions, token)


async def _resume_session(
    services: GatewayServices, resume: Resume, entry: OpenSession, room: SessionRoom
) -> tuple[Session, Lease, list[Action]]:
    caller = entry.caller
    lease, record = await retry_until_available(lambda: services.sessions.resume(resume, caller=caller.id))
    voices = await load_resumed_voices(services.voices, caller.id, record.start)
    await room.open(record.start, resume, record.sharing.begin)
    session = _new_session(services, entry, record.correlation_id, voices, room)
    actions = session.resume(resume, record)
    metrics.RESUMED.inc()
    return session, lease, _with_resume_token(actions, resume.token)


def _new_session(
    services: GatewayServices, entry: OpenSession, correlation_id: str, voices: SessionVoices, room: SessionRoom
) -> Session:
    admission = services.admission
    return Session(
        entry.id,
        correlation_id,
        services.session_policy(),
        tracing.new_traceparent,
        lambda: admission.served,
        admission.recording_streams.priority,
        voices,
        lambda: room.read_languages,
        entry.caller.hotwords,
    )


def _with_resume_token(actions: list[Action], token: str) -> list[Action]:
    """Add the token to the `ready` event. The session core does not know it, and Redis has only its hash."""
    return [
        SendEvent(action.event.model_copy(update={"resume_token": token}))
        if isinstance(action, SendEvent) and isinstance(action.event, Ready)
        else action
        for action in actions
    ]


def observers(held: HeldSession, traceparent: str) -> SessionObserver:
    """The metrics, logs and traces of a session."""
    parts: list[SessionObserver] = [
        CaptionMetrics(),
        FinalLatency(held.entry.protocol, is_live=held.session.options.priority == "live"),
        SpeechShare(held.session, held.entry.speech),
        SessionSummary(held.session),
    ]
    if tracing.is_on():
        parts.append(SessionTraces(held.session, traceparent, held.entry.protocol))
    return ObserverGroup(parts)
