"""The batches that a consumer is processing, for health checks, metrics and the heartbeat."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from backend.service.clock import SYSTEM_CLOCK, Clock
from backend.streams import metrics
from backend.streams.job_streams import Entry


class InFlight:
    """One consumer's batches: the one that it processes, and sometimes one that has waited for its engine."""

    def __init__(self, group: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self._group, self._clock = group, clock
        self._began: list[float] = []
        self._last_batch = 0
        self._last_at = 0.0

    def record_queue_wait(self, entries: Sequence[Entry[Any]]) -> None:
        """Record how long the entries waited in their stream: from Redis's clock, which wrote the id, to ours."""
        now_s = self._clock.wall()
        for entry in entries:
            waited_s = max(0.0, now_s - entry.written_at_s)
            metrics.QUEUE_WAIT.labels(self._group, entry.job.stream_kind).observe(waited_s)

    @contextmanager
    def tracking(self, batch: Sequence[Entry[Any]]) -> Iterator[None]:
        """Enter while the handler processes the batch."""
        began = self._clock.monotonic()
        self._began.append(began)
        try:
            yield
            self._last_batch, self._last_at = len(batch), self._clock.wall()
        finally:
            self._began.remove(began)

    def busy_s(self) -> float:
        """Seconds since the oldest current batch was handed to the handler, or 0 when idle."""
        return self._clock.monotonic() - min(self._began) if self._began else 0.0

    def report(self) -> dict[str, float]:
        """Size of the last finished batch, and the Unix time when it finished; 0 before the first."""
        return {"last_batch": self._last_batch, "last_inference": round(self._last_at, 3)}
