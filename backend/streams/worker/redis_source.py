"""The reading side of a consumer in Redis: a consumer of a consumer group."""

import math
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Generic, Self

import structlog

from backend.messages.jobs import StreamKind
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import Entry, J, JobStream
from backend.streams.names import STREAM_KINDS, Shard
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.worker.batch_processor import Handler
from backend.streams.worker.claims import Claims
from backend.streams.worker.consumer import Consumer
from backend.streams.worker.policy import PreviewPool, RecordingShare
from backend.streams.worker.reader import EntryLimits, StreamEntries, StreamReader
from backend.streams.worker.source import IDLE_S, Claimed, RawEntry
from backend.streams.worker.sweep import ConsumerSweeper

log = structlog.get_logger()


class RedisEntrySource(AsyncExitStack, Generic[J]):
    """Implements `EntrySource`."""

    def __init__(self, streams: RedisJobStreams, job_stream: JobStream[J], name: str, settings: WorkerSettings) -> None:
        super().__init__()
        self.job_stream, self.name = job_stream, name
        self._redis, self._group = streams.redis, job_stream.group
        self._streams: dict[bytes, tuple[Shard, StreamKind]] = {
            shard.jobs(self._group, kind).encode(): (shard, kind) for kind in STREAM_KINDS for shard in streams.shards
        }
        self._reader = StreamReader(self._redis, self._group, name, streams.shards)
        self._claims = Claims(self._redis, self._group, streams.shards, name, settings.claim_after_ms)
        self._sweeper = ConsumerSweeper(self._redis, self._group, streams.shards)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self.enter_async_context(self._reader)
        return self

    async def read(
        self, max_finals: int, *, wait: bool, recording: bool = False, at_most_s: float = math.inf
    ) -> list[RawEntry]:
        limits = EntryLimits(max_finals, recording, EntryLimits.block_within(at_most_s))
        return await self._accept(await self._reader.read(limits, wait=wait))

    async def read_recordings(self, count: int) -> list[RawEntry]:
        return await self._accept(await self._reader.read_recordings(count))

    async def finish_reads(self) -> list[RawEntry]:
        return await self._accept(await self._reader.finish_reads())

    async def claim_stale_entry(self, kind: StreamKind) -> Claimed | None:
        return await self._claims.claim_stale_entry(kind)

    def keep_claims(self, entries: Sequence[Entry[J]]) -> AbstractAsyncContextManager[None]:
        kinds = [(entry, entry.job.stream_kind) for entry in entries]
        return self._claims.keep([(entry.shard.jobs(self._group, kind), entry.id) for entry, kind in kinds])

    async def hand_back(self) -> int:
        return await self._claims.hand_back()

    async def delete_idle_consumers(self, idle_s: float = IDLE_S) -> int:
        return await self._sweeper.sweep(idle_s=idle_s)

    async def leave(self) -> None:
        await self._sweeper.sweep(only=self.name)

    async def _accept(self, found: StreamEntries) -> list[RawEntry]:
        raw: list[RawEntry] = []
        for stream, entries in found:
            shard, kind = self._streams[stream]
            if kind == "preview" and entries:
                await self._acknowledge(stream, [entry_id for entry_id, _ in entries])
            raw += [RawEntry(shard, kind, entry_id.decode(), fields) for entry_id, fields in entries]
        return raw

    async def _acknowledge(self, stream: bytes, ids: Sequence[bytes]) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.xack(stream, self._group, *ids)
                pipe.xdel(stream, *ids)
                await pipe.execute()
        except REDIS_ERRORS as error:
            # Not raised: finals that were read by the same call would stay pending without being processed.
            log.warning("previews_not_acknowledged", entries=len(ids), error=str(error))


def redis_consumer(
    streams: RedisJobStreams,
    job_stream: JobStream[J],
    name: str,
    settings: WorkerSettings,
    handle: Handler[J],
    previews: PreviewPool[J] | None = None,
    recordings: RecordingShare | None = None,
) -> Consumer[J]:
    """A consumer that reads from Redis under this name, and writes its results there."""
    source = RedisEntrySource(streams, job_stream, name, settings)
    return Consumer(source, streams, settings, handle, previews=previews, recordings=recordings)
