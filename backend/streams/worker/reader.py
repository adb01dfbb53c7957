"""Reads the streams of a group: in one call, or on a cluster, where a call may not span shards, in one per shard."""

import asyncio
import math
import zlib
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from backend.messages.jobs import StreamKind
from backend.streams.names import Shard
from backend.streams.redis.connection import BLOCK_MS, REDIS_ERRORS, is_cluster
from backend.streams.worker.claims import is_missing_group

log = structlog.get_logger()

# Streams, each with the (id, fields) that were read from it.
StreamEntries = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]

# Previews of each stream per read: practically all, because only the newest of each session are worth decoding.
PREVIEWS_PER_READ = 64


@dataclass(frozen=True, slots=True)
class EntryLimits:
    """Entries that a call may read."""

    # Of each stream.
    finals: int
    # Whether an entry of a recording ends a wait, too.
    recording: bool = False
    # Longest wait, in milliseconds.
    block_ms: int = BLOCK_MS

    @staticmethod
    def block_within(seconds: float) -> int:
        """The longest wait that ends within this time, in milliseconds. Redis takes 0 for no limit."""
        return max(1, math.ceil(min(BLOCK_MS, 1000 * seconds)))


class StreamReader(AsyncExitStack):
    """Reads for one consumer. Enter it while it reads.

    A partition holds the shards that one call may read together. It has at most one read in progress. A read that is
    still blocked when another partition had entries continues in the background, and a later call returns its entries.
    """

    def __init__(self, redis: Redis, group: str, name: str, shards: Sequence[Shard]) -> None:
        super().__init__()
        self._redis, self._group, self._name = redis, group, name
        self._partitions = [[shard] for shard in shards] if is_cluster(redis) else [shards]
        self._reads: dict[int, asyncio.Task[StreamEntries | Exception]] = {}
        self._had_entries = True
        self._shards = shards
        # The shard whose recordings are read first, so that all shards have the same share. Consumers start at
        # different ones.
        self._first = zlib.crc32(name.encode()) % len(shards)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._tasks = await self.enter_async_context(asyncio.TaskGroup())
        return self

    async def read(self, limits: EntryLimits, *, wait: bool) -> StreamEntries:
        """Return what is there; with `wait`, block for the first entry. Raises REDIS_ERRORS.

        A read of an earlier call that is still blocked keeps its own limit.
        Only a call that blocks reads a recording: one entry at most, of a single shard. COUNT applies to every stream,
        so with more of them, a consumer would hold entries that it cannot process yet.
        """
        idle = [number for number in range(len(self._partitions)) if number not in self._reads]
        for number in idle:
            self._reads[number] = self._tasks.create_task(self._read(self._partitions[number], limits, wait))
        awaited = list(self._reads.values()) if wait else [self._reads[number] for number in idle]
        if awaited:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED if wait else asyncio.ALL_COMPLETED)
        entries = self._collect_finished()
        self._had_entries = bool(entries)
        return entries

    async def read_recordings(self, count: int) -> StreamEntries:
        """Return up to `count` entries of recordings, all of one shard. Raises REDIS_ERRORS."""
        for _ in self._shards:
            if entries := await self._read_recordings_of(self._next_shard(), count):
                return entries
        return []

    async def finish_reads(self) -> StreamEntries:
        """Wait for the reads in progress and return their entries, which would otherwise stay pending."""
        if self._reads:
            await asyncio.wait(self._reads.values())
        try:
            return self._collect_finished()
        except REDIS_ERRORS as error:
            log.warning("redis_unavailable", error=str(error))
            return []

    async def _create_groups(self, shards: Sequence[Shard]) -> None:
        """Create the consumer groups that are missing. They start at the first entry of each stream."""
        for stream in self._streams(shards, "final", "recording", "preview"):
            try:
                await self._redis.xgroup_create(stream, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    def _next_shard(self) -> Shard:
        self._first = (self._first + 1) % len(self._shards)
        return self._shards[self._first]

    async def _read_recordings_of(self, shard: Shard, count: int) -> StreamEntries:
        stream = self._streams([shard], "recording")
        try:
            return await self._xreadgroup(stream, count)
        except REDIS_ERRORS as error:
            if not is_missing_group(error):
                if len(self._shards) == 1:
                    raise
                # The master of one shard may be away while the entries of other shards can be read.
                log.warning("no_recording_read", shard=shard.number, error=str(error))
                return []
        await self._create_groups([shard])
        return await self._xreadgroup(stream, count)

    async def _read(self, shards: Sequence[Shard], limits: EntryLimits, wait: bool) -> StreamEntries | Exception:
        try:
            return await self._read_streams(shards, limits, wait)
        except REDIS_ERRORS as error:
            if not is_missing_group(error):
                return error
        # A new system, or Redis has lost its data.
        try:
            await self._create_groups(shards)
            return await self._read_streams(shards, limits, wait)
        except REDIS_ERRORS as error:
            return error

    async def _read_streams(self, shards: Sequence[Shard], limits: EntryLimits, wait: bool) -> StreamEntries:
        # The COUNT of XREADGROUP applies to every stream of a call. So under load, finals and previews are read by two
        # calls without blocking; an idle consumer blocks in a single call for all.
        if self._had_entries or not wait:
            # Finals last: if the second call failed, finals of the first one would stay pending without being
            # processed.
            previews = await self._xreadgroup(self._streams(shards, "preview"), PREVIEWS_PER_READ)
            entries = await self._xreadgroup(self._streams(shards, "final"), limits.finals) + previews
            if entries or not wait:
                return entries
        live = self._streams(shards, "final", "preview")
        # A read of one of several partitions may end after the consumer has begun something else, and would hold the
        # recording meanwhile.
        if not limits.recording or len(self._partitions) > 1:
            return await self._xreadgroup(live, limits.finals, limits.block_ms)
        # Nothing waited before, so there is at most one live entry as a rule.
        return await self._xreadgroup([*live, *self._streams([self._next_shard()], "recording")], 1, limits.block_ms)

    def _streams(self, shards: Sequence[Shard], *kinds: StreamKind) -> list[str]:
        return [shard.jobs(self._group, kind) for kind in kinds for shard in shards]

    async def _xreadgroup(self, streams: Sequence[str], count: int, block: int | None = None) -> StreamEntries:
        ids: dict[Any, Any] = dict.fromkeys(streams, ">")
        return _entries_by_stream(await self._redis.xreadgroup(self._group, self._name, ids, count=count, block=block))

    def _collect_finished(self) -> StreamEntries:
        """Entries of all finished reads. An error of one partition is raised only if no other has entries."""
        finished = {number: task.result() for number, task in self._reads.items() if task.done()}
        for number in finished:
            del self._reads[number]
        entries = [item for result in finished.values() if not isinstance(result, Exception) for item in result]
        errors = [result for result in finished.values() if isinstance(result, Exception)]
        if errors and not entries:
            raise errors[0]
        return entries


def _entries_by_stream(answer: object) -> StreamEntries:
    """The answer of XREADGROUP: a list of pairs (RESP2), or a map to lists of lists (RESP3)."""
    if not answer:
        return []
    if isinstance(answer, Mapping):
        return [(stream, [entry for part in parts for entry in part]) for stream, parts in answer.items()]
    assert isinstance(answer, list)
    return [(stream, entries) for stream, entries in answer]
