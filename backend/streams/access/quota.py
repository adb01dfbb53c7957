"""Usage of callers, counted in Redis over all gateways (quota.lua) and checked against their limits.

A session holds a slot while its gateway renews it; the slots of a gateway that dies expire. The slot belongs to one
lease of the session: after a takeover, the older connection neither renews nor releases it. Audio is reserved before a
gateway processes it, and the rest is returned when the connection ends, so more than the limit is never used. If a
gateway dies, its reservations stay counted.
"""

from collections.abc import Mapping
from typing import Any, Literal, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.access.api_keys import QuotaLimits
from backend.streams.names import quota_owners, quota_slots, quota_used
from backend.streams.scripts import load_script

# How long a slot outlives its last renewal. Gateways renew every few seconds, so a short pause frees no slot.
SLOT_TTL_S = 15.0

ExhaustedLimit = Literal["", "sessions", "minutes", "starts"]
# The exhausted limit ("": none), and the seconds until a retry makes sense.
QuotaAnswer = tuple[ExhaustedLimit, float]
NO_LIMITS = QuotaLimits()


class Quota:
    """Usage of all callers."""

    def __init__(self, redis: Redis) -> None:
        self._script: AsyncScript = redis.register_script(load_script("quota"))

    async def take_slot(
        self, caller: str, limits: QuotaLimits, session: str, *, epoch: int = 0, new: bool, count: int = 1
    ) -> QuotaAnswer:
        """Take a slot for a new or a resumed session. If a limit is exhausted, no slot is taken.

        `count`: new sessions that the client opens together, starting with this one. All must be within the limits.
        """
        answer = await self._run(caller, limits, "take_slot", session, epoch, _ms(SLOT_TTL_S), int(new), count)
        return _answer(answer)

    async def renew_slots(self, caller: str, limits: QuotaLimits, epochs: Mapping[str, int]) -> set[str]:
        """Renew the slots of live sessions, given with their epochs. Returns all sessions that exceed the limit."""
        pairs = [part for pair in epochs.items() for part in pair]
        _, _, *over = await self._run(caller, limits, "renew_slots", _ms(SLOT_TTL_S), *pairs)
        return {session.decode() for session in over}

    async def reserve_audio(self, caller: str, limits: QuotaLimits, audio_ms: int) -> tuple[int, QuotaAnswer]:
        """Reserve audio of today, in milliseconds. Returns how much was reserved, and what is exhausted if nothing was.

        Less than `audio_ms` is reserved when less is left.
        """
        answer = await self._run(caller, limits, "reserve_audio", audio_ms)
        exhausted, retry_after_s = _answer(answer)
        return (0, (exhausted, retry_after_s)) if exhausted else (int(answer[1]), ("", 0.0))

    async def release_slot(self, caller: str, session: str, unused_ms: int, *, epoch: int = 0) -> None:
        """Release a slot, and return the reserved audio that was not used."""
        await self._run(caller, NO_LIMITS, "release_slot", unused_ms, session, epoch)

    async def _run(self, caller: str, limits: QuotaLimits, operation: str, *arguments: str | int) -> list[Any]:
        keys = [quota_used(caller), quota_slots(caller), quota_owners(caller)]
        maxima = (limits.sessions, limits.minutes_a_day, limits.new_a_minute)
        return cast("list[Any]", await self._script(keys=keys, args=[operation, *maxima, *arguments]))


def _answer(answer: list[Any]) -> QuotaAnswer:
    return cast("ExhaustedLimit", answer[0].decode()), int(answer[1]) / 1000


def _ms(seconds: float) -> int:
    return int(1000 * seconds)
