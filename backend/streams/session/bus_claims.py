"""Claims on clients of a message bus, whose messages all gateways receive (buses/claim.lua).

A gateway holds a claim while it renews it. When it dies, another one takes the claim, with what the first one stored.
"""

from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.names import shard_of
from backend.streams.scripts import load_script

# How long a claim outlives its last renewal, and how often it is renewed.
CLAIM_TTL_S, RENEW_EVERY_S = 4.0, 1.0


class BusClaims:
    """The claims of one gateway, `holder`. `keep_s`: how long a session can be continued."""

    def __init__(self, redis: Redis, shards: int, holder: str, keep_s: float) -> None:
        self._script: AsyncScript = redis.register_script(load_script("buses/claim"))
        self._shards, self._holder, self._keep_ms = shards, holder, max(_ms(keep_s), _ms(CLAIM_TTL_S))

    async def take(self, bus: str, session: str) -> str | None:
        """The progress that the last gateway stored, or "". None: another gateway serves this client."""
        answer = await self._run("take", bus, session, _ms(CLAIM_TTL_S), self._keep_ms)
        return answer[0].decode() if answer else None

    async def renew(self, bus: str, session: str, progress: str) -> bool:
        """Store the progress. False: another gateway serves this client now."""
        return bool(await self._run("renew", bus, session, _ms(CLAIM_TTL_S), self._keep_ms, progress))

    async def release(self, bus: str, session: str, *, rest_s: float, keep: bool) -> None:
        """Give the claim up. No other gateway can take it for `rest_s`. `keep`: the session can be continued."""
        await self._run("release", bus, session, _ms(rest_s), int(keep), self._keep_ms)

    async def _run(self, operation: str, bus: str, session: str, *arguments: str | int) -> Any:
        key = shard_of(session, self._shards).bus_claim(bus, session)
        return await self._script(keys=[key], args=[operation, self._holder, *arguments])


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
