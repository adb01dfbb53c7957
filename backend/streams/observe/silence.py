"""For how long Redis has not answered this process."""

import asyncio
from collections.abc import Sequence

from redis.asyncio import Redis

from backend.streams.names import Shard
from backend.streams.redis.connection import REDIS_ERRORS, is_cluster

PROBE_EVERY_S = 0.5


class RedisSilence:
    """Asks Redis all the time. A call that hangs is noticed while it hangs, long before it fails.

    In a cluster, every shard is asked, because one master may hang while others answer.
    """

    def __init__(self, redis: Redis, shards: Sequence[Shard]) -> None:
        self._redis = redis
        self._shards, self._is_cluster = tuple(shards), is_cluster(redis)
        self._answered_at: dict[Shard, float] = {}

    def seconds(self, shard: Shard) -> float:
        """Seconds since the last answer; 0 before the first answer."""
        now = asyncio.get_running_loop().time()
        return now - self._answered_at.get(self._asked(shard), now)

    async def watch_forever(self) -> None:
        """Ask Redis until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for shard in {self._asked(shard) for shard in self._shards}:
                tasks.create_task(self._watch(shard))

    def _asked(self, shard: Shard) -> Shard:
        return shard if self._is_cluster else self._shards[0]

    async def _watch(self, shard: Shard) -> None:
        while True:
            try:
                await self._redis.exists(shard.audio("final"))
                self._answered_at[shard] = asyncio.get_running_loop().time()
            except REDIS_ERRORS:
                pass  # those who need Redis log it
            await asyncio.sleep(PROBE_EVERY_S)
