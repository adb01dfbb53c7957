"""The consume loop of every worker. A worker is its settings, its model, and a `Handler`.

Finals must not be lost. They stay pending until their result is committed, and their claims are renewed meanwhile.
Entries of a worker that died are claimed and retried alone: an entry that kills its worker affects no other. An entry
that failed `max_attempts` times becomes a dead letter. Previews are best effort. Finals of recordings come after those
of live speech and after previews. `policy.py` makes the decisions.
"""

import asyncio
import math
import random
from collections.abc import Sequence
from typing import Generic

import structlog

from backend.backoff import Backoff
from backend.errors import EntryError, NovaError
from backend.messages.jobs import StreamKind
from backend.service.clock import SYSTEM_CLOCK, Clock
from backend.service.settings import WorkerSettings
from backend.streams import metrics
from backend.streams.job_streams import Entry, J, JobStreams
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.worker.batch_processor import BatchProcessor, Handler
from backend.streams.worker.policy import ConsumerPolicy, PreviewPool, RecordingShare
from backend.streams.worker.source import EntrySource, RawEntry

log = structlog.get_logger()


class Consumer(Generic[J]):
    """Reads entries, hands them to the handler, and commits the results."""

    def __init__(
        self,
        source: EntrySource[J],
        streams: JobStreams,
        settings: WorkerSettings,
        handle: Handler[J],
        clock: Clock = SYSTEM_CLOCK,
        previews: PreviewPool[J] | None = None,
        recordings: RecordingShare | None = None,
    ) -> None:
        """The consumers of a process share `previews` and `recordings`; None: this consumer is the only one."""
        self._source, self._clock = source, clock
        self._job_stream, self._group = source.job_stream, source.job_stream.group
        self._policy: ConsumerPolicy[J] = ConsumerPolicy(
            settings, clock.monotonic(), sweep_phase=random.random(), previews=previews
        )
        self._processor = BatchProcessor(source, streams, settings, handle, clock, self._policy)
        self._recordings = recordings or RecordingShare(clock.monotonic())
        self._recordings.include(self._processor.utilization)
        self.in_flight, self.report = self._processor.in_flight, self._processor.report

    async def consume_until(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then finish the entries that were read. Reconnects when Redis was unavailable.

        Raises HungError when the handler hangs. Its entries stay pending, and other workers claim them.
        """
        async with self._source:
            async with self._processor.letting_entries_wait():
                await self._run_cycles(stop)
            await self._leave()

    async def _run_cycles(self, stop: asyncio.Event) -> None:
        backoff = Backoff()
        while not stop.is_set():
            try:
                await self._run_cycle()
                backoff.reset()
            except REDIS_ERRORS as error:
                delay_s = backoff.next_delay_s()
                log.warning("redis_unavailable", error=str(error), retry_in_s=round(delay_s, 3))
                await asyncio.sleep(delay_s)
        await self._finish_reads()

    async def hand_back(self) -> None:
        """Let other workers claim the entries of this one at once. For a loop that did not end in time."""
        try:
            entries = await self._source.hand_back()
            log.warning("entries_handed_back", entries=entries)
        except REDIS_ERRORS as error:
            # Other workers claim them when they are stale.
            log.warning("entries_not_handed_back", error=str(error))

    async def _run_cycle(self) -> None:
        with self._recordings.slot(self._clock.monotonic()) as granted:
            at_most_s = self._recordings.rest_s(self._clock.monotonic())
            is_idle, recordings = await self._process_live(wait=not granted, at_most_s=at_most_s)
            is_due = self._recordings.is_due(self._clock.monotonic())
            if granted and (is_idle or is_due):
                recordings = await self._take_recordings(is_idle)
            if granted and is_idle and not (recordings or is_due):
                _, recordings = await self._process_live(wait=True, recording=True)
            if recordings:
                await self._process_recordings(recordings)
        sweeps = self._policy.should_sweep(self._clock.monotonic())
        if sweeps and (deleted := await self._source.delete_idle_consumers()):
            log.info("abandoned_consumers_swept", consumers=deleted)

    async def _finish_reads(self) -> None:
        try:
            finals, _ = await self._accept(await self._source.finish_reads())
            if finals:
                await self._processor.process_finals(finals)
        except REDIS_ERRORS as error:
            # The entries stay pending until another worker claims them.
            log.warning("reads_not_finished", error=str(error))

    async def _leave(self) -> None:
        try:
            await self._source.leave()
        except REDIS_ERRORS as error:
            # The consumer stays in the group until another worker deletes it as idle.
            log.warning("left_without_goodbye", error=str(error))

    async def _process_live(
        self, *, wait: bool, recording: bool = False, at_most_s: float = math.inf
    ) -> tuple[bool, list[Entry[J]]]:
        """Process finals and previews. Return whether there were none, and the recording that ended the wait."""
        # Process claimed entries first and one at a time: they have waited longest, and one of them may have killed its
        # worker.
        finals, recordings = await self._claim("final"), list[Entry[J]]()
        if not finals:
            finals, recordings = await self._read(wait and self._policy.may_wait, recording, at_most_s)
        async with self._source.keep_claims(recordings):
            if finals:
                await self._processor.process_finals(finals)
            previews = self._policy.next_previews(self._clock.wall())
            if previews:
                await self._processor.process_previews(previews)
        if finals or previews:
            self._recordings.record_live(self._clock.monotonic())
        return not (finals or previews), recordings

    # --- reading

    async def _claim(self, kind: StreamKind) -> list[Entry[J]]:
        """Claim one stale entry. Dead-letter it if it has failed too often."""
        if not self._policy.should_claim(kind, self._clock.monotonic()):
            return []
        claimed = await self._source.claim_stale_entry(kind)
        self._policy.record_claim(kind, claimed is not None, self._clock.monotonic())
        entry = await self._decode_final(claimed.raw) if claimed else None
        if claimed is None or entry is None:
            return []
        if self._policy.is_exhausted(claimed.deliveries):
            failures = claimed.deliveries - 1
            error = NovaError(f"failed {failures} times", code="max_attempts")
            await self._processor.dead_letter(claimed.raw, entry, error, attempts=failures)
            return []
        metrics.CLAIMED.labels(self._group).inc()
        log.warning("entry_claimed", attempt=claimed.deliveries, **entry.log_fields)
        self.in_flight.record_queue_wait([entry])
        return [entry]

    async def _read(self, wait: bool, recording: bool, at_most_s: float) -> tuple[list[Entry[J]], list[Entry[J]]]:
        sizer = self._policy.final_sizer
        raw = await self._source.read(sizer.size, wait=wait, recording=recording, at_most_s=at_most_s)
        finals, recordings = await self._accept(raw)
        sizer.record_read(len(finals))
        return finals, recordings

    async def _accept(self, raw: Sequence[RawEntry]) -> tuple[list[Entry[J]], list[Entry[J]]]:
        """Decode entries. Finals and recordings are returned; previews go to the policy."""
        durable = [entry for one in raw if one.kind != "preview" and (entry := await self._decode_final(one))]
        previews = [entry for one in raw if one.kind == "preview" and (entry := self._decode_preview(one))]
        finals = [entry for entry in durable if entry.job.stream_kind == "final"]
        self._policy.add_previews(previews, finals)
        self.in_flight.record_queue_wait(durable)
        return finals, [entry for entry in durable if entry.job.stream_kind == "recording"]

    async def _decode_final(self, raw: RawEntry) -> Entry[J] | None:
        try:
            return raw.decode(self._job_stream)
        except EntryError as error:
            await self._processor.dead_letter(raw, None, error, attempts=1)
            return None

    def _decode_preview(self, raw: RawEntry) -> Entry[J] | None:
        try:
            return raw.decode(self._job_stream)
        except EntryError:
            return None

    # --- recordings

    async def _take_recordings(self, is_idle: bool) -> list[Entry[J]]:
        """Claim an entry of a recording, or read as many as are processed now."""
        is_live = not is_idle or self._recordings.is_live(self._clock.monotonic())
        count = 1 if is_live else self._policy.recording_sizer.size
        entries = await self._claim("recording")
        if not entries and not (entries := (await self._accept(await self._source.read_recordings(count)))[1]):
            self._recordings.skip(self._clock.monotonic())
        return entries

    async def _process_recordings(self, batch: list[Entry[J]]) -> None:
        began, began_s = self._clock.monotonic(), self._clock.wall()
        self._recordings.begin()
        try:
            await self._processor.process_finals(batch)
        finally:
            now = self._clock.monotonic()
            self._recordings.end(now, now - began)
            self._policy.record_recording(began_s, self._clock.wall())
