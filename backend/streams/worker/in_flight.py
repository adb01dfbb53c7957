"""What a consumer has in hand, and since when."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from backend.streams import metrics
from backend.streams.job_streams import Entry


class InFlight:
    """One consumer's: a batch at a time."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._since: float | None = None
        self._last_batch = 0
        self._last_at = 0.0

    def record_queue_wait(self, entries: Sequence[Entry[Any]]) -> None:
        """Note how long these waited, by Redis's clock when they came and ours now."""
        now_ms = 1000 * time.time()
        for entry in entries:
            waited_s = max(0.0, now_ms - int(entry.id.partition("-")[0])) / 1000
            metrics.QUEUE_WAIT.labels(self._group, entry.job.kind).observe(waited_s)

    @contextmanager
    def tracking(self, batch: Sequence[Entry[Any]]) -> Iterator[None]:
        """While the handler works on them."""
        self._since = time.monotonic()
        try:
            yield
            self._last_batch, self._last_at = len(batch), time.time()
        finally:
            self._since = None

    def busy_s(self) -> float:
        """For how long the handler has worked on what it has; 0 when it has nothing."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def report(self) -> dict[str, float]:
        """The last batch that was done: its size, and its end in Unix time; 0 before the first."""
        return {"last_batch": self._last_batch, "last_inference": round(self._last_at, 3)}
