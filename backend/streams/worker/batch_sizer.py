"""How many entries a worker takes at once. Pure.

A batch cannot be interrupted, and its results come all at its end. So a batch is kept as small as what it takes is
bounded by a budget; only when the lane fills, so that somebody waits in any case, does it grow to what a model does
best.
"""

from __future__ import annotations


class BatchSizer:
    """For one kind of entry."""

    def __init__(self, most: int, budget_s: float) -> None:
        """At most `most` entries; about so many as take `budget_s` seconds, but one at least."""
        self._most, self._budget_s = most, budget_s
        self._cost_s = 0.0
        self._grown = 1

    @property
    def size(self) -> int:
        """Entries to take now."""
        return min(self._most, self._grown * self._modest)

    def record_read(self, count: int) -> None:
        """So many were there when `self.size` were asked for: as many means that more may wait."""
        full = count >= self.size
        self._grown = min(2 * self._grown, self._most) if full else 1

    def record_duration(self, seconds: float, count: int) -> None:
        """A batch of so many entries took so long."""
        cost_s = seconds / count
        self._cost_s = 0.7 * (self._cost_s or cost_s) + 0.3 * cost_s

    @property
    def _modest(self) -> int:
        return max(1, int(self._budget_s / self._cost_s)) if self._cost_s else 1
