"""When a lost source is opened again, and when not any more. Pure."""

from backend.backoff import Backoff

BASE_S, CAP_S = 0.5, 15.0
# A connection that delivers less audio counts as another failed attempt.
STABLE_S = 5.0


class SourceRetries:
    """Counts the attempts in a row. `limit` None: no limit."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._backoff = Backoff(BASE_S, CAP_S)
        self._attempts, self._delivered_s = 0, 0.0

    def opened(self) -> None:
        """A connection was opened."""
        self._delivered_s = 0.0

    def received(self, seconds: float) -> None:
        """Audio arrived on the current connection. After STABLE_S of it, attempts are counted from 0 again."""
        self._delivered_s += seconds
        if self._delivered_s >= STABLE_S and self._attempts:
            self._attempts = 0
            self._backoff.reset()

    def next_delay_s(self) -> float | None:
        """Seconds to wait before the next attempt, or None to give up."""
        if self.limit is not None and self._attempts >= self.limit:
            return None
        self._attempts += 1
        return self._backoff.next_delay_s()
