"""Processes the batches of a consumer: calls the handler, commits results, retries and dead-letters what failed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic

import structlog

from backend.errors import EntryError, NovaError, UnavailableError
from backend.service import tracing
from backend.service.clock import Clock
from backend.service.settings import WorkerSettings
from backend.streams import metrics
from backend.streams.job_streams import Entry, Failure, J, JobStreams, Outcome
from backend.streams.observe.utilization import Utilization
from backend.streams.redis.connection import retry_until_available
from backend.streams.worker.in_flight import InFlight
from backend.streams.worker.policy import ConsumerPolicy, after_failure
from backend.streams.worker.source import EntrySource, RawEntry

log = structlog.get_logger()


class HungError(NovaError):
    """The handler did not return within the time limit. A thread cannot be stopped, so the process must exit."""

    code = "hung"


# Processes a batch of jobs of one kind, and returns one outcome for each entry, in order, or the reason why no retry of
# this entry can succeed. Raises when the batch, or its only entry, cannot be processed.
Handler = Callable[[Sequence[Entry[J]]], Awaitable[Sequence[Outcome | EntryError]]]


class BatchProcessor(Generic[J]):
    """One consumer's work on the entries that it has read."""

    def __init__(
        self,
        source: EntrySource[J],
        streams: JobStreams,
        settings: WorkerSettings,
        handle: Handler[J],
        clock: Clock,
        policy: ConsumerPolicy[J],
    ) -> None:
        self._source, self._streams, self._handle = source, streams, handle
        self._settings, self._clock, self._policy = settings, clock, policy
        self._job_stream, self._group = source.job_stream, source.job_stream.group
        # The share of the time that finals of live speech take.
        self.utilization = Utilization(clock.monotonic())
        self.in_flight = InFlight(self._group, clock)
        self._counts = {"handled": 0, "failed": 0, "previews": 0}

    def report(self) -> dict[str, float]:
        """Return the number of processed entries and the load, for the heartbeat."""
        load = self.utilization.share(self._clock.monotonic())
        metrics.LOAD.labels(self._group).set(load)
        return {**self._counts, **self.in_flight.report(), "load": round(load, 3)}

    # --- previews

    async def process_previews(self, batch: Sequence[Entry[J]]) -> None:
        """Publish the results. A failed batch is dropped."""
        self.in_flight.record_queue_wait(batch)
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

    async def process_finals(self, batch: Sequence[Entry[J]]) -> None:
        """Process finals of live speech, or of recordings. Their claims are renewed meanwhile."""
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
            await self._retry_alone(batch)

    async def _retry_alone(self, batch: Sequence[Entry[J]]) -> None:
        """Process each entry as a batch of its own, in order."""
        *earlier, last = batch
        if earlier:
            # Each entry has a renewal of its own, which lasts until its turn. A common one would have to begin again
            # after each retry, and short retries would end it before it renews anything.
            async with self._source.keep_claims([last]):
                await self._retry_alone(earlier)
        await self.process_finals([last])

    async def _try_batch(self, batch: Sequence[Entry[J]]) -> Sequence[Outcome | EntryError] | None:
        """Return the outcomes, or None if the batch failed."""
        began, is_live = self._clock.monotonic(), batch[0].job.stream_kind == "final"
        self.utilization.set_active(is_live, began)
        try:
            outcomes = await self._call_until_engine_answers(batch)
        except HungError:
            raise
        except Exception as error:
            await self._handle_failure(batch, error)
            return None
        finally:
            self.utilization.set_active(False, self._clock.monotonic())
        sizer = self._policy.final_sizer if is_live else self._policy.recording_sizer
        sizer.record_duration(self._clock.monotonic() - began, len(batch))
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
        await self.dead_letter(entry, entry, error, attempts=1)

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
            await self.dead_letter(entry, entry, error, attempts=1)

    async def dead_letter(
        self, place: RawEntry | Entry[J], entry: Entry[J] | None, error: NovaError, *, attempts: int
    ) -> None:
        time_s = str(self._clock.wall())
        failure = Failure(error.code, error.message, str(attempts), self._source.name, time_s)
        job = entry.job if entry else None
        kind = place.kind if isinstance(place, RawEntry) else place.job.stream_kind
        await self._streams.dead_letter(place.shard, self._group, place.id, job, failure, kind)
        metrics.DEAD_LETTERS.labels(self._group, error.code).inc()
        fields = entry.log_fields if entry else {"entry": place.id}
        log.error("entry_dead_lettered", code=error.code, error=error.message, attempts=attempts, **fields)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, NovaError) else type(error).__name__
