"""How far the workers are behind, and how busy they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.names import STT_GROUP, WORKERS, Shard
from backend.streams.scripts import script


class StreamDelay:
    """How long the oldest final has waited."""

    def __init__(self, redis: Redis, shards: Sequence[Shard]) -> None:
        self._shards = shards
        self._script: AsyncScript = redis.register_script(script("stream_state"))

    async def oldest_final_s(self) -> float:
        """Age of the oldest final that no worker has taken; 0 when none waits."""
        return max([await self._milliseconds(shard) for shard in self._shards]) / 1000

    async def _milliseconds(self, shard: Shard) -> int:
        return int((await self._script(keys=[shard.audio("final")], args=[STT_GROUP]))[0])


async def read_heartbeats(redis: Redis) -> list[dict[str, Any]]:
    """What every live process says of itself, by kind and name."""
    keys = list(await redis.smembers(WORKERS))
    async with redis.pipeline(transaction=False) as pipe:  # MGET would want all keys in one slot of a cluster
        for key in keys:
            pipe.get(key)
        bodies = await pipe.execute()
    if gone := [key for key, body in zip(keys, bodies, strict=True) if not body]:
        await redis.srem(WORKERS, *gone)
    return sorted((json.loads(body) for body in bodies if body), key=lambda worker: (worker["kind"], worker["name"]))
