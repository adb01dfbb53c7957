"""Processes the batches of a consumer: calls the handler, commits results, retries and dead-letters what failed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Generic, TypeAlias

import structlog

from backend.errors import EntryError, NovaError, UnavailableError
from backend.service import tracing
from backend.service.clock import Clock
from backend.service.settings import WorkerSettings
from backend.streams import metrics
from backend.streams.job_streams import Entry, Failure, J, JobStreams, Outcome, Unprocessed
from backend.streams.observe.utilization import Utilization
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.worker.in_flight import InFlight
from backend.streams.worker.policy import ConsumerPolicy, FailureAction, after_failure
from backend.streams.worker.source import EntrySource, RawEntry

log = structlog.get_logger()

# Entries of a consumer that may wait for an engine while it processes others. Each has up to a megabyte of audio.
MAX_ASIDE = 64


class HungError(NovaError):
    """The handler did not return within the time limit. A thread cannot be stopped, so the process must exit."""

    code = "hung"


# The answer to an entry. EntryError: no retry of it can succeed. Unprocessed: it failed, and others may not have.
Answer: TypeAlias = Outcome | EntryError | Unprocessed
# Processes a batch of jobs of one kind, and returns one answer for each entry, in order. Raises when the batch, or its
# only entry, cannot be processed. If the handler returns UnavailableError for some entries, others are processed while
# these wait; if it raises the error, all wait.
Handler = Callable[[Sequence[Entry[J]]], Awaitable[Sequence[Answer]]]
# Entries that failed.
Failed: TypeAlias = list[tuple[Entry[J], Unprocessed]]


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
        # Entries that wait for their engine while others are processed, with a task for each group. One group at a time
        # calls the handler: many would wait for each other in a slow engine, until the handler seems to hang.
        self._aside, self._turn = 0, asyncio.Lock()
        self._tasks: asyncio.TaskGroup | None = None
        self._counts = {"handled": 0, "failed": 0, "previews": 0}

    def report(self) -> dict[str, float]:
        """Return the number of processed entries and the load, for the heartbeat."""
        load = self.utilization.share(self._clock.monotonic())
        metrics.LOAD.labels(self._group).set(load)
        return {**self._counts, **self.in_flight.report(), "load": round(load, 3)}

    # --- previews

    async def process_previews(self, batch: Sequence[Entry[J]]) -> None:
        """Publish the results. Entries that failed are dropped."""
        self.in_flight.record_queue_wait(batch)
        taken_at_s, began = self._clock.wall(), self._clock.monotonic()
        answers = await self._answers(batch)
        self._report_dropped(answers)
        if processed := sum(not isinstance(answer, Unprocessed) for answer in answers):
            self._policy.preview_sizer.record_duration(self._clock.monotonic() - began, processed)
        self._counts["previews"] += processed
        for entry, outcome in zip(batch, answers, strict=True):
            if not isinstance(outcome, Outcome):
                continue
            await self._streams.publish_previews(entry.job.session, outcome.live, outcome.transcript)
            durations = entry.durations(taken_at_s, self._clock.wall())
            log.debug("guessed", batch=len(batch), **durations, **entry.log_fields)

    @staticmethod
    def _report_dropped(answers: Sequence[Answer]) -> None:
        errors = [answer.error for answer in answers if isinstance(answer, Unprocessed)]
        for error in set(errors):  # several entries may have failed with the same one
            log.error("preview_failed", code=_code(error), entries=errors.count(error), exc_info=error)

    # --- finals

    @asynccontextmanager
    async def letting_entries_wait(self) -> AsyncIterator[None]:
        """Enter while entries are processed. The exit waits for those that wait for their engine."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                yield
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._tasks = None

    async def process_finals(self, batch: Sequence[Entry[J]]) -> None:
        """Process finals of live speech, or of recordings. Their claims are renewed meanwhile.

        Results are committed as soon as the handler returns. Then failed entries are retried alone, and those whose
        engine is unavailable wait for it.
        """
        taken_at_s = self._clock.wall()
        for entry in batch:
            tracing.span("queue", entry.traceparent, entry.written_at_s, taken_at_s, lane=self._group)
        async with self._source.keep_claims(batch):
            with self._measuring_load(batch):
                failed = await self._attempt(batch, taken_at_s)
        away, others = _divide(failed)
        if away and self._tasks and self._may_wait_aside(away):
            self._aside += len(away)
            self._tasks.create_task(self._wait_aside(away, taken_at_s))
            failed = others
        with self._measuring_load([entry for entry, _ in failed]):
            await self._finish(failed, len(batch), taken_at_s)

    def _may_wait_aside(self, away: Failed[J]) -> bool:
        is_useful = not any(one.by_all for _, one in away)
        return is_useful and self._aside + len(away) <= MAX_ASIDE

    async def _wait_aside(self, away: Failed[J], taken_at_s: float) -> None:
        """Let the consumer process others while some wait for their engine."""
        try:
            await self._finish(away, len(away), taken_at_s)
        except REDIS_ERRORS as error:
            # They stay pending, and are claimed when they are stale.
            log.warning("redis_unavailable", error=str(error), entries=len(away))
        finally:
            self._aside -= len(away)

    async def _finish(self, failed: Failed[J], tried_together: int, taken_at_s: float) -> None:
        """Retry entries that failed, or wait for their engine."""
        away, others = _divide(failed)
        waiting = [entry for entry, _ in away]
        async with self._source.keep_claims(waiting):
            await self._retry(others, tried_together)
            failed = await self._wait_for_engine(away, taken_at_s)
        await self._retry(failed, len(waiting))

    async def _retry(self, failed: Failed[J], tried_together: int) -> None:
        """Retry the entries that failed together with others. One that failed alone is not retried here."""
        for code in {_code(one.error) for _, one in failed}:
            metrics.FAILED.labels(self._group, code).inc()
        alone: list[Entry[J]] = []
        for entry, one in failed:
            action = after_failure(one.error, tried_together)
            if action == "retry_alone":
                alone.append(entry)
            else:
                await self._give_up(entry, one.error, action)
        if alone:
            log.warning("batch_failed", errors=sorted({repr(one.error) for _, one in failed}), entries=len(alone))
            await self._retry_alone(alone)

    async def _retry_alone(self, batch: Sequence[Entry[J]]) -> None:
        """Process each entry as a batch of its own, in order."""
        *earlier, last = batch
        if earlier:
            # Each entry has a renewal of its own, which lasts until its turn. A common one would have to begin again
            # after each retry, and short retries would end it before it renews anything.
            async with self._source.keep_claims([last]):
                await self._retry_alone(earlier)
        await self.process_finals([last])

    @contextmanager
    def _measuring_load(self, batch: Sequence[Entry[J]]) -> Iterator[None]:
        """Enter while finals are processed, or wait for their engine."""
        is_live = bool(batch) and batch[0].job.stream_kind == "final"
        self.utilization.set_active(is_live, self._clock.monotonic())
        try:
            yield
        finally:
            self.utilization.set_active(False, self._clock.monotonic())

    async def _attempt(self, batch: Sequence[Entry[J]], taken_at_s: float) -> Failed[J]:
        """Call the handler once and commit the results. Returns the entries that failed."""
        began = self._clock.monotonic()
        answers = await self._answers(batch)
        answered = list(zip(batch, answers, strict=True))
        failed = [(entry, answer) for entry, answer in answered if isinstance(answer, Unprocessed)]
        if processed := len(batch) - len(failed):
            is_live = batch[0].job.stream_kind == "final"
            sizer = self._policy.final_sizer if is_live else self._policy.recording_sizer
            sizer.record_duration(self._clock.monotonic() - began, processed)
        for entry, answer in answered:
            if isinstance(answer, EntryError):
                await self._refuse(entry, answer)
            elif isinstance(answer, Outcome):
                await self._commit(entry, answer, taken_at_s, len(batch))
        return failed

    async def _commit(self, entry: Entry[J], outcome: Outcome, taken_at_s: float, batch_size: int) -> None:
        with tracing.stage("publish", [entry], lane=self._group):
            result = await retry_until_available(partial(self._job_stream.commit, self._streams, entry, outcome))
        self._counts["handled"] += 1
        durations = entry.durations(taken_at_s, self._clock.wall())
        log.info("handled", took_effect=result == "committed", batch=batch_size, **durations, **entry.log_fields)

    async def _wait_for_engine(self, away: Failed[J], taken_at_s: float) -> Failed[J]:
        """Repeat entries whose remote engine is unavailable, up to a limit: it is not their fault.

        Returns those that failed otherwise, or whose engine stays unavailable.
        """
        give_up_at = self._clock.monotonic() + self._settings.wait_for_engine_s
        failed: Failed[J] = []
        while away and self._clock.monotonic() <= give_up_at:
            # The engine, or the circuit breaker in front of it, says when to retry, so no backoff is needed.
            delay_s = max(_retry_after_s(one) for _, one in away)
            log.warning("engine_unavailable", error=str(away[0][1].error), retry_in_s=delay_s, entries=len(away))
            await asyncio.sleep(delay_s)
            async with self._turn:
                found = await self._attempt([entry for entry, _ in away], taken_at_s)
            away, others = _divide(found)
            failed += others
        return [*failed, *away]

    async def _answers(self, batch: Sequence[Entry[J]]) -> Sequence[Answer]:
        """Call the handler. If it fails, so does each entry."""
        try:
            return await self._call_handler(batch)
        except HungError:
            raise
        except Exception as error:
            return [Unprocessed(error, by_all=True)] * len(batch)

    async def _call_handler(self, batch: Sequence[Entry[J]]) -> Sequence[Answer]:
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

    async def _give_up(self, entry: Entry[J], error: Exception, action: FailureAction) -> None:
        self._counts["failed"] += 1
        log.error("entry_failed", code=_code(error), exc_info=error, **entry.log_fields)
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


def _divide(failed: Failed[J]) -> tuple[Failed[J], Failed[J]]:
    """Those whose engine is unavailable, and all others."""
    away = [one for one in failed if isinstance(one[1].error, UnavailableError)]
    return away, [one for one in failed if not isinstance(one[1].error, UnavailableError)]


def _retry_after_s(one: Unprocessed) -> float:
    return one.error.retry_after_s if isinstance(one.error, UnavailableError) else 0.0
