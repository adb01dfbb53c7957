"""One connection's traces: one of the session, in its client's trace; and one of each utterance, linked to it.

In go what the session decides and what has left on the socket. While tracing is off no job names a trace, and nothing
is kept here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from backend.messages.jobs import AudioJob
from backend.messages.protocol import Final, Message, Translation
from backend.service import tracing
from gateway.session.actions import Action, Close, Submit
from gateway.session.machine import Session

REMEMBERED = 64
"""Utterances of which translations may still come."""


@dataclass(slots=True)
class Spoken:
    """An utterance that has been sent to the workers."""

    job: AudioJob
    began_s: float | None = None
    """Unix time at which its first sample came; None until it has ended."""
    whole: bool = False
    """Whether all of it has been recorded, from its first sample to its final."""


class Traces:
    """Made when a connection has its session; `close` it when the client has gone."""

    def __init__(self, session: Session, parent: str) -> None:
        """`parent` is the client's `traceparent`, or ""."""
        self._session, self._parent = session, parent
        self._identity = tracing.new_traceparent(parent)
        self._began_s = time.time()
        self._spoken: dict[int, Spoken] = {}

    def decided(self, action: Action) -> None:
        """What the session wants done."""
        match action:
            case Submit(job, early=early) if job.traceparent:
                self._remember(job)
                if not early:
                    self._ended(job.utterance)
            case Close(utterance) if utterance in self._spoken:
                self._ended(utterance)

    def sent(self, event: Message) -> None:
        """What has left on the socket. The cursor of a durable event says when it was published."""
        if not isinstance(event, Final | Translation) or not event.cursor or event.utterance not in self._spoken:
            return
        spoken, now = self._spoken[event.utterance], time.time()
        published_s = int(event.cursor.partition("-")[0]) / 1000
        tracing.span("deliver", spoken.job.traceparent, published_s, now, event=event.type)
        if isinstance(event, Final):
            self._record(spoken, now)

    def close(self) -> None:
        """The connection is over. What got no final has a trace all the same."""
        now = time.time()
        for spoken in self._spoken.values():
            self._record(spoken, now)
        identity, session = self._identity, self._session
        tracing.span(
            "session",
            self._parent,
            self._began_s,
            now,
            identity=identity,
            session=session.id,
            correlation_id=session.correlation_id,
            audio_ms=session.audio_ms,
        )

    def _remember(self, job: AudioJob) -> None:
        self._spoken[job.utterance] = Spoken(job)
        if len(self._spoken) > REMEMBERED:
            del self._spoken[next(iter(self._spoken))]

    def _ended(self, utterance: int) -> None:
        spoken, now = self._spoken[utterance], time.time()
        job, began_s, ended_s = spoken.job, self._came_s(spoken.job.start_ms, now), self._came_s(spoken.job.end_ms, now)
        spoken.began_s = began_s
        tracing.span("receive", job.traceparent, began_s, ended_s, audio_ms=job.end_ms - job.start_ms)
        tracing.span("endpoint", job.traceparent, ended_s, now, attempt=job.attempt)

    def _came_s(self, position_ms: int, now: float) -> float:
        """When audio came, as speech takes its time; of a file that came faster only the limits are known."""
        return max(self._began_s, now - (self._session.audio_ms - position_ms) / 1000)

    def _record(self, spoken: Spoken, until_s: float) -> None:
        if spoken.whole or spoken.began_s is None:
            return
        spoken.whole = True
        job = spoken.job
        tracing.span(
            "utterance",
            "",
            spoken.began_s,
            until_s,
            identity=job.traceparent,
            link=self._identity,
            session=job.session,
            utterance=job.utterance,
            correlation_id=job.correlation_id,
        )
