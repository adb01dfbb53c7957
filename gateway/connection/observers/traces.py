"""Records a span for the session, in the client's trace, and a linked trace for each utterance."""

import time
from dataclasses import dataclass

from backend.messages.jobs import AudioJob
from backend.messages.protocol import Final, Message, Translation
from backend.service import tracing
from gateway.connection.observers.observer import SessionObserver
from gateway.protocols import ProtocolName
from gateway.session.actions import Action, CloseUtterance, SubmitFinal
from gateway.session.session import Session

# Recent utterances that are kept because their translations may still arrive. Bounds the memory of long sessions.
REMEMBERED_UTTERANCES = 64


@dataclass(slots=True)
class TracedUtterance:
    """An utterance that was submitted to the workers.

    `started_s` is the Unix time of its first sample, or None before its endpoint. `recorded` is true once its span from
    the first sample to the final has been recorded.
    """

    job: AudioJob
    started_s: float | None = None
    recorded: bool = False


class SessionTraces(SessionObserver):
    """Traces of one session. Only needed while tracing is on: otherwise no job has a trace."""

    def __init__(self, session: Session, parent: str, protocol: ProtocolName) -> None:
        """`parent` is the client's `traceparent`, or ""."""
        self._session, self._parent, self._protocol = session, parent, protocol
        self._identity = tracing.new_traceparent(parent)
        self._started_s = time.time()
        self._utterances: dict[int, TracedUtterance] = {}

    def on_action(self, action: Action) -> None:
        match action:
            case SubmitFinal(job, early=early) if job.traceparent:
                self._add_utterance(job)
                if not early:
                    self._record_endpoint(job.utterance)
            case CloseUtterance(utterance) if utterance in self._utterances:
                self._record_endpoint(utterance)

    def on_event_sent(self, event: Message) -> None:
        if not isinstance(event, Final | Translation) or not event.cursor or event.utterance not in self._utterances:
            return
        utterance, now = self._utterances[event.utterance], time.time()
        # A cursor is a Redis entry id, which begins with the Unix time of publication in milliseconds.
        published_s = int(event.cursor.partition("-")[0]) / 1000
        tracing.span("deliver", utterance.job.traceparent, published_s, now, event=event.type)
        if isinstance(event, Final):
            self._record_utterance(utterance, now)

    def on_close(self) -> None:
        now = time.time()
        # Utterances without a final are recorded as well.
        for utterance in self._utterances.values():
            self._record_utterance(utterance, now)
        identity, session = self._identity, self._session
        tracing.span(
            "session",
            self._parent,
            self._started_s,
            now,
            identity=identity,
            session=session.id,
            correlation_id=session.correlation_id,
            protocol=self._protocol,
            audio_ms=session.audio_ms,
        )

    def _add_utterance(self, job: AudioJob) -> None:
        self._utterances[job.utterance] = TracedUtterance(job)
        if len(self._utterances) > REMEMBERED_UTTERANCES:
            del self._utterances[next(iter(self._utterances))]

    def _record_endpoint(self, number: int) -> None:
        utterance, now = self._utterances[number], time.time()
        job = utterance.job
        started_s, ended_s = self._received_s(job.start_ms, now), self._received_s(job.end_ms, now)
        utterance.started_s = started_s
        tracing.span("receive", job.traceparent, started_s, ended_s, audio_ms=job.end_ms - job.start_ms)
        tracing.span("endpoint", job.traceparent, ended_s, now, attempt=job.attempt)

    def _received_s(self, position_ms: int, now: float) -> float:
        """When audio was received, if it arrives in real time. For faster files only the limits are right."""
        return max(self._started_s, now - (self._session.audio_ms - position_ms) / 1000)

    def _record_utterance(self, utterance: TracedUtterance, until_s: float) -> None:
        if utterance.recorded or utterance.started_s is None:
            return
        utterance.recorded = True
        job = utterance.job
        tracing.span(
            "utterance",
            "",
            utterance.started_s,
            until_s,
            identity=job.traceparent,
            link=self._identity,
            session=job.session,
            utterance=job.utterance,
            correlation_id=job.correlation_id,
        )
