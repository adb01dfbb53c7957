"""What callers use of what they may, counted in Redis over all gateways (quota.lua).

A session holds a place for as long as its gateway says that it lives; one that dies with its gateway gives it up by
itself. Audio is counted every few seconds, so a file that comes faster than it could be spoken may go over its day by
as much as a gateway takes in that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.access.api_keys import QuotaLimits
from backend.streams.names import quota_slots, quota_used
from backend.streams.scripts import script

SLOT_TTL_S = 15.0
"""For so long a place is held after the last word of its gateway."""

UsedUp = Literal["", "sessions", "minutes", "starts"]
QuotaAnswer = tuple[UsedUp, float]
"""What is used up, and after how many seconds it makes sense to come again."""


class Quota:
    """Of all callers."""

    def __init__(self, redis: Redis) -> None:
        self._script: AsyncScript = redis.register_script(script("quota"))

    async def take_slot(self, caller: str, limits: QuotaLimits, place: str, *, new: bool) -> QuotaAnswer:
        """Take a place for a session, a new one or one that goes on; none is taken when something is used up."""
        return await self._run(caller, limits, "enter", place, _ms(SLOT_TTL_S), int(new))

    async def renew_slots(self, caller: str, limits: QuotaLimits, places: Sequence[str], audio_ms: int) -> QuotaAnswer:
        """These sessions live, and so much audio has come in them since the last time."""
        return await self._run(caller, limits, "keep", audio_ms, _ms(SLOT_TTL_S), *places)

    async def release_slot(self, caller: str, place: str, audio_ms: int) -> None:
        """Give a place back; so much audio has come since the last time."""
        await self._run(caller, QuotaLimits(), "leave", audio_ms, place)

    async def _run(self, caller: str, limits: QuotaLimits, operation: str, *arguments: str | int) -> QuotaAnswer:
        keys = [quota_used(caller), quota_slots(caller)]
        most = (limits.sessions, limits.minutes_a_day, limits.new_a_minute)
        used_up, after_ms = await self._script(keys=keys, args=[operation, *most, *arguments])
        return cast("UsedUp", used_up.decode()), int(after_ms) / 1000


def _ms(seconds: float) -> int:
    return int(1000 * seconds)
