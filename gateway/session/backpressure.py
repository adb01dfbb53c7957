"""How far the workers are behind, and what gives way: previews, then new sessions; accepted speech never. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Backpressure(IntEnum):
    """What gives way; each level includes those below it."""

    NONE = 0
    SLOW = 1
    """Previews are rarer, and nothing is decoded before its endpoint is certain."""
    STOP = 2
    """No previews."""
    REFUSE = 3
    """No new sessions."""


NOTICES = {
    Backpressure.NONE: ("previews_normal", "words are shown while they are spoken again"),
    Backpressure.SLOW: ("previews_slowed", "the server is busy: words are shown a little later"),
    Backpressure.STOP: ("previews_stopped", "the server is very busy: words are shown when an utterance is complete"),
}
"""What a client is told of each level, as code and in words."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on each level holds."""

    slow_s: float
    """Age of the oldest final that no worker has taken, in seconds; for the two below as well."""
    stop_s: float
    refuse_s: float
    refuse_load: float
    """Share of the workers' time that the finals of all who speak take; beyond it there is room for nobody else."""


class Gauge:
    """Levels rise at once, and fall one at a time when it has been calm for a while."""

    CALM_S = 2.0

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._high_at = 0.0
        self.level = Backpressure.NONE

    def take(self, waiting_s: float, load: float, now: float) -> Backpressure:
        """Learn how long the oldest final has waited and how busy the workers are with finals; returns the level."""
        level = self._wanted(waiting_s, load)
        if level >= self.level:
            self.level, self._high_at = level, now
        elif now - self._high_at >= self.CALM_S:
            self.level, self._high_at = Backpressure(self.level - 1), now
        return self.level

    def _wanted(self, waiting_s: float, load: float) -> Backpressure:
        limits = self._limits
        if waiting_s >= limits.refuse_s or load >= limits.refuse_load:
            return Backpressure.REFUSE
        if waiting_s >= limits.stop_s:
            return Backpressure.STOP
        return Backpressure.SLOW if waiting_s >= limits.slow_s else Backpressure.NONE
