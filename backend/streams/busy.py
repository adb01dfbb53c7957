"""Which share of its time a worker spends on what must be done. Pure: the time is an argument."""

from __future__ import annotations

import math

OVER_S = 10.0
"""The share is that of about so many seconds."""


class Busy:
    """Spans of work in, a share between 0 and 1 out."""

    def __init__(self, now: float) -> None:
        self._share, self._at = 0.0, now
        self._working = False

    def work(self, working: bool, now: float) -> None:
        """From now on it works, or does not."""
        self._share, self._at = self.share(now), now
        self._working = working

    def share(self, now: float) -> float:
        """The share as of now; what was long ago counts less and less."""
        weight = math.exp2((self._at - now) / OVER_S)
        return weight * self._share + (1.0 - weight) * self._working
