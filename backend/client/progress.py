"""What a client remembers of its session to go on after a lost connection, and when it tries again. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable

from backend.client.replay_buffer import ReplayBuffer
from backend.messages.protocol import (
    Configure,
    Error,
    Final,
    Options,
    Partial,
    Ready,
    Resume,
    ServerMessage,
    SpeechEnded,
    Start,
    Translation,
)

BASE_S, CAP_S = 0.1, 5.0
"""Of exponential backoff; a connection that held for longer than the cap was a good one."""


class SessionProgress:
    """How far a session has got, as its client sees it: across connections, gateways, and a session that was lost."""

    def __init__(self, start: Start) -> None:
        self.ring = ReplayBuffer(start.audio, start.audio_from_ms)
        self.cursor = "0-0"
        """That of the last durable event."""
        self._start = start
        self._configured = False
        self._session = self._token = self._correlation_id = ""
        self._settled = start.utterance
        self._promised = (0, "")
        self._finals: set[int] = set()
        self._ends_ms: dict[int, int] = {}

    def opened(self, ready: Ready) -> None:
        """A connection stands: what the ring holds from the server's position on is to be sent."""
        if ready.session != self._session:
            self.cursor = ready.cursor
        self._session, self._token = ready.session, ready.resume_token
        self._correlation_id = ready.correlation_id
        self.ring.rewind(ready.audio_from_ms)

    def configure(self, change: Configure) -> None:
        """The user has changed options."""
        self._start = change.applied_to(self._start)
        self._configured = True

    def take(self, event: ServerMessage) -> bool:
        """Learn from an event; whether it is news to the user."""
        if isinstance(event, Final | Translation | Error) and event.cursor:
            self.cursor = event.cursor
        match event:
            case Partial():
                self._promised = (event.utterance, event.committed)
            case SpeechEnded():
                self._ends_ms[event.utterance] = event.end_ms
            case Error(utterance=int() as utterance):
                self._settle(utterance, self._ends_ms.get(utterance, 0))
            case Final() if event.utterance in self._finals:
                return False
            case Final():
                self._finals.add(event.utterance)
                self._settle(event.utterance, event.end_ms)
        return True

    def _settle(self, utterance: int, end_ms: int) -> None:
        self._settled = max(self._settled, utterance)
        self._ends_ms.pop(utterance, None)
        self.ring.settle(end_ms)

    def resume(self) -> Resume:
        """Asks a gateway to go on from here."""
        number, committed = self._promised
        return Resume(
            session=self._session,
            token=self._token,
            cursor=self.cursor,
            audio_from_ms=self.ring.start_ms,
            utterance=self._settled,
            open_utterance=number,
            committed=committed,
        )

    def start(self) -> Start:
        """Asks for a session that stands in for this one, which the server has lost."""
        return self._start.model_copy(
            update={
                "audio_from_ms": self.ring.start_ms,
                "utterance": self._settled,
                "correlation_id": self._correlation_id,
            }
        )

    def options(self) -> Configure | None:
        """What a gateway that resumes may not know: the options in force, when they were ever changed."""
        in_force = self._start.model_dump(include=set(Options.model_fields))
        return Configure.model_validate(in_force) if self._configured else None


class ReconnectBackoff:
    """When to try again: exponential, with full jitter, until patience ends. Times are seconds of any one clock."""

    def __init__(self, patience_s: float, chance: Callable[[], float] = random.random) -> None:
        self._patience_s, self._chance = patience_s, chance
        self._until = self._tried = -float("inf")
        self._attempts = 0
        self._cursor = ""

    def lost(self, now: float, cursor: str) -> None:
        """A connection is gone. Patience begins anew, unless the connection was soon gone and has brought nothing."""
        if cursor != self._cursor or now - self._tried > CAP_S:
            self._attempts, self._until = 0, now + self._patience_s
        self._cursor = cursor

    def wait_s(self, now: float, at_least_s: float) -> float | None:
        """Seconds until the next attempt; None: give up."""
        jitter = self._chance() * min(CAP_S, BASE_S * 2 ** min(self._attempts, 10))
        self._attempts += 1
        self._tried = now + at_least_s + jitter
        return at_least_s + jitter if self._tried < self._until else None
