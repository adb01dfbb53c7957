"""Whether a recognizer works. Pure: the time is an argument."""

from dataclasses import dataclass, field

# Calls in a row that fail until other recognizers get the jobs, and the time until the next trial.
MAX_FAILURES, BYPASS_S = 3, 30.0


@dataclass(slots=True)
class RecognizerHealth:
    """The calls of one recognizer. Threads may use it at the same time: each change is one assignment."""

    failures: int = 0
    last_error: str = ""
    _in_a_row: int = field(default=0)
    _bypassed_at: float = field(default=0.0)

    def succeeded(self) -> None:
        """Count a call that returned."""
        self._in_a_row = 0

    def failed(self, error: Exception, now: float) -> None:
        """Count a call that raised."""
        self.failures += 1
        self._in_a_row += 1
        self._bypassed_at, self.last_error = now, repr(error)[:200]

    def accepts_job(self, now: float) -> bool:
        """Whether it should get the next job.

        A failing one gets a single job after BYPASS_S, as a trial, and others get the rest until that succeeds.
        """
        if self._in_a_row < MAX_FAILURES:
            return True
        if now - self._bypassed_at < BYPASS_S:
            return False
        self._bypassed_at = now
        return True

    @property
    def state(self) -> str:
        """ "ready", or "failing" until a call succeeds again."""
        return "failing" if self._in_a_row >= MAX_FAILURES else "ready"
