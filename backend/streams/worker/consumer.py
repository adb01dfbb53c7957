"""The consume loop of every worker. A worker is its settings, its model, and a `Handler`.

Finals must not be lost. They stay pending until their result is committed, and their claims are renewed meanwhile.
Entries of a worker that died are claimed and retried alone: an entry that kills its worker affects no other. An entry
that failed `max_attempts` times becomes a dead letter. Previews are best effort. `policy.py` makes the decisions.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic

import structlog

from backend.backoff import Backoff
from backend.errors import EntryError, NovaError, UnavailableError
from backend.service import tracing
from backend.service.settings import WorkerSettings
from backend.streams import metrics
from backend.streams.job_streams import Entry, Failure, J, JobStreams, Outcome
from backend.streams.observe.utilization import Utilization
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.worker.clock import SYSTEM_CLOCK, Clock
from backend.streams.worker.in_flight import InFlight
from backend.streams.worker.policy import ConsumerPolicy, PreviewPool, after_failure
from backend.streams.worker.source import EntrySource, RawEntry

log = structlog.get_logger()


class HungError(NovaError):
    """The handler did not return within the time limit. A thread cannot be stopped, so the process must exit."""

    code = "hung"


# Processes a batch of jobs of one kind, and returns one outcome for each entry, in order, or the reason why no retry of
# this entry can succeed. Raises when the batch, or its only entry, cannot be processed.
Handler = Callable[[Sequence[Entry[J]]], Awaitable[Sequence[Outcome | EntryError]]]


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
    ) -> None:
        """`previews` is shared by the consumers of a process; None: this consumer is the only one."""
        self._source, self._streams, self._handle = source, streams, handle
        self._settings, self._clock = settings, clock
        self._job_stream, self._group = source.job_stream, source.job_stream.group
        self._policy: ConsumerPolicy[J] = ConsumerPolicy(
            settings, clock.monotonic(), sweep_phase=random.random(), previews=previews
        )
        self._utilization = Utilization(clock.monotonic())
        self.in_flight = InFlight(self._group, clock)
        self._counts = {"handled": 0, "failed": 0, "previews": 0}

    def report(self) -> dict[str, float]:
        """Return the number of processed entries and the load, for the heartbeat."""
        load = self._utilization.share(self._clock.monotonic())
        metrics.LOAD.labels(self._group).set(load)
        return {**self._counts, **self.in_flight.report(), "load": round(load, 3)}

    async def consume_until(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then finish the entries that were read. Reconnects when Redis was unavailable.

        Raises HungError when the handler hangs. Its entries stay pending, and other workers claim them.
        """
        backoff = Backoff()
        async with self._source:
            while not stop.is_set():
                try:
                    await self._run_cycle()
                    backoff.reset()
                except REDIS_ERRORS as error:
                    delay_s = backoff.next_delay_s()
                    log.warning("redis_unavailable", error=str(error), retry_in_s=round(delay_s, 3))
                    await asyncio.sleep(delay_s)
            await self._leave()

    async def hand_back(self) -> None:
        """Let other workers claim the entries of this one at once. For a loop that did not end in time."""
        try:
            entries = await self._source.hand_back()
            log.warning("entries_handed_back", entries=entries)
        except REDIS_ERRORS as error:
            # Other workers claim them when they are stale.
            log.warning("entries_not_handed_back", error=str(error))

    async def _run_cycle(self) -> None:
        # Process claimed entries first and one at a time: they have waited longest, and one of them may have killed its
        # worker.
        if finals := await self._claim_final() or await self._read_finals():
            await self._process_finals(finals)
        if previews := self._policy.next_previews(self._clock.wall()):
            self.in_flight.record_queue_wait(previews)
            await self._process_previews(previews)
        sweeps = self._policy.should_sweep(self._clock.monotonic())
        if sweeps and (deleted := await self._source.delete_idle_consumers()):
            log.info("abandoned_consumers_swept", consumers=deleted)

    async def _leave(self) -> None:
        try:
            if finals := await self._accept(await self._source.finish_reads()):
                await self._process_finals(finals)
            await self._source.leave()
        except REDIS_ERRORS as error:
            # The consumer stays in the group until another worker deletes it as idle.
            log.warning("left_without_goodbye", error=str(error))

    # --- reading

    async def _claim_final(self) -> list[Entry[J]]:
        """Claim one stale entry. Dead-letter it if it has failed too often."""
        if not self._policy.should_claim(self._clock.monotonic()):
            return []
        claimed = await self._source.claim_stale_entry()
        self._policy.record_claim(claimed is not None, self._clock.monotonic())
        entry = await self._decode_final(claimed.raw) if claimed else None
        if claimed is None or entry is None:
            return []
        if self._policy.is_exhausted(claimed.deliveries):
            failures = claimed.deliveries - 1
            error = NovaError(f"failed {failures} times", code="max_attempts")
            await self._dead_letter(claimed.raw, entry, error, attempts=failures)
            return []
        metrics.CLAIMED.labels(self._group).inc()
        log.warning("entry_claimed", attempt=claimed.deliveries, **entry.log_fields)
        self.in_flight.record_queue_wait([entry])
        return [entry]

    async def _read_finals(self) -> list[Entry[J]]:
        sizer = self._policy.final_sizer
        finals = await self._accept(await self._source.read(sizer.size, wait=self._policy.may_wait))
        sizer.record_read(len(finals))
        return finals

    async def _accept(self, raw: Sequence[RawEntry]) -> list[Entry[J]]:
        """Decode entries. Finals are returned; previews go to the policy."""
        finals = [entry for one in raw if one.kind == "final" and (entry := await self._decode_final(one))]
        previews = [entry for one in raw if one.kind == "preview" and (entry := self._decode_preview(one))]
        self._policy.add_previews(previews, finals)
        self.in_flight.record_queue_wait(finals)
        return finals

    async def _decode_final(self, raw: RawEntry) -> Entry[J] | None:
        try:
            return raw.decode(self._job_stream)
        except EntryError as error:
            await self._dead_letter(raw, None, error, attempts=1)
            return None

    def _decode_preview(self, raw: RawEntry) -> Entry[J] | None:
        try:
            return raw.decode(self._job_stream)
        except EntryError:
            return None

    # --- previews

    async def _process_previews(self, batch: Sequence[Entry[J]]) -> None:
        taken_at_s, began = self._clock.wall(), self._clock.monotonic()
        try:
            outcomes = await self._call_handler(batch)
        except HungError:
            raise
        except Exception as error:
            log.exception("preview_failed", code=_code(error), entries=len(batch))
            return
        self._policy.preview_sizer.record_duration(self._clock.monotonic() - began, len(batch))
        self._counts["previews"] += len(batch)
        for entry, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, EntryError):
                continue
            await self._streams.publish_previews(entry.job.session, outcome.live, outcome.transcript)
            durations = entry.durations(taken_at_s, self._clock.wall())
            log.debug("guessed", batch=len(batch), **durations, **entry.log_fields)

    # --- finals

    async def _process_finals(self, batch: Sequence[Entry[J]]) -> None:
        async with self._source.keep_claims(batch):
            taken_at_s = self._clock.wall()
            for entry in batch:
                tracing.span("queue", entry.traceparent, entry.written_at_s, taken_at_s, lane=self._group)
            outcomes = await self._try_batch(batch)
            if outcomes is not None:
                for entry, outcome in zip(batch, outcomes, strict=True):
                    if isinstance(outcome, EntryError):
                        await self._refuse(entry, outcome)
                    else:
                        await self._commit(entry, outcome, taken_at_s, len(batch))
                return
        if len(batch) > 1:
            for entry in batch:
                await self._process_finals([entry])

    async def _try_batch(self, batch: Sequence[Entry[J]]) -> Sequence[Outcome | EntryError] | None:
        """Return the outcomes, or None if the batch failed."""
        began = self._clock.monotonic()
        self._utilization.set_active(True, began)
        try:
            outcomes = await self._call_until_engine_answers(batch)
        except HungError:
            raise
        except Exception as error:
            await self._handle_failure(batch, error)
            return None
        finally:
            self._utilization.set_active(False, self._clock.monotonic())
        self._policy.final_sizer.record_duration(self._clock.monotonic() - began, len(batch))
        return outcomes

    async def _commit(self, entry: Entry[J], outcome: Outcome, taken_at_s: float, batch_size: int) -> None:
        with tracing.stage("publish", [entry], lane=self._group):
            result = await retry_until_available(partial(self._job_stream.commit, self._streams, entry, outcome))
        self._counts["handled"] += 1
        durations = entry.durations(taken_at_s, self._clock.wall())
        log.info("handled", took_effect=result == "committed", batch=batch_size, **durations, **entry.log_fields)

    async def _call_until_engine_answers(self, batch: Sequence[Entry[J]]) -> Sequence[Outcome | EntryError]:
        """Wait for a remote engine that is unavailable, up to a limit: it is not the fault of the entries."""
        give_up_at = self._clock.monotonic() + self._settings.wait_for_engine_s
        while True:
            try:
                return await self._call_handler(batch)
            except UnavailableError as error:
                if self._clock.monotonic() > give_up_at:
                    raise
                # The engine, or the circuit breaker in front of it, says when to retry, so no backoff is needed.
                log.warning("engine_unavailable", error=error.message, retry_in_s=error.retry_after_s)
                await asyncio.sleep(error.retry_after_s)

    async def _call_handler(self, batch: Sequence[Entry[J]]) -> Sequence[Outcome | EntryError]:
        limit_s = self._settings.hung_after_s
        try:
            with self.in_flight.tracking(batch):
                async with asyncio.timeout(limit_s):
                    return await self._handle(batch)
        except TimeoutError:
            raise HungError(f"{len(batch)} entries took more than {limit_s:g} s") from None

    # --- failures

    async def _refuse(self, entry: Entry[J], error: EntryError) -> None:
        metrics.FAILED.labels(self._group, error.code).inc()
        self._counts["failed"] += 1
        await self._dead_letter(entry, entry, error, attempts=1)

    async def _handle_failure(self, batch: Sequence[Entry[J]], error: Exception) -> None:
        metrics.FAILED.labels(self._group, _code(error)).inc()
        action = after_failure(error, len(batch))
        if action == "retry_alone":
            log.warning("batch_failed", code=_code(error), error=str(error), entries=len(batch))
            return
        (entry,) = batch
        self._counts["failed"] += 1
        log.exception("entry_failed", code=_code(error), **entry.log_fields)
        if action == "dead_letter" and isinstance(error, EntryError):
            await self._dead_letter(entry, entry, error, attempts=1)

    async def _dead_letter(
        self, place: RawEntry | Entry[J], entry: Entry[J] | None, error: NovaError, *, attempts: int
    ) -> None:
        time_s = str(self._clock.wall())
        failure = Failure(error.code, error.message, str(attempts), self._source.name, time_s)
        job = entry.job if entry else None
        await self._streams.dead_letter(place.shard, self._group, place.id, job, failure)
        metrics.DEAD_LETTERS.labels(self._group, error.code).inc()
        fields = entry.log_fields if entry else {"entry": place.id}
        log.error("entry_dead_lettered", code=error.code, error=error.message, attempts=attempts, **fields)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, NovaError) else type(error).__name__
