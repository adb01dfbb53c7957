"""The one consume loop. A worker is its settings, its model, and a `Handler`.

Finals are work that must not be lost: they stay pending until their result is committed, their claim is kept alive
while inference is long, a dead worker's are claimed by others, and what fails `max_attempts` times is dead-lettered.
Previews are guesses: acknowledged as they are read, newest first, dropped when late.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, Protocol

import structlog
from redis.exceptions import ResponseError

from backend.errors import EntryError, NovaError
from backend.messages.jobs import decode_audio_job, decode_transcript
from backend.service.settings import WorkerSettings
from backend.streams.connection import BLOCK_MS, TROUBLE
from backend.streams.lanes import Entry, J, Lanes, Outcome
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP, Shard

log = structlog.get_logger()

RawEntry = tuple[bytes, dict[bytes, bytes]]


class Handler(Protocol[J]):
    """What a worker does with a batch of one kind. Raises when the batch, or its only entry, cannot be handled."""

    async def __call__(self, batch: Sequence[Entry[J]]) -> Sequence[Outcome]:
        """One outcome for each entry, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Lane(Generic[J]):
    """Where a kind of worker reads, and how its results are committed."""

    group: str
    finals: Callable[[Shard], str]
    previews: Callable[[Shard], str]
    decode: Callable[[Mapping[bytes, bytes]], tuple[J, bytes]]
    commit: Callable[[Lanes, Entry[J], Outcome], Awaitable[int]]


AUDIO = Lane(STT_GROUP, lambda s: s.audio("final"), lambda s: s.audio("preview"), decode_audio_job, Lanes.commit_final)
TRANSCRIPTS = Lane(
    TRANSLATION_GROUP, lambda s: s.transcripts("final"), lambda s: s.transcripts("preview"),
    lambda fields: (decode_transcript(fields), b""), Lanes.commit_translations,
)  # fmt: skip


