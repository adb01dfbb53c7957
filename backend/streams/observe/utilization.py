"""Which share of the time something goes on: work, or speech. Pure: the time is an argument."""

from __future__ import annotations

import math

OVER_S = 10.0
"""The share is that of about so many seconds."""


class Utilization:
    """Spans in, a share between 0 and 1 out."""

    def __init__(self, now: float, share: float = 0.0) -> None:
        """`share` is what is believed before anything is known."""
        self._share, self._at = share, now
        self._on = False

    def set_active(self, on: bool, now: float) -> None:
        """From now on it goes on, or does not."""
        self._share, self._at = self.share(now), now
        self._on = on

    def share(self, now: float) -> float:
        """The share as of now; what was long ago counts less and less."""
        weight = math.exp2((self._at - now) / OVER_S)
        return weight * self._share + (1.0 - weight) * self._on
