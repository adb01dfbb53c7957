"""How long the lines of a room wait for its moderators. Pure."""

from dataclasses import dataclass

from backend.messages.jobs import cursor_position

MAX_HOLD_MS = 60_000


@dataclass(frozen=True, slots=True)
class RoomHold:
    """Lines are held for `hold_ms` after their first final, or until they are released."""

    hold_ms: int = 0
    # Everything up to this position in the log is released.
    released: str = "0-0"
    # Unix time of Redis when it was read. The positions in the log are of the same clock.
    now_ms: int = 0

    def wait_ms(self, cursor: str, now_ms: float) -> float:
        """Milliseconds until readers see the line that began at this position of the log; 0 if they see it."""
        if not self.hold_ms or cursor_position(cursor) <= cursor_position(self.released):
            return 0.0
        return max(cursor_position(cursor)[0] + self.hold_ms - now_ms, 0.0)

    def visible_ms(self, now_ms: int) -> int:
        """Unix time up to which no line waits."""
        return max(now_ms - self.hold_ms, min(cursor_position(self.released)[0], now_ms))
