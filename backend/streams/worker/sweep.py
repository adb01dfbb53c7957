"""Deletion of idle consumers. A worker that is killed leaves its consumer in every group forever."""

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.names import DURABLE_STREAMS, Shard
from backend.streams.scripts import load_script
from backend.streams.worker.source import IDLE_S


class ConsumerSweeper:
    """Deletes consumers of one group."""

    def __init__(self, redis: Redis, group: str, shards: Sequence[Shard]) -> None:
        self._group, self._shards = group, shards
        self._script: AsyncScript = redis.register_script(load_script("delete_idle_consumers"))

    async def sweep(self, *, idle_s: float = IDLE_S, only: str = "") -> int:
        """Delete consumers that were idle for `idle_s` seconds, or only the one named `only`; returns how many.

        A consumer with pending finals stays until other consumers have claimed them. Pending previews are dropped.
        """
        durable = [shard.jobs(self._group, kind) for kind in DURABLE_STREAMS for shard in self._shards]
        streams = [(stream, "keep_pending") for stream in durable]
        streams += [(shard.jobs(self._group, "preview"), "") for shard in self._shards]
        idle_ms = int(1000 * idle_s)
        return sum([await self._script(keys=[key], args=[self._group, idle_ms, only, keep]) for key, keep in streams])
