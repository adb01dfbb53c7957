"""Registry of this gateway's open sessions: their number, speech and audio, and the drain that waits for their end."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from backend.errors import ClientError
from backend.streams.observe.utilization import Utilization
from gateway import metrics
from gateway.access.auth import Caller
from gateway.protocols import ProtocolName

# Share of its time that a new session speaks, until it is known better. Without it, new sessions would count as idle
# for seconds, and a burst of them would be admitted.
INITIAL_SPEECH_SHARE = 0.7
# Seconds to send closing handshakes after the drain time.
CLOSE_S = 2.0

log = structlog.get_logger()


class SpeechMeter:
    """Share of its time that a session speaks, from its admission on."""

    def __init__(self) -> None:
        self._utilization = Utilization(time.monotonic(), INITIAL_SPEECH_SHARE)

    def set_speaking(self, speaking: bool) -> None:
        """Record that speech starts or ends now."""
        self._utilization.set_active(speaking, time.monotonic())

    def share(self, now: float) -> float:
        return self._utilization.share(now)


class OpenSession:
    """A session's entry in the registry."""

    def __init__(self, session: str, caller: Caller, protocol: ProtocolName = "native") -> None:
        self.id, self.caller, self.protocol = session, caller, protocol
        self.speech = SpeechMeter()
        # True if workers process its jobs after all live ones. It does not count as speech.
        self.is_recording = False
        # True while Redis decides about its admission: it counts as a session, but not as speech.
        self.is_waiting = False
        # The lease that holds the slot of the caller's quota. None: there is no slot.
        self.epoch: int | None = None
        # Audio that is reserved in the caller's quota and not used yet.
        self.reserved_ms = 0
        # The reason why the session must end, such as a revoked key; its connection reads it.
        self.quota_error: ClientError | None = None

    def take_unused_ms(self) -> int:
        """The reserved audio that was not used. It can be returned once."""
        unused_ms, self.reserved_ms = self.reserved_ms, 0
        return unused_ms


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

    def protocols(self) -> dict[str, int]:
        """The number of sessions of each protocol that has any."""
        return dict(Counter(session.protocol for session in self._sessions))

    def speech_share(self) -> float:
        """Seconds of speech per second over all admitted live sessions."""
        now = time.monotonic()
        counted = (session for session in self._sessions if not (session.is_waiting or session.is_recording))
        return sum(session.speech.share(now) for session in counted)

    @property
    def recordings(self) -> int:
        """Sessions whose audio is a recording."""
        return self.recordings_besides("")

    def sessions_besides(self, session: str) -> int:
        """Sessions other than this one. A session that is taken over has two entries, and counts once."""
        return len({entry.id for entry in self._sessions if entry.id != session})

    def recordings_besides(self, session: str) -> int:
        """Recordings other than this session."""
        return len({entry.id for entry in self._sessions if entry.is_recording and entry.id != session})

    @contextmanager
    def registered(self, entry: OpenSession) -> Iterator[OpenSession]:
        """Keep an entry in the registry while the context is active."""
        self._sessions.add(entry)
        self._empty.clear()
        try:
            with metrics.OPEN_SESSIONS.labels(entry.protocol).track_inprogress():
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
