"""Claims on pending entries: renewed while a worker processes an entry, taken over when a worker stops renewing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from backend.messages.jobs import StreamKind
from backend.streams.names import DURABLE_STREAMS, Shard
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.worker.policy import CLAIM_CHECKS_PER_TIMEOUT
from backend.streams.worker.source import Claimed, RawEntry

log = structlog.get_logger()

# Entries of each shard that a worker hands back at most. It holds one batch.
HANDED_BACK = 1_000


class Claims:
    def __init__(self, redis: Redis, group: str, shards: Sequence[Shard], name: str, claim_after_ms: int) -> None:
        self._redis, self._group, self._shards, self._name = redis, group, shards, name
        self._claim_after_ms = claim_after_ms
        self._cursors: dict[str, str] = {}

    async def claim_stale_entry(self, kind: StreamKind) -> Claimed | None:
        """Take over one stale entry of any shard."""
        for shard in self._shards:
            try:
                if raw := await self._claim(shard, kind):
                    return Claimed(raw, await self._deliveries(raw))
            except REDIS_ERRORS as error:
                # The reader creates a missing group.
                if is_missing_group(error):
                    continue
                # One shard's master may be away while the entries of other shards can be claimed.
                if len(self._shards) == 1:
                    raise
                log.warning("nothing_claimed", shard=shard.number, error=str(error))
        return None

    async def _claim(self, shard: Shard, kind: StreamKind) -> RawEntry | None:
        # XAUTOCLAIM scans a limited number of pending entries per call and returns where to continue.
        stream = shard.jobs(self._group, kind)
        start = self._cursors.get(stream, "0-0")
        cursor, entries, _ = await self._redis.xautoclaim(
            stream, self._group, self._name, self._claim_after_ms, start, count=1
        )
        self._cursors[stream] = cursor.decode()
        return RawEntry(shard, kind, entries[0][0].decode(), entries[0][1]) if entries else None

    async def _deliveries(self, raw: RawEntry) -> int:
        stream = raw.shard.jobs(self._group, raw.kind)
        pending = await self._redis.xpending_range(stream, self._group, min=raw.id, max=raw.id, count=1)
        return int(pending[0]["times_delivered"]) if pending else 1

    async def hand_back(self) -> int:
        """Make the pending entries of this consumer as old as stale ones; returns how many."""
        handed_back = 0
        for stream in (shard.jobs(self._group, kind) for kind in DURABLE_STREAMS for shard in self._shards):
            ids = await self._pending_ids(stream)
            if ids:
                # XNACK does the same, but only in Redis 8.8 and later. JUSTID keeps the number of deliveries.
                await self._redis.xclaim(
                    stream, self._group, self._name, 0, ids, idle=self._claim_after_ms, justid=True
                )
                handed_back += len(ids)
        return handed_back

    async def _pending_ids(self, stream: str) -> list[Any]:
        try:
            pending = await self._redis.xpending_range(
                stream, self._group, min="-", max="+", count=HANDED_BACK, consumername=self._name
            )
        except REDIS_ERRORS as error:
            if not is_missing_group(error):
                raise
            return []
        return [entry["message_id"] for entry in pending]

    @asynccontextmanager
    async def keep(self, entries: Sequence[tuple[str, str]]) -> AsyncIterator[None]:
        """Renew the claims on these entries (stream, id) until the context exits."""
        if not entries:
            yield
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                renewal = tasks.create_task(self._renew_forever(entries))
                try:
                    yield
                finally:
                    renewal.cancel()
        except ExceptionGroup as group:
            # The renewal raises nothing, so this is the one error of the body.
            raise group.exceptions[0] from None

    async def _renew_forever(self, entries: Sequence[tuple[str, str]]) -> None:
        while True:
            await asyncio.sleep(self._claim_after_ms / 1000 / CLAIM_CHECKS_PER_TIMEOUT)
            for stream, entry_id in entries:
                try:
                    # JUSTID resets the idle time without incrementing the delivery count.
                    await self._redis.xclaim(stream, self._group, self._name, 0, [entry_id], justid=True)
                except REDIS_ERRORS as error:
                    log.warning("claim_not_renewed", entry=entry_id, error=str(error))


def is_missing_group(error: BaseException) -> bool:
    """Whether Redis says that the stream or the group does not exist. redis-py has no class for this error."""
    return isinstance(error, ResponseError) and "NOGROUP" in str(error)
