"""Usage of callers, counted in Redis over all gateways (quota.lua) and checked against their limits.

A session holds a slot while its gateway renews it; the slots of a gateway that dies expire. Audio is counted every few
seconds, so a file that is uploaded faster than real time may exceed the daily limit by the audio that a gateway
accepts in that time.
"""

from collections.abc import Sequence
from typing import Literal, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.access.api_keys import QuotaLimits
from backend.streams.names import quota_slots, quota_used
from backend.streams.scripts import load_script

# How long a slot outlives its last renewal. Gateways renew every few seconds, so a short pause frees no slot.
SLOT_TTL_S = 15.0

ExhaustedLimit = Literal["", "sessions", "minutes", "starts"]
# The exhausted limit ("": none), and the seconds until a retry makes sense.
QuotaAnswer = tuple[ExhaustedLimit, float]


class Quota:
    """Usage of all callers."""

    def __init__(self, redis: Redis) -> None:
        self._script: AsyncScript = redis.register_script(load_script("quota"))

    async def take_slot(self, caller: str, limits: QuotaLimits, session: str, *, new: bool) -> QuotaAnswer:
        """Take a slot for a new or a resumed session. If a limit is exhausted, no slot is taken."""
        return await self._run(caller, limits, "take_slot", session, _ms(SLOT_TTL_S), int(new))

    async def renew_slots(
        self, caller: str, limits: QuotaLimits, sessions: Sequence[str], audio_ms: int
    ) -> QuotaAnswer:
        """Renew the slots of live sessions, and add the audio that they have received since the last call."""
        return await self._run(caller, limits, "renew_slots", audio_ms, _ms(SLOT_TTL_S), *sessions)

    async def release_slot(self, caller: str, session: str, audio_ms: int) -> None:
        """Release a slot, and add the audio that the session has received since the last call."""
        await self._run(caller, QuotaLimits(), "release_slot", audio_ms, session)

    async def _run(self, caller: str, limits: QuotaLimits, operation: str, *arguments: str | int) -> QuotaAnswer:
        keys = [quota_used(caller), quota_slots(caller)]
        maxima = (limits.sessions, limits.minutes_a_day, limits.new_a_minute)
        exhausted, retry_after_ms = await self._script(keys=keys, args=[operation, *maxima, *arguments])
        return cast("ExhaustedLimit", exhausted.decode()), int(retry_after_ms) / 1000


def _ms(seconds: float) -> int:
    return int(1000 * seconds)
