"""The position in a live stream, and the real time that it should have reached. Pure."""


class StreamClock:
    """Compares the seconds of audio since the beginning with a clock, which begins with the first audio."""

    def __init__(self) -> None:
        self.position_s = 0.0
        self._began: float | None = None

    def add(self, seconds: float, now: float) -> None:
        """Count audio whose last sample arrived now."""
        if self._began is None:
            self._began = now - seconds
        self.position_s += seconds

    def ahead_s(self, now: float) -> float:
        """How far the audio is ahead of real time. A file waits for this long."""
        return 0.0 if self._began is None else max(self.position_s - (now - self._began), 0.0)

    def missing_s(self, now: float) -> float:
        """Seconds of silence that take the audio to real time, after an outage."""
        return 0.0 if self._began is None else max(now - self._began - self.position_s, 0.0)
