"""The consume loop on a real Redis. All its rules are tested in tests/unit/backend/streams/worker/test_consumer.py."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from backend.messages.jobs import AudioJob, Transcript
from backend.messages.protocol import Error, Final
from backend.service.settings import ServiceSettings, WorkerSettings
from backend.streams.job_streams import AUDIO, TRANSCRIPTS, Entry, Failure, Outcome
from backend.streams.names import STT_GROUP
from backend.streams.observe.load_report import StreamDelay
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.sessions import Lease
from backend.streams.worker.batch_processor import HungError
from backend.streams.worker.redis_source import redis_consumer
from tests.testkit.streams.jobs import PCM, final_of, job, translation_of
from tests.testkit.streams.on_redis import consuming, eventually, has_logged, logged, opened, taken


async def recognize(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
    return [final_of(entry.job) for entry in batch]


async def translate(batch: Sequence[Entry[Transcript]]) -> list[Outcome]:
    return [translation_of(entry.job) for entry in batch]


async def test_finals_of_several_sessions_are_processed_in_batches(streams: RedisJobStreams) -> None:
    sizes: list[int] = []

    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        sizes.append(len(batch))
        return await recognize(batch)

    names = [f"s{number}" for number in range(5)]
    for name in names:
        await (await opened(streams.redis, name)).submit_audio(job(1, session=name), PCM, early=False)
    async with consuming(streams, handle):
        await has_logged(streams, 1, *names)
    assert max(sizes) > 1


async def test_a_bad_entry_becomes_a_dead_letter_and_does_not_fail_its_neighbours(
    streams: RedisJobStreams, lease: Lease
) -> None:
    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        if any(entry.job.utterance == 2 for entry in batch):
            raise ValueError("poison")
        return await recognize(batch)

    for number in (1, 2, 3):
        await lease.submit_audio(job(number), PCM, early=False)
    async with consuming(streams, handle, claim_after_ms=100, max_attempts=2):
        await has_logged(streams, 3)
    assert [type(event) for event in await logged(streams)] == [Final, Error, Final]
    found: Any = await streams.redis.xrange(streams.shard("s").dead(STT_GROUP))
    ((_, dead_letter),) = found
    failure = Failure.read(dead_letter)
    assert (failure.reason, failure.attempts, failure.worker) == ("max_attempts", "2", "w")
    assert dead_letter[b"p"] == PCM


async def test_an_unreadable_entry_becomes_a_dead_letter_at_once(streams: RedisJobStreams) -> None:
    shard = streams.shard("s")
    await streams.redis.xadd(shard.audio("final"), {"h": b"{}", "p": PCM})
    await streams.redis.xadd(shard.audio("final"), {"h": b"not json", "p": b"odd"})
    async with consuming(streams, recognize):

        async def both_are_dead() -> bool:
            return await streams.redis.xlen(shard.dead(STT_GROUP)) == 2

        await eventually(both_are_dead)
    assert await streams.redis.xlen(shard.audio("final")) == 0


async def test_the_entries_of_a_killed_worker_are_processed_alone(streams: RedisJobStreams) -> None:
    names = [f"s{number}" for number in range(4)]
    for name in names:
        await (await opened(streams.redis, name)).submit_audio(job(1, session=name), PCM, early=False)
    await taken(streams, 4)
    sizes: list[int] = []

    async def handle(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        sizes.append(len(batch))
        return await recognize(batch)

    async with consuming(streams, handle, claim_after_ms=200):
        await has_logged(streams, 1, *names)
    assert sizes == [1, 1, 1, 1]


async def test_a_handler_that_hangs_ends_the_loop_and_its_entry_stays_pending(
    streams: RedisJobStreams, lease: Lease
) -> None:
    async def hang(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        await asyncio.Event().wait()
        return []

    await lease.submit_audio(job(1), PCM, early=False)
    consumer = redis_consumer(streams, AUDIO, "w", WorkerSettings(hung_after_s=0.2), hang)
    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(consumer.consume_until(asyncio.Event()), 5)
    assert raised.group_contains(HungError)
    assert len(await pending(streams)) == 1


async def pending(streams: RedisJobStreams) -> Any:
    """The pending final of session "s"."""
    return await streams.redis.xpending_range(streams.shard("s").audio("final"), STT_GROUP, "-", "+", 1)


@pytest.fixture
async def busy_worker(streams: RedisJobStreams, lease: Lease, redis_url: str) -> AsyncIterator[Process]:
    """A worker process that holds a final, and cannot finish it within its drain time."""
    await lease.submit_audio(job(1), PCM, early=False)
    await streams.redis.xgroup_create(streams.shard("s").audio("final"), STT_GROUP, id="0")
    settings = {"REDIS_URL": redis_url, "STT_MODEL": "null", "STT_NULL_BASE_S": "60", "STT_DRAIN_S": "0.1"}
    command = (sys.executable, "-m", "stt_worker.worker")
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **settings})
    try:
        await eventually(partial(pending, streams), within_s=20)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_worker_that_cannot_finish_in_time_hands_its_entry_back(
    streams: RedisJobStreams, busy_worker: Process
) -> None:
    busy_worker.terminate()
    assert await busy_worker.wait() == os.EX_TEMPFAIL
    (entry,) = await pending(streams)
    assert entry["time_since_delivered"] >= WorkerSettings().claim_after_ms
    assert entry["times_delivered"] == 1


async def test_an_entry_that_is_handed_back_is_processed_before_that_of_a_killed_worker_would_be(
    streams: RedisJobStreams, busy_worker: Process
) -> None:
    async with consuming(streams, recognize):
        busy_worker.terminate()
        assert await busy_worker.wait() == os.EX_TEMPFAIL
        ended_at = time.monotonic()
        await has_logged(streams, 1)
        took_s = time.monotonic() - ended_at
    # The claims of a killed worker were renewed at most a third of this time before its end.
    stale_after_s = WorkerSettings().claim_after_ms / 1000 * 2 / 3
    print(f"final {took_s:.2f} s after the end of the worker, not before {stale_after_s:.2f} s if it is killed")
    assert took_s < stale_after_s


async def test_a_final_is_followed_by_its_translation(streams: RedisJobStreams, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    async with consuming(streams, recognize), consuming(streams, translate, TRANSCRIPTS):
        await has_logged(streams, 2)
    final, translation = await logged(streams)
    assert translation.text == "hola"
    assert translation.cursor > final.cursor


async def test_groups_are_created_again_after_redis_lost_them(streams: RedisJobStreams) -> None:
    async with consuming(streams, recognize):
        await asyncio.sleep(0.1)
        await streams.redis.flushall()
        await (await opened(streams.redis)).submit_audio(job(1), PCM, early=False)
        await has_logged(streams, 1)


async def test_all_keys_of_a_session_have_a_time_to_live(streams: RedisJobStreams, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    async with consuming(streams, recognize):
        await has_logged(streams, 1)
    shard = streams.shard("s")
    for key in (shard.session("s"), shard.log("s")):
        assert 0 < await streams.redis.ttl(key) <= 3600


async def test_a_dead_letter_does_not_shorten_the_session_log(redis: Redis) -> None:
    streams = RedisJobStreams(redis, ServiceSettings(dead_cap=10))
    lease, log = await opened(redis), streams.shard("s").log("s")
    for _ in range(300):
        await redis.xadd(log, {"e": b"{}"})
    await lease.submit_audio(job(1), PCM, early=False)
    (entry,) = await taken(streams, 1)
    failure = Failure("max_attempts", error="", attempts="3", worker="w", time="0")
    await streams.dead_letter(entry.shard, STT_GROUP, entry.id, entry.job, failure)
    assert await redis.xlen(log) == 301


async def test_the_age_of_the_oldest_unread_final_is_measured(streams: RedisJobStreams, lease: Lease) -> None:
    delay = StreamDelay(streams.redis, streams.shards)
    assert await delay.oldest_final_s() == 0.0
    await lease.submit_audio(job(1), PCM, early=False)
    await asyncio.sleep(0.2)
    assert 0.2 <= await delay.oldest_final_s() < 2.0
    await taken(streams, 1)
    assert await delay.oldest_final_s() == 0.0, "a worker has read it"