class Consumer(Generic[J]):
    """Takes entries of one lane until told to stop."""

    def __init__(self, lanes: Lanes, lane: Lane[J], name: str, settings: WorkerSettings, handle: Handler[J]) -> None:
        self._lanes, self._lane, self._name, self._settings, self._handle = lanes, lane, name, settings, handle
        self._redis = lanes.redis
        self._shard_of_stream = {
            stream(shard).encode(): shard for shard in lanes.shards for stream in (lane.finals, lane.previews)
        }
        self._previews: list[Entry[J]] = []
        self._preview_cost_s = 0.0
        self.counts = {"handled": 0, "failed": 0, "previews": 0}
        """What it has done so far; part of the heartbeat."""
        self._claim_due = 0.0
        self._claim_cursor: dict[Shard, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish the batch in hand. Redis may come and go meanwhile."""
        delay = 0.0
        while not stop.is_set():
            try:
                await self._turn()
                delay = 0.0
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                await self.create_groups()
            except TROUBLE as error:
                delay = min(2.0, 2 * delay or 0.05)
                log.warning("redis_unavailable", error=str(error), retry_in_s=delay)
                await asyncio.sleep(delay)

    async def create_groups(self) -> None:
        """Make the consumer groups, from each stream's first entry; those that exist stay as they are."""
        for stream in self._shard_of_stream:
            try:
                await self._redis.xgroup_create(stream, self._lane.group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _turn(self) -> None:
        finals = await self._claim_stale()
        if not finals:
            finals, previews = await self._read(wait=not self._previews)
            self._previews = sorted([*self._previews, *previews], key=lambda entry: -entry.job.sent_at)
        if finals:
            await self._work(finals)
        if previews := self._next_previews():
            await self._guess(previews)

    async def _read(self, *, wait: bool) -> tuple[list[Entry[J]], list[Entry[J]]]:
        answer = await self._redis.xreadgroup(
            self._lane.group,
            self._name,
            dict.fromkeys(self._shard_of_stream, ">"),
            count=self._settings.batch,
            block=BLOCK_MS if wait else None,
        )
        finals: list[Entry[J]] = []
        previews: list[Entry[J]] = []
        for stream, entries in _streams(answer):
            shard = self._shard_of_stream[stream]
            if stream == self._lane.finals(shard).encode():
                finals += await self._decoded(shard, entries)
            else:
                await self._forget(stream, entries)
                previews += [entry for entry in self._readable(shard, entries) if isinstance(entry, Entry)]
        return finals, previews

    def _readable(self, shard: Shard, entries: Sequence[RawEntry]) -> list[Entry[J] | tuple[str, EntryError]]:
        read: list[Entry[J] | tuple[str, EntryError]] = []
        for raw_id, fields in entries:
            try:
                read.append(Entry(shard, raw_id.decode(), *self._lane.decode(fields)))
            except EntryError as error:
                read.append((raw_id.decode(), error))
        return read

    async def _decoded(self, shard: Shard, entries: Sequence[RawEntry]) -> list[Entry[J]]:
        good: list[Entry[J]] = []
        for read in self._readable(shard, entries):
            if isinstance(read, Entry):
                good.append(read)
            else:
                await self._bury(shard, read[0], None, read[1], attempts=1)
        return good

    async def _forget(self, stream: bytes, entries: Sequence[RawEntry]) -> None:
        ids = [raw_id for raw_id, _ in entries]
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xack(stream, self._lane.group, *ids)
            pipe.xdel(stream, *ids)
            await pipe.execute()

    def _next_previews(self) -> list[Entry[J]]:
        oldest = time.time() - self._settings.preview_max_age_ms / 1000
        fresh = [entry for entry in self._previews if entry.job.sent_at >= oldest]
        budget_s = self._settings.preview_budget_ms / 1000
        count = int(budget_s / self._preview_cost_s) if self._preview_cost_s else 1
        count = min(max(count, 1), self._settings.batch)
        self._previews = fresh[count:]
        return fresh[:count]

    async def _guess(self, batch: Sequence[Entry[J]]) -> None:
        began = time.monotonic()
        try:
            outcomes = await self._handle(batch)
        except Exception as error:
            log.exception("preview_failed", code=_code(error), entries=len(batch))
            return
        cost_s = (time.monotonic() - began) / len(batch)
        self._preview_cost_s = 0.7 * (self._preview_cost_s or cost_s) + 0.3 * cost_s
        self.counts["previews"] += len(batch)
        for entry, outcome in zip(batch, outcomes, strict=True):
            await self._lanes.show(entry.job.session, outcome.live, outcome.onward)

    async def _work(self, batch: Sequence[Entry[J]]) -> None:
        async with self._held(batch):
            try:
                outcomes = await self._handle(batch)
            except Exception as error:
                if len(batch) == 1:
                    # It stays pending, is claimed again when stale, and in the end becomes a dead letter.
                    self.counts["failed"] += 1
                    log.exception("entry_failed", code=_code(error), entry=batch[0].id, **_about(batch[0]))
                    return
                log.warning("batch_failed", code=_code(error), error=str(error), entries=len(batch))
                outcomes = None
            for entry, outcome in zip(batch, outcomes or (), strict=outcomes is not None):
                took = await self._lane.commit(self._lanes, entry, outcome)
                self.counts["handled"] += 1
                log.info("handled", entry=entry.id, took_effect=took == 1, **_about(entry))
        if outcomes is None:
            for entry in batch:
                await self._work([entry])

    async def _claim_stale(self) -> list[Entry[J]]:
        if time.monotonic() < self._claim_due:
            return []
        self._claim_due = time.monotonic() + self._settings.claim_after_ms / 3000
        claimed: list[Entry[J]] = []
        for shard in self._lanes.shards:
            stream = self._lane.finals(shard)
            cursor, entries, _ = await self._redis.xautoclaim(
                stream,
                self._lane.group,
                self._name,
                self._settings.claim_after_ms,
                self._claim_cursor.get(shard, "0-0"),
                count=self._settings.batch,
            )
            self._claim_cursor[shard] = cursor.decode()
            claimed += await self._worth_another_try(shard, await self._decoded(shard, entries))
        return claimed

    async def _worth_another_try(self, shard: Shard, entries: Sequence[Entry[J]]) -> list[Entry[J]]:
        good: list[Entry[J]] = []
        for entry in entries:
            (pending,) = await self._redis.xpending_range(
                self._lane.finals(shard), self._lane.group, min=entry.id, max=entry.id, count=1
            ) or ({"times_delivered": 1},)
            attempts = int(pending["times_delivered"])
            if attempts > self._settings.max_attempts:
                error = NovaError(f"failed {attempts - 1} times", code="max_attempts")
                await self._bury(shard, entry.id, entry, error, attempts=attempts - 1)
            else:
                log.warning("entry_claimed", entry=entry.id, attempt=attempts, **_about(entry))
                good.append(entry)
        return good

    async def _bury(
        self, shard: Shard, entry_id: str, entry: Entry[J] | None, error: NovaError, *, attempts: int
    ) -> None:
        reason = {
            "reason": error.code, "error": error.message, "attempts": str(attempts),
            "worker": self._name, "time": str(time.time()),
        }  # fmt: skip
        await self._lanes.bury(shard, self._lane.group, entry_id, entry.job if entry else None, reason)
        log.error("entry_dead_lettered", entry=entry_id, code=error.code, error=error.message, attempts=attempts)

    @asynccontextmanager
    async def _held(self, batch: Sequence[Entry[J]]) -> AsyncIterator[None]:
        """Keep the claim on a batch alive while inference is long."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self._settings.claim_after_ms / 3000)
                for entry in batch:
                    try:
                        await self._redis.xclaim(
                            self._lane.finals(entry.shard), self._lane.group, self._name, 0, [entry.id], justid=True
                        )
                    except TROUBLE as error:
                        log.warning("claim_not_renewed", entry=entry.id, error=str(error))

        try:
            async with asyncio.TaskGroup() as tasks:
                renewal = tasks.create_task(renew())
                try:
                    yield
                finally:
                    renewal.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None


def _streams(answer: object) -> list[tuple[bytes, list[RawEntry]]]:
    """XREADGROUP's answer, whichever protocol version the client speaks: pairs, or a map of lists of lists."""
    if not answer:
        return []
    if isinstance(answer, Mapping):
        return [(stream, [entry for part in parts for entry in part]) for stream, parts in answer.items()]
    assert isinstance(answer, list)
    return [(stream, entries) for stream, entries in answer]


def _about(entry: Entry[J]) -> dict[str, object]:
    job = entry.job
    return {"correlation_id": job.correlation_id, "session": job.session, "utterance": job.utterance}


def _code(error: Exception) -> str:
    return error.code if isinstance(error, NovaError) else type(error).__name__
