"""When the lines of a room were spoken: the times in captions are those since the beginning of a session. Pure."""

from backend.messages.rooms.captions import Caption

# A line that seems older than this was spoken after a pause in which the client sent no audio.
MAX_DELAY_S = 15.0
# Assumed for captions without times.
_ASSUMED_S = 2.0


class SessionTimes:
    """Unix times at which the sessions of a room began. Estimated by the captions that arrived with the least delay."""

    def __init__(self) -> None:
        self._session, self._began_at = "", 0.0

    def observe(self, caption: Caption, now: float) -> None:
        """Apply a caption that arrives now, final or not."""
        if caption.end_ms is None:
            return
        session = caption.line.rpartition("-")[0]
        latest = now - caption.end_ms / 1000
        if session != self._session or not self._began_at <= latest <= self._began_at + MAX_DELAY_S:
            self._session, self._began_at = session, latest

    def spoken(self, caption: Caption, now: float) -> tuple[float, float]:
        """The Unix times at which a caption begins and ends."""
        if caption.start_ms is None or caption.end_ms is None:
            return now - _ASSUMED_S, now
        return self._began_at + caption.start_ms / 1000, self._began_at + caption.end_ms / 1000
