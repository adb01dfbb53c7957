"""The one consume loop. A worker is its settings, its model, and a `Handler`.

Finals are work that must not be lost: they stay pending until their result is committed, their claim is kept alive
while inference is long, a dead worker's are claimed by others, and what fails `max_attempts` times is dead-lettered.
What was delivered before is tried alone, one entry at a time: if it is what killed a worker, it takes none with it.
Previews are guesses: acknowledged as they are read, those of speech that has just begun first, then the newest; dropped
when late.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from functools import partial
from typing import Generic, Protocol

import structlog
from redis.exceptions import ResponseError

from backend.backoff import Backoff
from backend.errors import EntryError, NovaError, UnavailableError
from backend.messages.jobs import JobKind
from backend.service import tracing
from backend.service.settings import WorkerSettings
from backend.streams import metrics
from backend.streams.job_streams import Entry, J, JobStream, JobStreams, Outcome
from backend.streams.names import Shard
from backend.streams.observe.utilization import Utilization
from backend.streams.redis.connection import REDIS_ERRORS, is_cluster, retry_until_available
from backend.streams.worker import sweep
from backend.streams.worker.batch_sizer import BatchSizer
from backend.streams.worker.claims import Claims
from backend.streams.worker.in_flight import InFlight
from backend.streams.worker.reader import Part, RawEntry, Reader
from backend.streams.worker.sweep import Sweeper

log = structlog.get_logger()


class HungError(NovaError):
    """The handler has not come back within the limit. No thread can be stopped: the process must end."""

    code = "hung"


class Handler(Protocol[J]):
    """What a worker does with a batch of one kind. Raises when the batch, or its only entry, cannot be handled."""

    async def __call__(self, batch: Sequence[Entry[J]]) -> Sequence[Outcome]:
        """One outcome for each entry, in order."""
        ...


class Consumer(Generic[J]):
    """Takes entries of one lane until told to stop."""

    def __init__(
        self, streams: JobStreams, lane: JobStream[J], name: str, settings: WorkerSettings, handle: Handler[J]
    ) -> None:
        self._streams, self._lane, self._name, self._settings, self._handle = streams, lane, name, settings, handle
        self._redis = streams.redis
        self._finals = {lane.finals(shard).encode(): shard for shard in streams.shards}
        self._preview_streams = {lane.previews(shard).encode(): shard for shard in streams.shards}
        self._previews: list[Entry[J]] = []
        self._for_finals = BatchSizer(settings.batch, settings.final_budget_ms / 1000)
        self._for_previews = BatchSizer(settings.batch, settings.preview_budget_ms / 1000)
        self._utilization = Utilization(time.monotonic())
        self.in_flight = InFlight(lane.group)
        self._claims = Claims(self._redis, lane.group, lane.finals, streams.shards, name, settings.claim_after_ms)
        self._sweeper = Sweeper(self._redis, lane.group)
        self._counts = {"handled": 0, "failed": 0, "previews": 0}
        self._sweep_due = time.monotonic() + sweep.EVERY_S * random.random()

    def report(self) -> dict[str, float]:
        """What it has done so far, and its load; part of the heartbeat."""
        load = self._utilization.share(time.monotonic())
        metrics.LOAD.labels(self._lane.group).set(load)
        return {**self._counts, **self.in_flight.report(), "load": round(load, 3)}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is in hand. Redis may come and go meanwhile.

        Raises HungError when the handler hangs: what it was given stays pending, and others will try.
        """
        backoff = Backoff()
        async with Reader(self._redis, self._lane.group, self._name, self._parts()) as reader:
            while not stop.is_set():
                try:
                    await self._turn(reader)
                    backoff.reset()
                except REDIS_ERRORS as error:
                    if isinstance(error, ResponseError) and "NOGROUP" in str(error):
                        await self._insist_on_groups()
                        continue
                    delay_s = backoff.next_delay_s()
                    log.warning("redis_unavailable", error=str(error), retry_in_s=round(delay_s, 3))
                    await asyncio.sleep(delay_s)
            await self._leave(reader)

    async def create_groups(self) -> None:
        """Make the consumer groups, from each stream's first entry; those that exist stay as they are."""
        for stream in (*self._finals, *self._preview_streams):
            try:
                await self._redis.xgroup_create(stream, self._lane.group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _insist_on_groups(self) -> None:
        try:
            await self.create_groups()
        except REDIS_ERRORS as error:
            log.warning("groups_not_made", error=str(error))
            await asyncio.sleep(0.5)

    def _parts(self) -> list[Part]:
        """What one call may read: everything; on a cluster, the streams of one shard."""
        if is_cluster(self._redis):
            pairs = zip(self._finals, self._preview_streams, strict=True)
            return [Part((final,), (preview,)) for final, preview in pairs]
        return [Part(tuple(self._finals), tuple(self._preview_streams))]

    async def _turn(self, reader: Reader) -> None:
        finals = await self._left_behind()
        if not finals:
            finals = await self._sort(await reader.read(self._for_finals.size, wait=not self._previews))
            self._for_finals.record_read(len(finals))
        if finals:
            await self._work(finals)
        if previews := self._next_previews():
            await self._preview(previews)
        await self._sweep()

    async def _leave(self, reader: Reader) -> None:
        """What was being read is done as well; then the group forgets this consumer."""
        try:
            if finals := await self._sort(await reader.rest()):
                await self._work(finals)
            finals_lanes, preview_lanes = self._lane_names()
            await self._sweeper.sweep(finals_lanes, preview_lanes, only=self._name)
        except REDIS_ERRORS as error:
            log.warning("left_without_goodbye", error=str(error))

    async def _sweep(self) -> None:
        if time.monotonic() < self._sweep_due:
            return
        self._sweep_due = time.monotonic() + sweep.EVERY_S
        if swept := await self._sweeper.sweep(*self._lane_names()):
            log.info("abandoned_consumers_swept", consumers=swept)

    def _lane_names(self) -> tuple[list[str], list[str]]:
        return [lane.decode() for lane in self._finals], [lane.decode() for lane in self._preview_streams]

    # --- what is read

    async def _sort(self, found: Sequence[tuple[bytes, list[RawEntry]]]) -> list[Entry[J]]:
        """Finals are returned; previews are acknowledged and kept in the order in which they are worth work."""
        finals: list[Entry[J]] = []
        previews: list[Entry[J]] = []
        for stream, entries in found:
            if stream in self._finals:
                finals += await self._decoded(self._finals[stream], entries)
            else:
                await self._forget(stream, entries)
                read = self._readable(self._preview_streams[stream], "preview", entries)
                previews += [entry for entry in read if isinstance(entry, Entry)]
        self._previews = _worthwhile([*self._previews, *previews], finals)
        return finals

    def _readable(
        self, shard: Shard, kind: JobKind, raw: Sequence[RawEntry]
    ) -> list[Entry[J] | tuple[str, EntryError]]:
        read: list[Entry[J] | tuple[str, EntryError]] = []
        for raw_id, fields in raw:
            try:
                entry = Entry(shard, raw_id.decode(), *self._lane.decode(fields))
                if entry.job.kind != kind:
                    raise EntryError(f"a {entry.job.kind} on the lane of each {kind}")
                read.append(entry)
            except EntryError as error:
                read.append((raw_id.decode(), error))
        return read

    async def _decoded(self, shard: Shard, entries: Sequence[RawEntry]) -> list[Entry[J]]:
        good: list[Entry[J]] = []
        for read in self._readable(shard, "final", entries):
            if isinstance(read, Entry):
                good.append(read)
            else:
                await self._dead_letter(shard, read[0], None, read[1], attempts=1)
        self.in_flight.record_queue_wait(good)
        return good

    async def _forget(self, stream: bytes, entries: Sequence[RawEntry]) -> None:
        ids = [raw_id for raw_id, _ in entries]
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xack(stream, self._lane.group, *ids)
            pipe.xdel(stream, *ids)
            await pipe.execute()

    # --- previews

    def _next_previews(self) -> list[Entry[J]]:
        oldest = time.time() - self._settings.preview_max_age_ms / 1000
        fresh = [entry for entry in self._previews if entry.job.sent_at >= oldest]
        count = self._for_previews.size
        self._previews = fresh[count:]
        self.in_flight.record_queue_wait(fresh[:count])
        return fresh[:count]

    async def _preview(self, batch: Sequence[Entry[J]]) -> None:
        taken_s, began = time.time(), time.monotonic()
        try:
            outcomes = await self._within_limit(batch)
        except HungError:
            raise
        except Exception as error:
            log.exception("preview_failed", code=_code(error), entries=len(batch))
            return
        self._for_previews.record_duration(time.monotonic() - began, len(batch))
        self._counts["previews"] += len(batch)
        for entry, outcome in zip(batch, outcomes, strict=True):
            await self._streams.publish_previews(entry.job.session, outcome.live, outcome.transcript)
            log.debug("guessed", batch=len(batch), **entry.lasted(taken_s, time.time()), **entry.about)

    # --- finals

    async def _work(self, batch: Sequence[Entry[J]]) -> None:
        async with self._claims.held([(entry.shard, entry.id) for entry in batch]):
            taken_s, began = time.time(), time.monotonic()
            for entry in batch:
                tracing.span("queue", entry.traceparent, entry.written_s, taken_s, lane=self._lane.group)
            self._utilization.set_active(True, began)
            try:
                outcomes = await self._patiently(batch)
                self._for_finals.record_duration(time.monotonic() - began, len(batch))
            except HungError:
                raise
            except Exception as error:
                await self._failed(batch, error)
                outcomes = None
            finally:
                self._utilization.set_active(False, time.monotonic())
            for entry, outcome in zip(batch, outcomes or (), strict=outcomes is not None):
                with tracing.stage("publish", [entry], lane=self._lane.group):
                    took = await retry_until_available(partial(self._lane.commit, self._streams, entry, outcome))
                self._counts["handled"] += 1
                lasted = entry.lasted(taken_s, time.time())
                log.info("handled", took_effect=took == 1, batch=len(batch), **lasted, **entry.about)
        if outcomes is None and len(batch) > 1:
            for entry in batch:
                await self._work([entry])

    async def _patiently(self, batch: Sequence[Entry[J]]) -> Sequence[Outcome]:
        """An engine that is away is waited for, up to a limit: that is not the entries' fault."""
        give_up = time.monotonic() + self._settings.wait_for_engine_s
        while True:
            try:
                return await self._within_limit(batch)
            except UnavailableError as error:
                if time.monotonic() > give_up:
                    raise
                log.warning("engine_unavailable", error=error.message, retry_in_s=error.retry_after_s)
                await asyncio.sleep(error.retry_after_s)

    async def _within_limit(self, batch: Sequence[Entry[J]]) -> Sequence[Outcome]:
        limit_s = self._settings.hung_after_s
        try:
            with self.in_flight.tracking(batch):
                async with asyncio.timeout(limit_s):
                    return await self._handle(batch)
        except TimeoutError:
            raise HungError(f"{len(batch)} entries took more than {limit_s:g} s") from None

    async def _failed(self, batch: Sequence[Entry[J]], error: Exception) -> None:
        """A lone entry stays pending, is claimed again when stale, and in the end becomes a dead letter."""
        metrics.FAILED.labels(self._lane.group, _code(error)).inc()
        if len(batch) > 1:
            log.warning("batch_failed", code=_code(error), error=str(error), entries=len(batch))
            return
        (entry,) = batch
        self._counts["failed"] += 1
        log.exception("entry_failed", code=_code(error), **entry.about)
        if isinstance(error, EntryError):
            await self._dead_letter(entry.shard, entry.id, entry, error, attempts=1)

    async def _left_behind(self) -> list[Entry[J]]:
        """One entry that another worker left behind, if there is any worth another try."""
        claimed = await self._claims.take()
        if claimed is None:
            return []
        shard, raw, attempts = claimed
        for entry in await self._decoded(shard, [raw]):
            if attempts > self._settings.max_attempts:
                error = NovaError(f"failed {attempts - 1} times", code="max_attempts")
                await self._dead_letter(shard, entry.id, entry, error, attempts=attempts - 1)
                continue
            metrics.CLAIMED.labels(self._lane.group).inc()
            log.warning("entry_claimed", attempt=attempts, **entry.about)
            return [entry]
        return []

    async def _dead_letter(
        self, shard: Shard, entry_id: str, entry: Entry[J] | None, error: NovaError, *, attempts: int
    ) -> None:
        reason = {
            "reason": error.code,
            "error": error.message,
            "attempts": str(attempts),
            "worker": self._name,
            "time": str(time.time()),
        }
        await self._streams.dead_letter(shard, self._lane.group, entry_id, entry.job if entry else None, reason)
        metrics.DEAD_LETTERS.labels(self._lane.group, error.code).inc()
        about = entry.about if entry else {"entry": entry_id}
        log.error("entry_dead_lettered", code=error.code, error=error.message, attempts=attempts, **about)


def _worthwhile(previews: Sequence[Entry[J]], finals: Sequence[Entry[J]]) -> list[Entry[J]]:
    """Each session's newest, unless its final is here: those of speech that has just begun first, then the newest."""
    over = {(entry.job.session, entry.job.utterance) for entry in finals}
    newest = {entry.job.session: entry for entry in sorted(previews, key=lambda entry: entry.job.sent_at)}
    wanted = [entry for entry in newest.values() if (entry.job.session, entry.job.utterance) not in over]
    return sorted(wanted, key=lambda entry: (not entry.job.is_first_preview, -entry.job.sent_at))


def _code(error: Exception) -> str:
    return error.code if isinstance(error, NovaError) else type(error).__name__
