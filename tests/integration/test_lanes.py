"""The promises of commit.lua and the consume loop, on a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from backend.messages.jobs import AudioJob, PartialResult, Transcript, encode_entry
from backend.messages.protocol import Error, Final, Start, Translation
from backend.messages.session_record import SessionRecord
from backend.service.settings import ServiceSettings, WorkerSettings
from backend.streams.job_streams import AUDIO, TRANSCRIPTS, Entry, Outcome
from backend.streams.names import STT_GROUP
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.log import read_log
from backend.streams.session.redis_fanout import RedisFanout
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Lease
from backend.streams.worker.consumer import Consumer
from backend.streams.worker.redis_source import redis_consumer

PCM = b"\1\0" * 1600


def job(utterance: int, *, attempt: int = 1, kind: Any = "final", session: str = "s", **more: Any) -> AudioJob:
    return AudioJob(
        kind=kind,
        session=session,
        utterance=utterance,
        attempt=attempt,
        correlation_id="c",
        sent_at=time.time(),
        start_ms=0,
        end_ms=100,
        **more,
    )


def final_of(job: AudioJob, text: str | None = None) -> Outcome:
    said = text if text is not None else f"text {job.utterance}.{job.attempt}"
    event = Final(utterance=job.utterance, text=said, language="en", confidence=1.0, start_ms=0, end_ms=100)
    transcript = Transcript(
        kind="final",
        session=job.session,
        utterance=job.utterance,
        correlation_id="c",
        sent_at=0.0,
        text=said,
        language="en",
        translate_to=("es",),
    )
    return Outcome(durable=(event,), transcript=transcript)


@pytest.fixture
def streams(redis: Redis) -> RedisJobStreams:
    return RedisJobStreams(redis, ServiceSettings())


async def opened(redis: Redis, session: str) -> Lease:
    return await RedisSessions(redis, ServiceSettings(), "gateway").open(session, "secret", SessionRecord(Start(), "c"))


@pytest.fixture
async def lease(redis: Redis) -> Lease:
    return await opened(redis, "s")


async def taken(streams: RedisJobStreams, count: int) -> list[Entry[AudioJob]]:
    """Read entries as a worker does, without handling them."""
    seen: list[Entry[AudioJob]] = []

    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        seen.extend(batch)
        raise asyncio.CancelledError

    consumer = redis_consumer(streams, AUDIO, "reader", WorkerSettings(), handle)
    while len(seen) < count:
        with pytest.raises(asyncio.CancelledError):
            await consumer.consume_until(asyncio.Event())
    return seen


@asynccontextmanager
async def consuming(streams: RedisJobStreams, handle: Any, lane: Any = AUDIO, **settings: Any) -> Any:
    stop = asyncio.Event()
    consumer: Consumer[Any] = redis_consumer(streams, lane, "w", WorkerSettings(**settings), handle)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consumer.consume_until(stop))
        try:
            yield consumer
        finally:
            stop.set()


async def eventually(condition: Callable[[], Awaitable[bool]], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110 - it is another process's doing
            await asyncio.sleep(0.01)


async def logged(streams: RedisJobStreams, session: str = "s") -> list[Any]:
    return [live.event async for live in read_log(streams.redis, streams.shard(session), session, "0-0")]


async def test_results_are_released_in_the_order_of_their_utterances(streams: RedisJobStreams, lease: Lease) -> None:
    for number in (1, 2, 3):
        await lease.submit_audio(job(number), PCM, early=False)
    entries = await taken(streams, 3)
    for entry in reversed(entries):
        assert await streams.commit_final(entry, final_of(entry.job)) == "committed"
    assert [event.utterance for event in await logged(streams)] == [1, 2, 3]


async def test_a_result_is_committed_once_however_many_workers_have_it(streams: RedisJobStreams, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    (entry,) = await taken(streams, 1)
    answers = [await streams.commit_final(entry, final_of(entry.job)) for _ in range(3)]
    assert answers == ["committed", "already_acknowledged", "already_acknowledged"]
    assert len(await logged(streams)) == 1
    assert await streams.redis.xlen(entry.shard.transcripts("final")) == 1
    assert await streams.redis.xlen(entry.shard.audio("final")) == 0


async def test_an_early_result_waits_for_the_endpoint(streams: RedisJobStreams, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=True)
    (entry,) = await taken(streams, 1)
    await streams.commit_final(entry, final_of(entry.job))
    assert await logged(streams) == []
    await lease.close_utterance(1, 1, 100, entry.id)
    assert [event.text for event in await logged(streams)] == ["text 1.1"]


async def test_the_endpoint_may_come_before_the_early_result(streams: RedisJobStreams, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=True)
    (entry,) = await taken(streams, 1)
    await lease.close_utterance(1, 1, 100, entry.id)
    assert await logged(streams) == []
    await streams.commit_final(entry, final_of(entry.job))
    assert [event.text for event in await logged(streams)] == ["text 1.1"]


async def test_further_speech_voids_an_early_attempt_whenever_its_result_comes(
    streams: RedisJobStreams, lease: Lease
) -> None:
    await lease.submit_audio(job(1, attempt=1), PCM, early=True)
    (first,) = await taken(streams, 1)
    await lease.submit_audio(job(1, attempt=2), PCM, early=False)
    (second,) = await taken(streams, 1)
    assert await streams.commit_final(first, final_of(first.job)) == "superseded"
    assert await streams.commit_final(second, final_of(second.job)) == "committed"
    assert [event.text for event in await logged(streams)] == ["text 1.2"]


async def test_a_withdrawn_early_final_is_never_read(streams: RedisJobStreams, lease: Lease) -> None:
    entry_id = await lease.submit_audio(job(1), PCM, early=True)
    await lease.withdraw_early_final(1, 1, entry_id)
    assert await streams.redis.xlen(streams.shard("s").audio("final")) == 0


async def test_an_early_result_is_shown_as_a_partial_while_the_utterance_is_open(
    streams: RedisJobStreams, lease: Lease
) -> None:
    fanout = RedisFanout(streams.redis, "test")
    partial = PartialResult(
        utterance=1, revision=3, committed="a", tentative=" b", language="en", start_ms=0, end_ms=100
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(fanout.deliver_forever())
        async with fanout.listen(streams.shard("s").events("s")) as listener:
            await asyncio.sleep(0.1)
            await lease.submit_audio(job(1), PCM, early=True)
            (entry,) = await taken(streams, 1)
            outcome = final_of(entry.job)
            await streams.commit_final(entry, Outcome(outcome.durable, (partial,), outcome.transcript))
            live = await asyncio.wait_for(listener.next_event(), 2)
            assert live.cursor is None
            assert live.event == partial
            await lease.close_utterance(1, 1, 100, entry.id)
            live = await asyncio.wait_for(listener.next_event(), 2)
            assert isinstance(live.event, Final)
            assert live.event.cursor == live.cursor
        running.cancel()


async def test_everything_a_session_leaves_has_a_time_to_live(streams: RedisJobStreams, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    (entry,) = await taken(streams, 1)
    await streams.commit_final(entry, final_of(entry.job))
    for key in (entry.shard.session("s"), entry.shard.log("s")):
        assert 0 < await streams.redis.ttl(key) <= 3600


async def test_the_loop_handles_finals_in_batches_over_sessions(streams: RedisJobStreams) -> None:
    sessions = [f"s{number}" for number in range(5)]
    sizes: list[int] = []

    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        sizes.append(len(batch))
        return [final_of(entry.job) for entry in batch]

    for session in sessions:
        lease = await opened(streams.redis, session)
        await lease.submit_audio(job(1, session=session), PCM, early=False)
    async with consuming(streams, handle):

        async def all_there() -> bool:
            return all([len(await logged(streams, session)) == 1 for session in sessions])

        await eventually(all_there)
    assert max(sizes) > 1


async def test_a_bad_entry_does_not_fail_its_neighbours_and_ends_as_a_dead_letter(
    streams: RedisJobStreams, lease: Lease
) -> None:
    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        if any(entry.job.utterance == 2 for entry in batch):
            raise ValueError("poison")
        return [final_of(entry.job) for entry in batch]

    for number in (1, 2, 3):
        await lease.submit_audio(job(number), PCM, early=False)
    async with consuming(streams, handle, claim_after_ms=100, max_attempts=2):

        async def all_there() -> bool:
            return len(await logged(streams)) == 3

        await eventually(all_there, 10)
    events = await logged(streams)
    assert [type(event) for event in events] == [Final, Error, Final]
    assert events[1].utterance == 2
    letters: Any = await streams.redis.xrange(streams.shard("s").dead(STT_GROUP))
    (letter,) = letters
    assert letter[1][b"reason"] == b"max_attempts"
    assert letter[1][b"attempts"] == b"2"
    assert letter[1][b"p"] == PCM


async def test_an_entry_that_cannot_be_read_is_dead_lettered_at_once(streams: RedisJobStreams) -> None:
    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        return [final_of(entry.job) for entry in batch]

    shard = streams.shard("s")
    await streams.redis.xadd(shard.audio("final"), {"h": b"{}", "p": PCM})
    await streams.redis.xadd(shard.audio("final"), {"h": b"not json", "p": b"odd"})
    async with consuming(streams, handle):

        async def both_dead() -> bool:
            return await streams.redis.xlen(shard.dead(STT_GROUP)) == 2

        await eventually(both_dead)
    assert await streams.redis.xlen(shard.audio("final")) == 0


async def test_a_dead_workers_entry_is_taken_over(streams: RedisJobStreams, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    await taken(streams, 1)  # read by a worker that is never heard of again

    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        return [final_of(entry.job) for entry in batch]

    async with consuming(streams, handle, claim_after_ms=200):

        async def there() -> bool:
            return len(await logged(streams)) == 1

        await eventually(there)


async def test_previews_begin_with_fresh_speech_then_the_newest_and_late_or_superseded_ones_are_dropped(
    streams: RedisJobStreams,
) -> None:
    seen: list[int] = []

    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        seen.extend(entry.job.utterance for entry in batch)
        return [final_of(entry.job) if entry.job.kind == "final" else Outcome() for entry in batch]

    async def ask(number: int, session: str, age: float, committed: str = "so far") -> None:
        one = job(number, kind="preview", session=session, committed=committed)
        await streams.submit_preview(one.model_copy(update={"sent_at": time.time() - age}), PCM)

    await ask(1, "late", 60.0)
    await ask(2, "superseded", 0.4)
    await ask(3, "superseded", 0.3)
    await ask(4, "beginning", 0.2, committed="")
    await ask(5, "newest", 0.1)
    await ask(6, "over", 0.0)
    await streams.redis.xadd(streams.shard("s").audio("final"), encode_entry(job(6, session="over"), PCM))
    async with consuming(streams, handle):

        async def all_seen() -> bool:
            return len(seen) >= 4

        await eventually(all_seen)
    assert seen == [6, 4, 5, 3]
    assert await streams.redis.xlen(streams.shard("s").audio("preview")) == 0


async def test_translations_follow_into_the_log(streams: RedisJobStreams, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    (entry,) = await taken(streams, 1)
    await streams.commit_final(entry, final_of(entry.job))

    async def handle(batch: Sequence[Entry[Transcript]]) -> list[Outcome]:
        return [
            Outcome(durable=(Translation(utterance=e.job.utterance, language="es", text="hola", is_final=True),))
            for e in batch
        ]

    async with consuming(streams, handle, TRANSCRIPTS):

        async def there() -> bool:
            return len(await logged(streams)) == 2

        await eventually(there)
    final, translation = await logged(streams)
    assert translation.text == "hola"
    assert translation.cursor > final.cursor


async def test_a_lost_group_is_made_again(streams: RedisJobStreams) -> None:
    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        return [final_of(entry.job) for entry in batch]

    async with consuming(streams, handle):
        await asyncio.sleep(0.1)
        await streams.redis.flushall()
        lease = await opened(streams.redis, "s")
        await lease.submit_audio(job(1), PCM, early=False)

        async def there() -> bool:
            return len(await logged(streams)) == 1

        await eventually(there)
