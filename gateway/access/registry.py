"""Registry of this gateway's open sessions: their number, speech and audio, and the drain that waits for their end."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from backend.errors import ClientError
from backend.streams.observe.utilization import Utilization
from gateway.access.auth import Caller

# Share of its time that a session speaks, assumed when it first speaks. Without it, new sessions would count as idle
# for seconds, and a burst of them would be admitted.
INITIAL_SPEECH_SHARE = 0.7
# Seconds to send closing handshakes after the drain time.
CLOSE_S = 2.0

log = structlog.get_logger()


class SpeechMeter:
    """Share of its time that a session speaks. A session that never spoke counts as 0."""

    def __init__(self) -> None:
        self._utilization: Utilization | None = None

    def set_speaking(self, speaking: bool) -> None:
        """Record that speech starts or ends now."""
        now = time.monotonic()
        if self._utilization is None and not speaking:
            return
        self._utilization = self._utilization or Utilization(now, INITIAL_SPEECH_SHARE)
        self._utilization.set_active(speaking, now)

    def share(self, now: float) -> float:
        return self._utilization.share(now) if self._utilization else 0.0


class OpenSession:
    """A session's entry in the registry."""

    def __init__(self, session: str, caller: Caller) -> None:
        self.id, self.caller = session, caller
        self.speech = SpeechMeter()
        # Audio received on this connection.
        self.audio_ms = 0
        # The reason why the session must end, such as a revoked key; its connection reads it.
        self.quota_error: ClientError | None = None
        self._counted_ms = 0

    def take_uncounted_ms(self) -> int:
        """Audio since the last call, which counts as recorded from now on."""
        uncounted, self._counted_ms = self.audio_ms - self._counted_ms, self.audio_ms
        return uncounted

    def return_uncounted_ms(self, audio_ms: int) -> None:
        """Audio that `take_uncounted_ms` returned but that could not be recorded."""
        self._counted_ms -= audio_ms


class SessionRegistry:
    """All open sessions of this gateway."""

    def __init__(self) -> None:
        self._sessions: set[OpenSession] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        # True once this gateway accepts no new sessions; open ones leave when they are idle.
        self.draining = False
        # True once the drain time is over: every connection closes.
        self.closing = False

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[OpenSession]:
        return iter(self._sessions)

    def speech_share(self) -> float:
        """Seconds of speech per second over all sessions."""
        now = time.monotonic()
        return sum(session.speech.share(now) for session in self._sessions)

    @contextmanager
    def registered(self, entry: OpenSession) -> Iterator[OpenSession]:
        """Keep an entry in the registry while the context is active."""
        self._sessions.add(entry)
        self._empty.clear()
        try:
            yield entry
        finally:
            self._sessions.discard(entry)
            if not self._sessions:
                self._empty.set()

    async def drain(self, within_s: float) -> None:
        """Accept no new sessions, and return when all open ones have left or the time is over."""
        self.draining = True
        log.info("draining", sessions=len(self), within_s=within_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), within_s)
        self.closing = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), CLOSE_S)
