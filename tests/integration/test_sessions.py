"""What a gateway writes of its sessions, on a real Redis: fenced, resumable, and restored when Redis has lost it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from backend.errors import UnavailableError
from backend.messages.jobs import AudioJob, TakenOver, Transcript
from backend.messages.protocol import Final, Resume, Start
from backend.messages.session_record import SessionRecord
from backend.service.settings import ServiceSettings, WorkerSettings
from backend.streams.job_streams import AUDIO, TRANSCRIPTS, Entry, Failure, Outcome
from backend.streams.names import STT_GROUP
from backend.streams.observe.load_report import StreamDelay
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.redis_fanout import RedisFanout
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Lease, SessionLostError, TakenOverError, UnknownSessionError
from backend.streams.worker.consumer import HungError
from backend.streams.worker.redis_source import redis_consumer
from backend.streams.worker.sweep import ConsumerSweeper
from tests.integration.test_lanes import PCM, consuming, eventually, final_of, job, logged, taken

RECORD = SessionRecord(Start(language="en", translate_to=("es",)), "c")


@pytest.fixture
def sessions(redis: Redis) -> RedisSessions:
    return RedisSessions(redis, ServiceSettings(), "gateway")


@pytest.fixture
def streams(redis: Redis) -> RedisJobStreams:
    return RedisJobStreams(redis, ServiceSettings())


@pytest.fixture
async def lease(sessions: RedisSessions) -> Lease:
    return await sessions.open("s", "secret", RECORD)


def resume(token: str = "secret", utterance: int = 0) -> Resume:
    return Resume(session="s", token=token, utterance=utterance)


async def test_a_session_is_resumed_with_all_that_another_gateway_knew(lease: Lease, sessions: RedisSessions) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    await lease.submit_audio(job(2), PCM, early=True)
    _, record = await sessions.resume(resume())
    assert record.start == RECORD.start
    assert (record.epoch, record.next, record.count, record.audio_ms) == (1, 1, 1, 100)
    assert record.closed == {1}
    assert record.open == "", "whether the second goes on is for the new holder to find out"


@pytest.mark.parametrize("message", [resume(token="guess"), Resume(session="other", token="secret")])
async def test_nobody_resumes_what_is_not_theirs(lease: Lease, sessions: RedisSessions, message: Resume) -> None:
    with pytest.raises(UnknownSessionError):
        await sessions.resume(message)
    await lease.submit_audio(job(1), PCM, early=False)


async def test_who_was_taken_over_changes_nothing_any_more(
    lease: Lease, sessions: RedisSessions, streams: RedisJobStreams
) -> None:
    entry = await lease.submit_audio(job(1), PCM, early=True)
    await sessions.resume(resume())
    with pytest.raises(TakenOverError):
        await lease.submit_audio(job(1, attempt=2), PCM, early=False)
    with pytest.raises(TakenOverError):
        await lease.close_utterance(1, 1, 100, entry)
    with pytest.raises(TakenOverError):
        await lease.update(RECORD)
    with pytest.raises(TakenOverError):
        await lease.restore(RECORD)
    assert await streams.redis.xlen(streams.shard("s").audio("final")) == 1


async def test_the_first_holder_hears_of_the_second(
    lease: Lease, sessions: RedisSessions, streams: RedisJobStreams
) -> None:
    fanout = RedisFanout(streams.redis, "test")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(fanout.deliver_forever())
        async with fanout.listen(streams.shard("s").events("s")) as listener:
            await asyncio.sleep(0.1)
            await sessions.resume(resume())
            assert (await asyncio.wait_for(listener.next_event(), 2)).event == TakenOver(1)
        running.cancel()


async def test_an_early_result_from_before_the_resumption_is_void(
    lease: Lease, sessions: RedisSessions, streams: RedisJobStreams
) -> None:
    await lease.submit_audio(job(1, attempt=1), PCM, early=True)
    (old,) = await taken(streams, 1)
    again, _ = await sessions.resume(resume())
    await again.submit_audio(job(1, attempt=1_001), PCM, early=False)
    (new,) = await taken(streams, 1)
    assert await streams.commit_final(old, final_of(old.job)) == "superseded"
    assert await streams.commit_final(new, final_of(new.job)) == "committed"
    assert [event.text for event in await logged(streams)] == ["text 1.1001"]


async def test_translations_still_to_come_are_known_to_whoever_resumes(
    lease: Lease, sessions: RedisSessions, streams: RedisJobStreams
) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    (entry,) = await taken(streams, 1)
    await streams.commit_final(entry, final_of(entry.job))
    _, record = await sessions.resume(resume())
    assert record.translating == {1: ("es",)}
    assert (record.next, record.closed) == (2, frozenset())


async def test_a_session_that_redis_lost_says_so_and_is_restored(
    lease: Lease, sessions: RedisSessions, streams: RedisJobStreams
) -> None:
    entry = await lease.submit_audio(job(1), PCM, early=True)
    await streams.redis.flushall()
    with pytest.raises(SessionLostError):
        await lease.close_utterance(1, 1, 100, entry)
    known = await lease.restore(SessionRecord(RECORD.start, "c", next=5, count=5))
    assert (known.next, known.closed) == (5, frozenset())
    await lease.submit_audio(job(5), PCM, early=False)
    (again,) = await taken(streams, 1)
    await streams.commit_final(again, final_of(again.job))
    assert [event.utterance for event in await logged(streams)] == [5], "it waits for nothing that was said before"
    _, record = await sessions.resume(resume())
    assert record.start == RECORD.start


async def test_what_is_not_yet_submitted_again_does_not_count_as_closed(
    lease: Lease, sessions: RedisSessions, streams: RedisJobStreams
) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    ahead = SessionRecord(RECORD.start, "c", next=1, count=2, audio_ms=900)
    assert (await lease.restore(ahead)).closed == {1}
    _, record = await sessions.resume(resume())  # its gateway died before it could submit the second
    assert (record.count, record.audio_ms) == (1, 100)


async def test_a_translation_that_has_come_is_known_to_have_come(lease: Lease, streams: RedisJobStreams) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    (entry,) = await taken(streams, 1)
    await streams.commit_final(entry, final_of(entry.job))
    now = SessionRecord(RECORD.start, "c", next=2, count=1)
    known = await lease.restore(now)
    assert (known.translating, known.translated) == ({1: ("es",)}, frozenset())

    async def translate(batch: Sequence[Entry[Transcript]]) -> list[Outcome]:
        return [Outcome() for _ in batch]

    async with consuming(streams, translate, TRANSCRIPTS):

        async def done() -> bool:
            return (await lease.restore(now)).translated == {1}

        await eventually(done)
    assert (await lease.restore(now)).translating == {}


async def test_closing_what_was_lost_is_noticed(lease: Lease, streams: RedisJobStreams) -> None:
    entry = await lease.submit_audio(job(1), PCM, early=True)
    await streams.redis.delete(streams.shard("s").audio("final"))
    with pytest.raises(SessionLostError):
        await lease.close_utterance(1, 1, 100, entry)


async def test_a_replayed_letter_is_heard_late_and_once(lease: Lease, streams: RedisJobStreams) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    (entry,) = await taken(streams, 1)
    failure = Failure("max_attempts", error="", attempts="3", worker="w", time="0")
    await streams.dead_letter(entry.shard, STT_GROUP, entry.id, entry.job, failure)
    again = job(1, replayed=True)
    await streams.redis.xadd(entry.shard.audio("final"), {"h": again.model_dump_json(), "p": PCM})
    (replayed,) = await taken(streams, 1)
    assert await streams.commit_final(replayed, final_of(again)) == "committed"
    assert await streams.commit_final(replayed, final_of(again)) == "already_acknowledged"
    assert [event.type for event in await logged(streams)] == ["error", "final"]


async def test_the_age_of_what_waits_is_known(lease: Lease, streams: RedisJobStreams) -> None:
    waiting = StreamDelay(streams.redis, streams.shards)
    assert await waiting.oldest_final_s() == 0.0
    await lease.submit_audio(job(1), PCM, early=False)
    await asyncio.sleep(0.2)
    assert 0.2 <= await waiting.oldest_final_s() < 2.0
    await taken(streams, 1)
    assert await waiting.oldest_final_s() == 0.0, "a worker has it"


async def test_what_was_delivered_before_is_tried_alone(streams: RedisJobStreams, sessions: RedisSessions) -> None:
    for number in range(4):
        lease = await sessions.open(f"s{number}", "t", RECORD)
        await lease.submit_audio(job(1, session=f"s{number}"), PCM, early=False)
    await taken(streams, 4)  # by a worker that is never heard of again
    sizes: list[int] = []

    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        sizes.append(len(batch))
        return [final_of(entry.job) for entry in batch]

    async with consuming(streams, handle, claim_after_ms=200):

        async def all_done() -> bool:
            return len(sizes) == 4

        await eventually(all_done)
    assert sizes == [1, 1, 1, 1]


async def test_a_handler_that_hangs_ends_the_loop_and_loses_nothing(lease: Lease, streams: RedisJobStreams) -> None:
    async def hang(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        await asyncio.Event().wait()
        return []

    await lease.submit_audio(job(1), PCM, early=False)
    consumer = redis_consumer(streams, AUDIO, "w", WorkerSettings(hung_after_s=0.2), hang)
    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(consumer.consume_until(asyncio.Event()), 5)
    assert raised.group_contains(HungError)
    pending: Any = await streams.redis.xpending(streams.shard("s").audio("final"), STT_GROUP)
    assert pending["pending"] == 1


async def test_an_engine_that_is_away_is_waited_for(lease: Lease, streams: RedisJobStreams) -> None:
    calls = 0

    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        if calls < 4:
            raise UnavailableError("away", retry_after_s=0.15)
        return [final_of(entry.job) for entry in batch]

    await lease.submit_audio(job(1), PCM, early=False)
    async with consuming(streams, handle, claim_after_ms=100, max_attempts=1):

        async def there() -> bool:
            return len(await logged(streams)) == 1

        await eventually(there)
    assert isinstance((await logged(streams))[0], Final)
    assert calls == 4


async def test_abandoned_consumers_are_swept_but_not_what_they_hold(lease: Lease, streams: RedisJobStreams) -> None:
    shard = streams.shard("s")
    await lease.submit_audio(job(1), PCM, early=False)
    await streams.submit_preview(job(1, kind="preview"), PCM)
    await taken(streams, 1)
    await streams.redis.xreadgroup(STT_GROUP, "idler", {shard.audio("preview"): ">"})
    await streams.redis.xreadgroup(STT_GROUP, "idler", {shard.audio("final"): ">"}, block=1)
    sweeper = ConsumerSweeper(streams.redis, STT_GROUP)
    assert await sweeper.sweep([shard.audio("final")], [shard.audio("preview")]) == 0, "none is silent for long"
    assert await sweeper.sweep([shard.audio("final")], [shard.audio("preview")], idle_s=0) >= 2
    left: Any = await streams.redis.xinfo_consumers(shard.audio("final"), STT_GROUP)
    assert [consumer["name"] for consumer in left] == [b"reader"], "it holds a final"


async def test_a_consumer_that_leaves_is_forgotten(lease: Lease, streams: RedisJobStreams) -> None:
    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        return [final_of(entry.job) for entry in batch]

    await lease.submit_audio(job(1), PCM, early=False)
    async with consuming(streams, handle):

        async def there() -> bool:
            return len(await logged(streams)) == 1

        await eventually(there)
    assert await streams.redis.xinfo_consumers(streams.shard("s").audio("final"), STT_GROUP) == []
