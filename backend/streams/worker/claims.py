"""Who works on an entry: claims that are kept alive while work is long, and taken over from whoever fell silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis

from backend.streams.names import Shard
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.worker.reader import RawEntry

log = structlog.get_logger()


class Claims:
    """One consumer's."""

    def __init__(
        self, redis: Redis, group: str, lane: Callable[[Shard], str], shards: Sequence[Shard], name: str, after_ms: int
    ) -> None:
        self._redis, self._group, self._lane, self._shards, self._name = redis, group, lane, shards, name
        self._after_ms = after_ms
        self._due = 0.0
        self._cursors: dict[Shard, str] = {}

    async def take(self) -> tuple[Shard, RawEntry, int] | None:
        """One stale entry, and how often it has been delivered now. Looks for one three times in `after_ms`, no more.

        One at a time: an entry that kills whoever works on it raises the delivery count of no other.
        """
        if time.monotonic() < self._due:
            return None
        for shard in self._shards:
            try:
                if entry := await self._stale(shard):
                    return shard, entry, await self._deliveries(shard, entry[0])
            except REDIS_ERRORS as error:  # with this shard: the others' entries need not wait for it
                if len(self._shards) == 1:
                    raise
                log.warning("nothing_claimed", shard=shard.number, error=str(error))
        self._due = time.monotonic() + self._after_ms / 3000
        return None

    async def _stale(self, shard: Shard) -> RawEntry | None:
        cursor, entries, _ = await self._redis.xautoclaim(
            self._lane(shard), self._group, self._name, self._after_ms, self._cursors.get(shard, "0-0"), count=1
        )
        self._cursors[shard] = cursor.decode()
        return entries[0] if entries else None

    async def _deliveries(self, shard: Shard, entry_id: bytes) -> int:
        pending = await self._redis.xpending_range(self._lane(shard), self._group, min=entry_id, max=entry_id, count=1)
        return int(pending[0]["times_delivered"]) if pending else 1

    @asynccontextmanager
    async def held(self, entries: Sequence[tuple[Shard, str]]) -> AsyncIterator[None]:
        """Keep the claim on these while they are worked on."""
        try:
            async with asyncio.TaskGroup() as tasks:
                renewal = tasks.create_task(self._renew(entries))
                try:
                    yield
                finally:
                    renewal.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _renew(self, entries: Sequence[tuple[Shard, str]]) -> None:
        while True:
            await asyncio.sleep(self._after_ms / 3000)
            for shard, entry_id in entries:
                try:
                    await self._redis.xclaim(self._lane(shard), self._group, self._name, 0, [entry_id], justid=True)
                except REDIS_ERRORS as error:
                    log.warning("claim_not_renewed", entry=entry_id, error=str(error))
