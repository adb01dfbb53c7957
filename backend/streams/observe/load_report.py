"""How far workers are behind, and what processes report in their heartbeats."""

import json
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.names import STT_GROUP, WORKERS, Shard
from backend.streams.scripts import load_script


class StreamDelay:
    """How long audio waits for an STT worker."""

    def __init__(self, redis: Redis, shards: Sequence[Shard]) -> None:
        self._shards = shards
        self._script: AsyncScript = redis.register_script(load_script("stream_state"))

    async def oldest_final_s(self) -> float:
        """Age in seconds of the oldest final that no worker has read yet, over all shards; 0 if there is none."""
        calls = (self._script(keys=[shard.audio("final")], args=[STT_GROUP]) for shard in self._shards)
        return max([int((await call)[0]) for call in calls]) / 1000


async def read_heartbeats(redis: Redis) -> list[dict[str, Any]]:
    """The heartbeats of all live processes, sorted by kind and name."""
    keys = list(await redis.smembers(WORKERS))
    # Not MGET, which requires all keys in one cluster slot.
    async with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.get(key)
        bodies = await pipe.execute()
    if expired := [key for key, body in zip(keys, bodies, strict=True) if not body]:
        await redis.srem(WORKERS, *expired)
    return sorted((json.loads(body) for body in bodies if body), key=lambda worker: (worker["kind"], worker["name"]))
