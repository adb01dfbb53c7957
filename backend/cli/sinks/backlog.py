"""Captions that wait for a sink. Pure."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from backend.cli.sinks.captions import LiveCaption

# Bounds the memory if captions arrive faster than they become too old.
MAX_WAITING = 500


@dataclass(frozen=True, slots=True)
class CaptionBatch:
    """Captions to send together, and the time after which they are too old."""

    captions: tuple[LiveCaption, ...]
    expires_at: float


class CaptionBacklog:
    """Captions in order. Those that wait for more than `max_age_s` are dropped, because viewers are elsewhere by then.

    Times are those of any clock that never goes back.
    """

    def __init__(self, max_age_s: float, limit: int = MAX_WAITING) -> None:
        self._max_age_s, self._limit = max_age_s, limit
        self._waiting: deque[tuple[float, LiveCaption]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, captions: Iterable[LiveCaption], now: float) -> int:
        """Add captions. Returns how many of the oldest ones were dropped for them."""
        self._waiting.extend((now + self._max_age_s, caption) for caption in captions)
        return self._drop(max(len(self._waiting) - self._limit, 0))

    def expire(self, now: float) -> int:
        """Drop captions that are too old. Returns how many."""
        return self._drop(sum(expires_at <= now for expires_at, _ in self._waiting))

    def take(self, count: int) -> CaptionBatch | None:
        """The next captions, at most `count`, or None if none wait. They are too old when the last of them is."""
        if not self._waiting:
            return None
        taken = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        return CaptionBatch(tuple(caption for _, caption in taken), taken[-1][0])

    def clear(self) -> int:
        """Drop everything. Returns how many captions were dropped."""
        return self._drop(len(self._waiting))

    def _drop(self, count: int) -> int:
        for _ in range(count):
            self._waiting.popleft()
        return count
