"""Tells a client when Redis does not answer, and when it answers again."""

import asyncio
from collections.abc import Callable

from backend.errors import ClientError
from backend.messages.protocol import Message, Notice
from backend.streams.redis.connection import GIVE_UP_AFTER_S

# Seconds for which Redis answers nothing, or does not complete a write, before the client is notified. Most failovers
# are shorter.
SILENT_S, BLOCKED_S = 2.0, 1.0
CHECK_EVERY_S = 0.25
# Checks that must agree. After a pause of the whole process, the first check knows no answer that arrived meanwhile.
CHECKS = 2


class RedisUnavailableError(ClientError):
    """Redis does not answer."""

    code = "redis_unavailable"
    close_code = 1013

    def __init__(self) -> None:
        super().__init__("Redis does not answer; try again")


class DelayNotices:
    """Decides what to tell the client of one session. Pure."""

    def __init__(self) -> None:
        self._notified, self._late_checks = False, 0

    def check(self, silent_s: float, blocked_s: float) -> Notice | None:
        """The notice that is due.

        `silent_s`: since Redis last answered. `blocked_s`: for how long the session has tried to write. Raises
        RedisUnavailableError when the client should connect again later, while it still has all audio.
        """
        is_late = silent_s > SILENT_S or blocked_s > BLOCKED_S
        self._late_checks = self._late_checks + 1 if is_late else 0
        if silent_s > GIVE_UP_AFTER_S and self._late_checks >= CHECKS:
            raise RedisUnavailableError
        if self._late_checks >= CHECKS and not self._notified:
            self._notified = True
            return Notice(code="delayed", message="the server is waiting for Redis; no audio is lost")
        if self._notified and not is_late:
            self._notified = False
            return Notice(code="delay_over", message="the server has reached Redis again")
        return None


async def watch_delay(
    silent_s: Callable[[], float], blocked_s: Callable[[], float], send: Callable[[Message], None]
) -> None:
    """Send notices until cancelled. Raises RedisUnavailableError."""
    notices = DelayNotices()
    while True:
        await asyncio.sleep(CHECK_EVERY_S)
        if notice := notices.check(silent_s(), blocked_s()):
            send(notice)
