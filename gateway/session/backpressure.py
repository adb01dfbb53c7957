"""Backpressure, and notices about it: first, previews are reduced, then new sessions are refused. Pure.

Accepted speech is never dropped.
"""

from dataclasses import dataclass
from enum import IntEnum

from backend.messages.protocol import Error, Notice
from gateway.session.actions import Action, SendEvent


class Backpressure(IntEnum):
    """How far the workers are behind. Each level includes the measures of the lower ones."""

    NONE = 0
    # Utterances whose first words are shown have fewer previews, and there are no early finals.
    SLOW = 1
    # No previews, except for the first words of an utterance.
    STOP = 2
    # No new sessions.
    REFUSE = 3


# Code and text of the notice that clients receive when the level changes.
NOTICES = {
    Backpressure.NONE: ("previews_normal", "partial results are sent at the normal rate again"),
    Backpressure.SLOW: ("previews_slowed", "the server is busy: partial results are sent less often"),
    Backpressure.STOP: ("previews_stopped", "the server is very busy: first words and complete utterances are sent"),
}


@dataclass(frozen=True, slots=True)
class BackpressureLimits:
    """Thresholds of the levels.

    `slow_s`, `stop_s` and `refuse_s` are ages of the oldest final that no worker has taken. `refuse_load` is the share
    of the workers' time that the finals of all current speech need.
    """

    slow_s: float
    stop_s: float
    refuse_s: float
    refuse_load: float


class BackpressureGauge:
    """Tracks the level. It rises at once and falls one step at a time, to avoid oscillation."""

    # Seconds below a level's threshold before the level falls by one.
    CALM_S = 2.0

    def __init__(self, limits: BackpressureLimits) -> None:
        self._limits = limits
        self._high_at = 0.0
        self.level = Backpressure.NONE

    def update_level(self, waiting_s: float, load: float, now: float) -> Backpressure:
        """Return the level, given the age of the oldest waiting final and the workers' load from finals."""
        measured = self._measured_level(waiting_s, load)
        if measured >= self.level:
            self.level, self._high_at = measured, now
        elif now - self._high_at >= self.CALM_S:
            self.level, self._high_at = Backpressure(self.level - 1), now
        return self.level

    def _measured_level(self, waiting_s: float, load: float) -> Backpressure:
        limits = self._limits
        if waiting_s >= limits.refuse_s or load >= limits.refuse_load:
            return Backpressure.REFUSE
        if waiting_s >= limits.stop_s:
            return Backpressure.STOP
        return Backpressure.SLOW if waiting_s >= limits.slow_s else Backpressure.NONE


class SentNotices:
    """Notices, and errors about options, are sent once for each code and language."""

    def __init__(self) -> None:
        self._sent: set[tuple[str, str | None]] = set()

    def once(self, event: Notice | Error) -> list[Action]:
        """Send the event, unless one like it was sent."""
        if (event.code, event.language) in self._sent:
            return []
        self._sent.add((event.code, event.language))
        return [SendEvent(event)]
