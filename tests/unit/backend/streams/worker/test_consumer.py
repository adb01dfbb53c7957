"""The consume loop, on streams in memory and in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from backend.errors import EntryError, UnavailableError
from backend.messages.jobs import AudioJob, PartialResult
from backend.messages.protocol import Error, Final
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import AUDIO, Entry, Failure, Outcome, Unprocessed
from backend.streams.names import STT_GROUP
from backend.streams.worker import batch_processor
from backend.streams.worker.batch_processor import Answer, HungError
from backend.streams.worker.consumer import Consumer
from backend.streams.worker.policy import RecordingShare
from tests.testkit.streams.jobs import PCM, RECORD, final_of, job
from tests.testkit.streams.memory import MemoryEntrySource, MemoryFanout, MemorySessions, MemoryStreams
from tests.testkit.streams.virtual_time import loop_clock, virtual_time


class Model:
    """A handler that notes its batches, takes some time, and fails as configured."""

    def __init__(self, takes_s: float = 0.1, fails: Callable[[AudioJob], Exception | None] = lambda job: None) -> None:
        self.batches: list[list[tuple[str, int]]] = []
        self.kinds: list[str] = []
        self._takes_s, self._fails = takes_s, fails

    async def __call__(self, batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        self.batches.append([(entry.job.session, entry.job.utterance) for entry in batch])
        self.kinds.append(batch[0].job.stream_kind)
        assert len({entry.job.stream_kind for entry in batch}) == 1
        await asyncio.sleep(self._takes_s)
        for entry in batch:
            if error := self._fails(entry.job):
                raise error
        return [final_of(entry.job) if entry.job.kind == "final" else Outcome() for entry in batch]


class System:
    """Streams in memory, and workers on them."""

    def __init__(self, shards: int = 1) -> None:
        self.streams = MemoryStreams(loop_clock(), shards)
        self.sessions = MemorySessions(self.streams)

    def consumer(
        self, handle: Any, name: str = "w", recordings: RecordingShare | None = None, **settings: Any
    ) -> Consumer[AudioJob]:
        chosen = WorkerSettings(**settings)
        source = MemoryEntrySource(self.streams, AUDIO, name, chosen)
        return Consumer(source, self.streams, chosen, handle, self.streams.clock, recordings=recordings)

    @asynccontextmanager
    async def working(self, handle: Any, name: str = "w", **settings: Any) -> AsyncIterator[Consumer[AudioJob]]:
        stop, consumer = asyncio.Event(), self.consumer(handle, name, **settings)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(consumer.consume_until(stop))
            yield consumer
            stop.set()

    async def submit(self, *utterances: int, session: str = "s", **more: Any) -> None:
        lease = await self.sessions.open(session, "t", RECORD)
        for utterance in utterances:
            await lease.submit_audio(job(utterance, session=session, **more), PCM, early=False)

    async def preview(self, session: str) -> None:
        sent_at = self.streams.clock.wall()
        sent = job(1, kind="preview", session=session, committed="so far", sent_at=sent_at)
        await self.streams.submit_preview(sent, PCM)

    async def crash_with(self, count: int, *, recordings: int = 0) -> None:
        """A worker reads entries and is killed."""
        async with MemoryEntrySource(self.streams, AUDIO, "dead", WorkerSettings()) as source:
            assert len(await source.read(count, wait=False)) == count
            for _ in range(recordings):
                assert len(await source.read_recordings(1)) == 1

    async def events(self, session: str = "s") -> list[Any]:
        return [message.event async for message in self.sessions.read_log(session, "0-0")]

    def failures(self) -> list[Failure]:
        dead = self.streams.stream(self.streams.shards[0].dead(STT_GROUP))
        return [Failure.read(fields) for fields in dead.entries.values()]


@virtual_time
async def test_a_full_stream_is_processed_in_growing_batches() -> None:
    system, model = System(), Model()
    for number in range(8):
        await system.submit(1, session=f"s{number}")
    async with system.working(model, batch=8):
        await asyncio.sleep(5)
    sizes = [len(batch) for batch in model.batches]
    assert sum(sizes) == 8
    assert sizes[0] == 1, "the cost of an entry is not known yet"
    assert max(sizes) > 1


@virtual_time
async def test_one_bad_entry_does_not_fail_the_others_of_its_batch() -> None:
    system = System()
    model = Model(fails=lambda job: ValueError("broken") if job.utterance == 3 else None)
    await system.submit(1, 2, 3, 4, 5)
    async with system.working(model, claim_after_ms=1_000, max_attempts=2):
        await asyncio.sleep(10)
    assert [type(event) for event in await system.events()] == [Final, Final, Error, Final, Final]
    assert [(failure.reason, failure.attempts) for failure in system.failures()] == [("max_attempts", "2")]


@virtual_time
async def test_an_entry_is_retried_after_the_claim_timeout_until_its_attempts_are_used_up() -> None:
    system, times = System(), []
    await system.submit(1)

    async def fail(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        times.append(system.streams.clock.monotonic())
        raise ValueError("broken")

    async with system.working(fail, claim_after_ms=3_000, max_attempts=4):
        await asyncio.sleep(60)
    assert len(times) == 4
    assert all(3.0 <= later - earlier <= 4.1 for earlier, later in pairwise(times))
    assert [failure.attempts for failure in system.failures()] == ["4"]


@virtual_time
async def test_an_entry_that_no_worker_can_process_becomes_a_dead_letter_at_once() -> None:
    system = System()
    model = Model(fails=lambda job: EntryError("refused", code="audio_refused") if job.utterance == 1 else None)
    await system.submit(1, 2)
    async with system.working(model):
        await asyncio.sleep(1)
    assert [(failure.reason, failure.error) for failure in system.failures()] == [("audio_refused", "refused")]
    assert [type(event) for event in await system.events()] == [Error, Final]


@virtual_time
async def test_an_unreadable_entry_becomes_a_dead_letter_at_once() -> None:
    system, model = System(), Model()
    finals = system.streams.shards[0].audio("final")
    system.streams.add(finals, {b"h": b"{}", b"p": PCM})
    system.streams.add(finals, {b"h": job(1, kind="preview").model_dump_json().encode(), b"p": PCM})
    async with system.working(model):
        await asyncio.sleep(1)
    assert [failure.reason for failure in system.failures()] == ["undecodable_entry"] * 2
    assert model.batches == []


@virtual_time
async def test_entries_of_a_killed_worker_are_claimed_and_processed_alone() -> None:
    system, model = System(), Model()
    for number in range(4):
        await system.submit(1, session=f"s{number}")
    await system.crash_with(4)
    async with system.working(model, claim_after_ms=2_000):
        await asyncio.sleep(1.9)
        assert model.batches == [], "the worker may still be alive"
        await asyncio.sleep(5)
    assert [len(batch) for batch in model.batches] == [1, 1, 1, 1]


@virtual_time
async def test_a_slow_batch_is_not_claimed_by_another_worker() -> None:
    system, slow, other = System(), Model(takes_s=30), Model()
    await system.submit(1)
    async with system.working(slow, "slow"):
        await asyncio.sleep(1)
        async with system.working(other, "other", claim_after_ms=1_000):
            await asyncio.sleep(40)
    assert (len(slow.batches), other.batches) == (1, [])


@pytest.mark.parametrize("takes_s", [0.4, 0.9, 1.5, 4.0])
@virtual_time
async def test_entries_that_wait_while_a_failed_batch_is_retried_stay_claimed(takes_s: float) -> None:
    """Claims last for 3 s and are renewed every second. A batch and each retry take less, about as much, and more."""
    system, model = System(), Model(takes_s)
    await system.submit(*range(1, 16))

    async def fail_batches(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        outcomes = await model(batch)
        if len(batch) > 1:
            raise ValueError("broken")
        return outcomes

    other = MemoryEntrySource(system.streams, AUDIO, "other", WorkerSettings(claim_after_ms=3_000))
    async with system.working(fail_batches, claim_after_ms=3_000):
        while len(await system.events()) < 15:
            assert await other.claim_stale_entry("final") is None
            await asyncio.sleep(0.1)
    assert [len(batch) for batch in model.batches if len(batch) > 1] == [2, 4, 8]
    assert [batch for batch in model.batches if len(batch) == 1] == [[("s", number)] for number in range(1, 16)]


@virtual_time
async def test_an_entry_that_fails_alone_is_claimed_while_others_of_its_batch_wait() -> None:
    system = System()
    model = Model(takes_s=2.0, fails=lambda job: ValueError("broken") if job.utterance == 4 else None)
    await system.submit(*range(1, 8))
    other = MemoryEntrySource(system.streams, AUDIO, "other", WorkerSettings(claim_after_ms=3_000))
    claimed: list[int] = []
    async with system.working(model, claim_after_ms=3_000):
        while [("s", 7)] not in model.batches:
            entry = await other.claim_stale_entry("final")
            claimed += [entry.raw.decode(AUDIO).job.utterance] if entry else []
            await asyncio.sleep(0.1)
    assert claimed == [4]


@virtual_time
async def test_previews_of_new_speech_come_first_and_late_or_finished_ones_are_dropped() -> None:
    system, model = System(), Model(takes_s=0.01)
    now = system.streams.clock.wall()

    async def preview(utterance: int, session: str, age_s: float, committed: str = "so far") -> None:
        sent = job(utterance, kind="preview", session=session, committed=committed, sent_at=now - age_s)
        await system.streams.submit_preview(sent, PCM)

    await preview(1, "late", 60.0)
    await preview(2, "superseded", 0.4)
    await preview(3, "superseded", 0.3)
    await preview(4, "new", 0.2, committed="")
    await preview(5, "newest", 0.1)
    await preview(6, "finished", 0.0)
    await system.submit(6, session="finished")
    async with system.working(model):
        await asyncio.sleep(1)
    processed = [key for batch in model.batches for key in batch]
    assert processed == [("finished", 6), ("new", 4), ("superseded", 3), ("newest", 5)]


@virtual_time
async def test_a_failed_preview_is_dropped() -> None:
    system, model = System(), Model(fails=lambda job: ValueError("broken"))
    sent_at = system.streams.clock.wall()
    await system.streams.submit_preview(job(1, kind="preview", sent_at=sent_at), PCM)
    async with system.working(model, claim_after_ms=100) as consumer:
        await asyncio.sleep(10)
        assert consumer.report()["failed"] == 0
    assert model.batches == [[("s", 1)]]
    assert system.failures() == []


@virtual_time
async def test_an_entry_that_its_handler_refuses_is_dead_lettered_alone() -> None:
    system, model = System(), Model()
    await system.submit(1, 2, 3)

    async def refuse_second(batch: Sequence[Entry[AudioJob]]) -> list[Outcome | EntryError]:
        refusal = EntryError("no such language", code="unsupported_language")
        answers = zip(batch, await model(batch), strict=True)
        return [refusal if entry.job.utterance == 2 else outcome for entry, outcome in answers]

    async with system.working(refuse_second) as consumer:
        await asyncio.sleep(1)
        report = consumer.report()
    assert sum(map(len, model.batches)) == 3, "nothing is processed twice"
    assert (report["handled"], report["failed"]) == (2, 1)
    assert [failure.reason for failure in system.failures()] == ["unsupported_language"]
    assert [type(event) for event in await system.events()] == [Final, Error, Final]


@virtual_time
async def test_an_unavailable_engine_is_waited_for_and_no_attempt_is_counted() -> None:
    system, answers = System(), [UnavailableError("away", retry_after_s=10.0)] * 5
    model = Model(fails=lambda job: answers.pop() if answers else None)
    await system.submit(1)
    async with system.working(model, claim_after_ms=1_000, max_attempts=1):
        await asyncio.sleep(120)
    assert len(model.batches) == 6
    assert [type(event) for event in await system.events()] == [Final]


class TwoModels(Model):
    """A handler with two models. The one of sessions whose names begin with "zh" fails some times."""

    def __init__(self, error: Exception, failures: int, takes_s: float = 0.1) -> None:
        super().__init__(takes_s)
        self._error, self._failures = error, failures

    async def answer(self, batch: Sequence[Entry[AudioJob]]) -> list[Answer]:
        outcomes = await self(batch)
        chinese = [entry.job.session.startswith("zh") for entry in batch]
        if not any(chinese) or not self._failures:
            return [*outcomes]
        self._failures -= 1
        return [Unprocessed(self._error) if fails else one for one, fails in zip(outcomes, chinese, strict=True)]

    def attempts(self, sessions: Sequence[str]) -> list[int]:
        """How often the utterance of each session was handled."""
        return [sum((session, 1) in batch for batch in self.batches) for session in sessions]


ENGLISH, CHINESE = ("en-1", "en-2", "en-3"), ("zh-1", "zh-2", "zh-3")


async def submit_mixed(system: System) -> None:
    """The first batch has one entry, and the next one has entries of both models."""
    for session in ("en-1", "zh-1", "zh-2", "en-2", "en-3", "zh-3"):
        await system.submit(1, session=session)


async def finals(system: System, sessions: Sequence[str]) -> int:
    return sum([len(await system.events(session)) for session in sessions])


@virtual_time
async def test_only_entries_whose_engine_is_unavailable_wait_for_it() -> None:
    system, model = System(), TwoModels(UnavailableError("away", retry_after_s=10.0), failures=6)
    await submit_mixed(system)
    other = MemoryEntrySource(system.streams, AUDIO, "other", WorkerSettings(claim_after_ms=3_000))
    async with system.working(model.answer, batch=8, claim_after_ms=3_000, max_attempts=1):
        await asyncio.sleep(8)
        assert (await finals(system, ENGLISH), await finals(system, CHINESE)) == (3, 0)
        assert await other.claim_stale_entry("final") is None, "those that wait stay claimed"
        await system.submit(1, session="en-4")
        await asyncio.sleep(0.5)
        assert await finals(system, ["en-4"]) == 1, "others are processed meanwhile"
        await asyncio.sleep(120)
    assert await finals(system, CHINESE) == 3
    assert (model.attempts(ENGLISH), model.attempts(CHINESE)) == ([1, 1, 1], [7, 7, 7])
    assert [session for session, _ in model.batches[-1]] == list(CHINESE), "together"
    assert system.failures() == []


@virtual_time
async def test_entries_that_wait_for_their_engine_are_finished_before_a_consumer_leaves() -> None:
    system, model = System(), TwoModels(UnavailableError("away", retry_after_s=10.0), failures=3)
    await submit_mixed(system)
    async with system.working(model.answer, batch=8):
        await asyncio.sleep(1)
    assert (await finals(system, ENGLISH), await finals(system, CHINESE)) == (3, 3)
    assert system.streams.stream(system.streams.shards[0].audio("final")).consumers == {}


@virtual_time
async def test_entries_that_wait_for_their_engine_are_handed_back_if_they_take_too_long() -> None:
    system, model = System(), TwoModels(UnavailableError("away", retry_after_s=10.0), failures=10_000)
    await submit_mixed(system)
    consumer = system.consumer(model.answer, batch=8)
    loop = asyncio.create_task(consumer.consume_until(asyncio.Event()))
    await asyncio.sleep(60)
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop
    await consumer.hand_back()
    async with system.working(Model()):
        await asyncio.sleep(1)
    assert await finals(system, CHINESE) == 3


@virtual_time
async def test_entries_whose_engine_stays_unavailable_become_dead_letters_while_others_are_processed() -> None:
    system, model = System(), TwoModels(UnavailableError("away", retry_after_s=10.0), failures=10_000)
    await system.submit(1, session="zh-1")
    async with system.working(model.answer, claim_after_ms=1_000, max_attempts=1, wait_for_engine_s=60):
        for number in range(12):
            await asyncio.sleep(10)
            await system.submit(1, session=f"en-{number}")
            await asyncio.sleep(0.5)
            assert await finals(system, [f"en-{number}"]) == 1
    assert [failure.reason for failure in system.failures()] == ["max_attempts"]


@virtual_time
async def test_a_consumer_waits_with_its_entries_when_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_processor, "MAX_ASIDE", 2)
    system, model = System(), TwoModels(UnavailableError("away", retry_after_s=10.0), failures=8)
    await submit_mixed(system)
    async with system.working(model.answer, batch=1):
        await asyncio.sleep(5)
        await system.submit(1, session="en-4")
        await asyncio.sleep(1)
        assert await finals(system, ["en-4"]) == 0
        await asyncio.sleep(60)
        assert await finals(system, ["en-4", *ENGLISH, *CHINESE]) == 7


@virtual_time
async def test_a_handler_that_hangs_with_an_entry_that_has_waited_ends_the_loop() -> None:
    system, model = System(), TwoModels(UnavailableError("away", retry_after_s=10.0), failures=1)
    await system.submit(1, session="zh-1")

    async def hang_later(batch: Sequence[Entry[AudioJob]]) -> list[Answer]:
        await asyncio.sleep(10_000 if model.batches else 0)
        return await model.answer(batch)

    with pytest.raises(HungError):
        await system.consumer(hang_later, hung_after_s=120).consume_until(asyncio.Event())
    assert len(system.streams.stream(system.streams.shards[0].audio("final")).pending) == 1


@virtual_time
async def test_only_entries_that_failed_are_retried_and_each_of_them_alone() -> None:
    system, model = System(), TwoModels(ValueError("broken"), failures=1)
    await submit_mixed(system)
    async with system.working(model.answer, batch=8):
        await asyncio.sleep(5)
    assert (await finals(system, ENGLISH), await finals(system, CHINESE)) == (3, 3)
    assert (model.attempts(ENGLISH), model.attempts(CHINESE)) == ([1, 1, 1], [2, 2, 2])
    assert model.batches[-3:] == [[(session, 1)] for session in CHINESE]


@virtual_time
async def test_a_preview_that_fails_does_not_take_others_of_its_batch_with_it() -> None:
    system, model = System(), TwoModels(ValueError("broken"), failures=99, takes_s=0.01)
    for session in ("en-1", "zh-1", "en-2", "zh-2", "en-3", "zh-3", "en-4", "zh-4"):
        await system.preview(session)
    async with system.working(model.answer, batch=8) as consumer:
        await asyncio.sleep(1)
        assert consumer.report()["previews"] == 4
    assert {session[:2] for session, _ in model.batches[-1]} == {"en", "zh"}
    assert sum(map(len, model.batches)) == 8, "none is repeated"


@virtual_time
async def test_an_engine_that_stays_unavailable_counts_as_a_failed_attempt() -> None:
    system = System()
    model = Model(fails=lambda job: UnavailableError("away", retry_after_s=10.0))
    await system.submit(1)
    async with system.working(model, claim_after_ms=1_000, max_attempts=1, wait_for_engine_s=60):
        await asyncio.sleep(120)
    assert [failure.reason for failure in system.failures()] == ["max_attempts"]


@virtual_time
async def test_a_handler_that_hangs_ends_the_loop_and_its_entry_stays_pending() -> None:
    system = System()
    await system.submit(1)
    with pytest.raises(HungError):
        await system.consumer(Model(takes_s=10_000), hung_after_s=120).consume_until(asyncio.Event())
    assert system.streams.clock.monotonic() >= 120
    assert len(system.streams.stream(system.streams.shards[0].audio("final")).pending) == 1


@virtual_time
async def test_consuming_continues_after_an_outage() -> None:
    system, model = System(), Model()
    async with system.working(model):
        await asyncio.sleep(5)
        with system.streams.outage():
            await asyncio.sleep(300)
        await system.submit(1)
        await asyncio.sleep(3.5)
        assert [type(event) for event in await system.events()] == [Final], "within the longest delay of the backoff"


@virtual_time
async def test_a_result_is_committed_after_an_outage_that_began_during_inference() -> None:
    system, model = System(), Model(takes_s=1)
    await system.submit(1)
    async with system.working(model):
        await asyncio.sleep(0.5)
        with system.streams.outage():
            await asyncio.sleep(20)
        await asyncio.sleep(5)
    assert len(model.batches) == 1
    assert [type(event) for event in await system.events()] == [Final]


@virtual_time
async def test_a_stopped_consumer_finishes_its_batch_and_leaves_the_group() -> None:
    system, model = System(), Model(takes_s=10)
    await system.submit(1, 2)
    async with system.working(model):
        await asyncio.sleep(1)
    assert [type(event) for event in await system.events()] == [Final], "nothing is read after the stop"
    assert system.streams.stream(system.streams.shards[0].audio("preview")).consumers == {}


@virtual_time
async def test_consumers_of_dead_workers_are_deleted_periodically() -> None:
    system = System()
    await system.submit(1)
    await system.crash_with(1)
    finals = system.streams.stream(system.streams.shards[0].audio("final"))
    async with system.working(Model(), "w"):
        await asyncio.sleep(500)
        assert set(finals.consumers) == {"dead", "w"}
        await asyncio.sleep(200)
        assert set(finals.consumers) == {"w"}


@virtual_time
async def test_the_report_counts_results_and_measures_the_load() -> None:
    system = System()
    await system.submit(*range(1, 21))
    sent_at = system.streams.clock.wall() + 5
    await system.streams.submit_preview(job(21, kind="preview", sent_at=sent_at), PCM)
    async with system.working(Model(takes_s=1), batch=1) as consumer:
        await asyncio.sleep(15)
        report = consumer.report()
        assert (report["handled"], report["previews"], report["last_batch"]) == (13, 1, 1)
        assert report["load"] > 0.5
        assert 0 < consumer.in_flight.busy_s() <= 1
        await asyncio.sleep(60)
        assert consumer.report()["load"] < 0.1
        assert consumer.in_flight.busy_s() == 0


@virtual_time
async def test_partials_are_published_to_the_session() -> None:
    system = System()
    words: dict[str, Any] = {"committed": "a", "tentative": "", "language": "en", "start_ms": 0, "end_ms": 1}
    partial = PartialResult(utterance=1, revision=1, **words)

    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        return [Outcome(live=(partial,)) for _ in batch]

    async with MemoryFanout(system.streams).listen(system.streams.shards[0].events("s")) as listener:
        sent_at = system.streams.clock.wall()
        await system.streams.submit_preview(job(1, kind="preview", sent_at=sent_at), PCM)
        async with system.working(handle):
            assert (await listener.next_event()).event == partial


# --- recordings


@virtual_time
async def test_a_live_final_waits_for_one_entry_of_a_recording_and_a_preview_does_too() -> None:
    system, model = System(), Model(takes_s=1)
    await system.submit(*range(1, 9), session="file", priority="recording")
    async with system.working(model):
        await system.preview("live")
        await asyncio.sleep(1.5)
        await system.submit(1, session="live")
        await system.preview("other")
        await asyncio.sleep(30)
    order = [batch[0][0] for batch in model.batches]
    assert order == ["live", "file", "live", "other", *["file"] * 7]
    assert {len(batch) for batch in model.batches} == {1}, "an entry alone, because a batch cannot be interrupted"
    assert [event.utterance for event in await system.events("file")] == list(range(1, 9))


@virtual_time
async def test_batches_of_a_recording_grow_without_live_speech_and_have_one_entry_with_it() -> None:
    system, model = System(), Model(takes_s=1.0)
    await system.submit(*range(1, 61), session="file", priority="recording")
    async with system.working(model, batch=8):
        await asyncio.sleep(5.5)
        assert [len(batch) for batch in model.batches[:5]] == [1, 2, 4, 8, 8]
        await system.submit(1, session="live")
        await asyncio.sleep(6)
        live = model.kinds.index("final")
        assert {len(batch) for batch in model.batches[live:]} == {1}
        await asyncio.sleep(20)
    assert len(model.batches[-2]) == 8


@virtual_time
async def test_a_consumer_holds_only_the_recordings_that_it_processes() -> None:
    system, model = System(shards=4), Model(takes_s=1.0)
    sessions = [f"file{number}" for number in range(12)]
    for session in sessions:
        await system.submit(1, 2, session=session, priority="recording")
    streams = [system.streams.stream(shard.audio("recording")) for shard in system.streams.shards]
    assert all(stream.entries for stream in streams)
    await system.submit(1, session="live")
    async with system.working(model, batch=8):
        for _ in range(80):
            await asyncio.sleep(0.1)
            assert sum(len(stream.pending) for stream in streams) <= 1
        await system.submit(1, session="another")
        await asyncio.sleep(2.1)
        assert len(await system.events("another")) == 1, "it has waited for one entry"
        await asyncio.sleep(1.0)
        done = len(model.batches)
    assert len(model.batches) == done, "nothing is begun after the stop"
    assert len([batch for batch in model.batches if batch[0][0].startswith("file")]) > 5


@virtual_time
async def test_the_only_consumer_keeps_up_with_previews_while_a_recording_waits() -> None:
    system, model = System(), Model(takes_s=0.5)
    await system.submit(*range(1, 200), session="file", priority="recording")
    async with system.working(model, batch=1):
        for _ in range(50):
            await system.preview("live")
            await asyncio.sleep(1.0)
    batches = model.kinds[1:]
    assert batches.count("preview") >= 45
    assert 1 <= batches.count("recording") <= 6, "its minimum share"


@virtual_time
async def test_a_preview_that_has_waited_for_a_recording_is_not_dropped() -> None:
    system, model = System(), Model(takes_s=4.0)
    await system.submit(1, session="file", priority="recording")
    async with system.working(model):
        await asyncio.sleep(1.0)
        await system.preview("live")
        await asyncio.sleep(10)
    assert model.kinds == ["recording", "preview"]


@virtual_time
async def test_a_recording_progresses_slowly_while_live_speech_takes_all_the_time() -> None:
    system, model = System(), Model(takes_s=0.5)
    await system.submit(*range(1, 400), session="live")
    await system.submit(*range(1, 100), session="file", priority="recording")
    async with system.working(model, batch=1):
        await asyncio.sleep(100)
    shares = model.kinds.count("recording"), len(model.kinds)
    assert 5 <= shares[0] <= 0.07 * shares[1]
    assert model.kinds[1] == "recording", "the first one is due at once"


@virtual_time
async def test_an_entry_of_a_recording_whose_worker_was_killed_is_claimed() -> None:
    system, model = System(), Model()
    await system.submit(1, 2, session="file", priority="recording")
    await system.crash_with(0, recordings=1)
    async with system.working(model, claim_after_ms=2_000):
        await asyncio.sleep(1.0)
        assert await system.events("file") == [], "results are in order, and the first is missing"
        await asyncio.sleep(5)
    assert [event.utterance for event in await system.events("file")] == [1, 2]


@virtual_time
async def test_an_entry_of_a_recording_that_cannot_be_processed_becomes_a_dead_letter() -> None:
    system = System()
    model = Model(fails=lambda job: EntryError("refused", code="audio_refused") if job.utterance == 2 else None)
    await system.submit(1, 2, 3, session="file", priority="recording")
    system.streams.add(system.streams.shards[0].audio("recording"), {b"h": b"{}", b"p": PCM})
    async with system.working(model):
        await asyncio.sleep(5)
    assert [type(event) for event in await system.events("file")] == [Final, Error, Final]
    assert sorted(failure.reason for failure in system.failures()) == ["audio_refused", "undecodable_entry"]
    assert system.streams.stream(system.streams.shards[0].audio("recording")).entries == {}


@virtual_time
async def test_recordings_are_not_part_of_the_reported_load_of_finals() -> None:
    system, model = System(), Model(takes_s=1)
    await system.submit(*range(1, 30), session="file", priority="recording")
    async with system.working(model, batch=1) as consumer:
        await asyncio.sleep(15)
        report = consumer.report()
    assert report["handled"] >= 14
    assert report["load"] == 0.0


@virtual_time
async def test_of_two_consumers_one_stays_free_while_there_is_live_speech() -> None:
    system, model = System(), Model(takes_s=2)
    share = RecordingShare(system.streams.clock.monotonic(), consumers=2)
    await system.submit(*range(1, 40), session="file", priority="recording")
    await system.submit(1, session="live")
    async with (
        system.working(model, "w", recordings=share, batch=1),
        system.working(model, "w.2", recordings=share, batch=1),
    ):
        await asyncio.sleep(6.5)
        await system.submit(1, session="another")
        await asyncio.sleep(2.1)
        assert len(await system.events("another")) == 1, "it did not wait"


@virtual_time
@pytest.mark.parametrize("consumers", [1, 2])
async def test_after_live_speech_a_recording_waits_no_longer_than_its_rests(consumers: int) -> None:
    """A consumer that rests from recordings waits for live entries, but not beyond the end of its rest."""
    system, model = System(), Model(takes_s=0.02)
    share = RecordingShare(asyncio.get_running_loop().time(), consumers)
    async with AsyncExitStack() as stack:
        for number in range(consumers):
            await stack.enter_async_context(system.working(model, f"w.{number}", recordings=share, batch=1))
        await system.submit(1, session="speaker")
        await asyncio.sleep(1.5)
        await system.submit(*range(1, 21), session="file", priority="recording")
        await asyncio.sleep(2.0)
    assert model.kinds.count("recording") == 20
