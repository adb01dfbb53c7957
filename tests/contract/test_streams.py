"""The behavior that gateways and workers rely on, for both implementations: in memory, and on a real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

import pytest
from redis.asyncio import Redis

from backend.messages.jobs import AudioJob, PartialResult, TakenOver, encode_entry
from backend.messages.protocol import Error, Final, Resume, Translation
from backend.messages.session_record import SessionRecord
from backend.service.settings import ServiceSettings, WorkerSettings
from backend.streams.job_streams import AUDIO, TRANSCRIPTS, Entry, Failure, JobStreams, Outcome
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.fanout import Fanout
from backend.streams.session.redis_fanout import RedisFanout
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Lease, SessionLostError, Sessions, TakenOverError, UnknownSessionError
from backend.streams.worker.redis_source import RedisEntrySource
from backend.streams.worker.source import EntrySource
from tests.testkit.streams.jobs import PCM, RECORD, final_of, job, transcript, translation_of
from tests.testkit.streams.memory import MemoryEntrySource, MemoryFanout, MemorySessions, MemoryStreams

# Long enough for two commands on a busy machine, short enough for a test.
# Entries that a test means to keep must not become stale while the machine is busy with others.
CLAIM_AFTER_MS = 500
FAILURE = Failure("max_attempts", error="no", attempts="3", worker="w", time="0.5")


class Backend(Protocol):
    """One implementation, with access to its contents."""

    @property
    def streams(self) -> JobStreams: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def fanout(self) -> Fanout: ...

    def source(self, job_stream: Any, name: str) -> EntrySource[Any]: ...
    async def entries(self, stream: str) -> list[dict[bytes, bytes]]: ...
    async def consumers(self, stream: str) -> set[str]: ...
    async def add(self, stream: str, fields: dict[Any, Any]) -> None: ...
    async def lose_everything(self) -> None: ...


class MemoryBackend:
    def __init__(self) -> None:
        self.streams = MemoryStreams()
        self.sessions = MemorySessions(self.streams)
        self.fanout = MemoryFanout(self.streams)

    def source(self, job_stream: Any, name: str) -> EntrySource[Any]:
        return MemoryEntrySource(self.streams, job_stream, name, WorkerSettings(claim_after_ms=CLAIM_AFTER_MS))

    async def entries(self, stream: str) -> list[dict[bytes, bytes]]:
        return [dict(fields) for fields in self.streams.stream(stream).entries.values()]

    async def consumers(self, stream: str) -> set[str]:
        return set(self.streams.stream(stream).consumers)

    async def add(self, stream: str, fields: dict[Any, Any]) -> None:
        self.streams.add(stream, fields)

    async def lose_everything(self) -> None:
        self.streams.lose_everything()


class RedisBackend:
    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.streams = RedisJobStreams(redis, ServiceSettings())
        self.sessions = RedisSessions(redis, ServiceSettings(), "gateway")
        self.fanout = RedisFanout(redis, "test")

    def source(self, job_stream: Any, name: str) -> EntrySource[Any]:
        return RedisEntrySource(self.streams, job_stream, name, WorkerSettings(claim_after_ms=CLAIM_AFTER_MS))

    async def entries(self, stream: str) -> list[dict[bytes, bytes]]:
        found: Any = await self.redis.xrange(stream)
        return [fields for _, fields in found]

    async def consumers(self, stream: str) -> set[str]:
        group = TRANSLATION_GROUP if "transcript" in stream else STT_GROUP
        return {consumer["name"].decode() for consumer in await self.redis.xinfo_consumers(stream, group)}

    async def add(self, stream: str, fields: dict[Any, Any]) -> None:
        await self.redis.xadd(stream, fields)

    async def lose_everything(self) -> None:
        await self.redis.flushall()


@asynccontextmanager
async def redis_backend(url: str) -> AsyncIterator[RedisBackend]:
    redis = connect(ServiceSettings(REDIS_URL=url))
    await redis.flushall()
    backend = RedisBackend(redis)
    async with asyncio.TaskGroup() as tasks:
        delivering = tasks.create_task(backend.fanout.deliver_forever())
        yield backend
        delivering.cancel()
    await redis.aclose()


@pytest.fixture(params=["memory", pytest.param("valkey", marks=pytest.mark.server)])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    if request.param == "memory":
        yield MemoryBackend()
        return
    async with redis_backend(request.getfixturevalue("redis_url")) as backend:
        yield backend


@pytest.fixture
async def lease(backend: Backend) -> Lease:
    return await backend.sessions.open("s", "secret", RECORD)


async def read(backend: Backend, count: int, job_stream: Any = AUDIO, name: str = "reader") -> list[Entry[Any]]:
    """Read `count` finals, or as many as there are, without processing them."""
    async with backend.source(job_stream, name) as source:
        entries: list[Entry[Any]] = []
        while len(entries) < count and (raw := await source.read(1, wait=True)):
            entries += [one.decode(job_stream) for one in raw if one.kind == "final"]
        return entries


async def logged(backend: Backend, session: str = "s", cursor: str = "0-0") -> list[Any]:
    return [message.event async for message in backend.sessions.read_log(session, cursor)]


async def committed(backend: Backend, lease: Lease, utterance: int) -> Entry[AudioJob]:
    """Submit an utterance and commit its final."""
    await lease.submit_audio(job(utterance), PCM, early=False)
    (entry,) = await read(backend, 1)
    assert await backend.streams.commit_final(entry, final_of(entry.job)) == "committed"
    return entry


def resume(token: str = "secret", utterance: int = 0, session: str = "s") -> Resume:
    return Resume(session=session, token=token, utterance=utterance)


# --- results


async def test_results_are_released_in_the_order_of_their_utterances(backend: Backend, lease: Lease) -> None:
    for number in (1, 2, 3):
        await lease.submit_audio(job(number), PCM, early=False)
    for entry in reversed(await read(backend, 3)):
        assert await backend.streams.commit_final(entry, final_of(entry.job)) == "committed"
    assert [event.utterance for event in await logged(backend)] == [1, 2, 3]


async def test_only_the_first_commit_of_an_entry_takes_effect(backend: Backend, lease: Lease) -> None:
    entry = await committed(backend, lease, 1)
    again = [await backend.streams.commit_final(entry, final_of(entry.job)) for _ in range(2)]
    assert again == ["already_acknowledged", "already_acknowledged"]
    assert len(await logged(backend)) == 1
    assert len(await backend.entries(entry.shard.transcripts("final"))) == 1
    assert await backend.entries(entry.shard.audio("final")) == []


async def test_an_early_result_waits_until_the_utterance_is_closed(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=True)
    (entry,) = await read(backend, 1)
    await backend.streams.commit_final(entry, final_of(entry.job))
    assert await logged(backend) == []
    await lease.close_utterance(1, 1, 100, entry.id)
    assert [event.text for event in await logged(backend)] == ["text 1.1"]


async def test_an_utterance_may_be_closed_before_its_early_result_exists(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=True)
    (entry,) = await read(backend, 1)
    await lease.close_utterance(1, 1, 100, entry.id)
    assert await logged(backend) == []
    await backend.streams.commit_final(entry, final_of(entry.job))
    assert [event.text for event in await logged(backend)] == ["text 1.1"]


async def test_a_later_attempt_supersedes_the_result_of_an_early_one(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1, attempt=1), PCM, early=True)
    (first,) = await read(backend, 1)
    await lease.submit_audio(job(1, attempt=2), PCM, early=False)
    (second,) = await read(backend, 1)
    assert await backend.streams.commit_final(first, final_of(first.job)) == "superseded"
    assert await backend.streams.commit_final(second, final_of(second.job)) == "committed"
    assert [event.text for event in await logged(backend)] == ["text 1.2"]


async def test_a_withdrawn_early_final_is_not_delivered(backend: Backend, lease: Lease) -> None:
    entry_id = await lease.submit_audio(job(1), PCM, early=True)
    await lease.withdraw_early_final(1, 1, entry_id)
    assert await read(backend, 1) == []


async def test_translations_are_logged_and_no_longer_missing(backend: Backend, lease: Lease) -> None:
    await committed(backend, lease, 1)
    now = SessionRecord(RECORD.start, "c", next=2, count=1)
    known = await lease.restore(now)
    assert (known.translating, known.translated) == ({1: ("es",)}, frozenset())
    (entry,) = await read(backend, 1, TRANSCRIPTS)
    assert await backend.streams.commit_translations(entry, translation_of(entry.job)) == "committed"
    assert await backend.streams.commit_translations(entry, translation_of(entry.job)) == "already_acknowledged"
    assert [type(event) for event in await logged(backend)] == [Final, Translation]
    known = await lease.restore(now)
    assert (known.translating, known.translated) == ({}, frozenset({1}))


async def test_a_resubmitted_transcript_is_delivered(backend: Backend, lease: Lease) -> None:
    await lease.resubmit_transcript(transcript(1))
    (entry,) = await read(backend, 1, TRANSCRIPTS)
    assert entry.job == transcript(1)


# --- reading


async def test_each_entry_is_delivered_to_one_consumer_of_the_group(backend: Backend, lease: Lease) -> None:
    for number in range(1, 7):
        await lease.submit_audio(job(number), PCM, early=False)
    async with backend.source(AUDIO, "a") as first, backend.source(AUDIO, "b") as second:
        raw = [*await first.read(2, wait=False), *await second.read(2, wait=False), *await first.read(9, wait=False)]
    assert [one.decode(AUDIO).job.utterance for one in raw] == [1, 2, 3, 4, 5, 6]
    assert {one.decode(AUDIO).pcm for one in raw} == {PCM}


async def test_a_waiting_read_returns_as_soon_as_there_is_an_entry(backend: Backend, lease: Lease) -> None:
    async with backend.source(AUDIO, "a") as source, asyncio.TaskGroup() as tasks:
        await source.read(1, wait=False)
        reading = tasks.create_task(source.read(1, wait=True))
        await asyncio.sleep(0.05)
        await lease.submit_audio(job(1), PCM, early=False)
        async with asyncio.timeout(0.9):
            assert [one.decode(AUDIO).job.utterance for one in await reading] == [1]


async def test_previews_are_acknowledged_as_they_are_read(backend: Backend) -> None:
    for number in range(3):
        await backend.streams.submit_preview(job(number, kind="preview"), PCM)
    shard = backend.streams.shard("s")
    async with backend.source(AUDIO, "a") as source:
        raw = await source.read(1, wait=False)
        assert [(one.kind, one.decode(AUDIO).job.utterance) for one in raw] == [("preview", n) for n in range(3)]
        assert await source.read(1, wait=False) == []
    assert await backend.entries(shard.audio("preview")) == []


async def test_a_transcript_for_a_preview_is_delivered_as_a_preview(backend: Backend) -> None:
    preview = transcript(1).model_copy(update={"kind": "preview"})
    await backend.streams.publish_previews("s", [], preview)
    async with backend.source(TRANSCRIPTS, "a") as source:
        raw = await source.read(1, wait=True)
    assert [(one.kind, one.decode(TRANSCRIPTS).job) for one in raw] == [("preview", preview)]


async def test_a_stale_entry_is_claimed_once_and_its_deliveries_are_counted(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    await read(backend, 1, name="dead")
    async with backend.source(AUDIO, "a") as first, backend.source(AUDIO, "b") as second:
        assert await first.claim_stale_entry("final") is None, "the worker may still be alive"
        await asyncio.sleep(CLAIM_AFTER_MS / 1000 + 0.02)
        claimed = await first.claim_stale_entry("final")
        assert claimed is not None
        assert (claimed.raw.decode(AUDIO).job.utterance, claimed.deliveries) == (1, 2)
        assert await second.claim_stale_entry("final") is None
        await asyncio.sleep(CLAIM_AFTER_MS / 1000 + 0.02)
        claimed = await second.claim_stale_entry("final")
        assert claimed is not None
        assert claimed.deliveries == 3


async def test_a_kept_claim_is_not_taken_over_and_its_deliveries_do_not_grow(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    async with backend.source(AUDIO, "a") as first, backend.source(AUDIO, "b") as second:
        entries = [one.decode(AUDIO) for one in await first.read(1, wait=True)]
        async with first.keep_claims(entries):
            await asyncio.sleep(2 * CLAIM_AFTER_MS / 1000)
            assert await second.claim_stale_entry("final") is None
        await asyncio.sleep(CLAIM_AFTER_MS / 1000 + 0.02)
        claimed = await second.claim_stale_entry("final")
        assert claimed is not None
        assert claimed.deliveries == 2


async def test_a_claim_that_is_kept_for_a_moment_is_not_renewed(backend: Backend, lease: Lease) -> None:
    """The first renewal follows after a third of the time. The in-memory streams must not hide this."""
    await lease.submit_audio(job(1), PCM, early=False)
    async with backend.source(AUDIO, "a") as first, backend.source(AUDIO, "b") as second:
        entries = [one.decode(AUDIO) for one in await first.read(1, wait=True)]
        await asyncio.sleep(CLAIM_AFTER_MS / 1000 + 0.02)
        async with first.keep_claims(entries):
            await asyncio.sleep(0.01)
        assert await second.claim_stale_entry("final") is not None


async def test_entries_that_are_handed_back_are_claimed_at_once(backend: Backend, lease: Lease) -> None:
    for number in (1, 2, 3):
        await lease.submit_audio(job(number), PCM, early=False)
    async with backend.source(AUDIO, "a") as leaving, backend.source(AUDIO, "b") as second:
        assert len(await leaving.read(2, wait=True)) == 2
        assert len(await second.read(1, wait=True)) == 1
        assert await second.claim_stale_entry("final") is None
        assert await leaving.hand_back() == 2
        claimed = [await second.claim_stale_entry("final") for _ in range(3)]
    taken = [(one.raw.decode(AUDIO).job.utterance, one.deliveries) for one in claimed if one]
    assert taken == [(1, 2), (2, 2)], "not the entry that the second consumer holds itself"


async def test_idle_consumers_are_deleted_unless_they_have_pending_finals(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    await read(backend, 1, name="holder")
    shard = backend.streams.shard("s")
    async with backend.source(AUDIO, "idler") as idler, backend.source(AUDIO, "sweeper") as sweeper:
        await idler.read(1, wait=False)
        assert await sweeper.delete_idle_consumers(idle_s=60) == 0
        await asyncio.sleep(0.05)
        assert await sweeper.delete_idle_consumers(idle_s=0.05) >= 1
    left = await backend.consumers(shard.audio("final"))
    assert "holder" in left
    assert "idler" not in left


async def test_a_consumer_that_leaves_is_deleted_from_the_group(backend: Backend) -> None:
    async with backend.source(AUDIO, "a") as source:
        await source.read(1, wait=True)
        await source.leave()
    assert await backend.consumers(backend.streams.shard("s").audio("final")) == set()


async def test_reading_continues_after_all_data_was_lost(backend: Backend) -> None:
    async with backend.source(AUDIO, "a") as source:
        await source.read(1, wait=False)
        await backend.lose_everything()
        lease = await backend.sessions.open("s", "secret", RECORD)
        await lease.submit_audio(job(1), PCM, early=False)
        raw = await source.read(1, wait=True)
    assert [one.decode(AUDIO).job.utterance for one in raw] == [1]


# --- recordings


async def test_the_finals_and_transcripts_of_a_recording_have_streams_of_their_own(
    backend: Backend, lease: Lease
) -> None:
    await lease.submit_audio(job(1, priority="recording"), PCM, early=False)
    shard = backend.streams.shard("s")
    assert (len(await backend.entries(shard.audio("recording"))), await backend.entries(shard.audio("final"))) == (
        1,
        [],
    )
    async with backend.source(AUDIO, "a") as source:
        (raw,) = await source.read_recordings(1)
        assert await source.read_recordings(1) == []
    entry = raw.decode(AUDIO)
    outcome = final_of(entry.job)
    assert outcome.transcript
    translated = replace(outcome, transcript=outcome.transcript.model_copy(update={"priority": "recording"}))
    assert await backend.streams.commit_final(entry, translated) == "committed"
    assert await backend.streams.commit_final(entry, translated) == "already_acknowledged"
    assert await backend.entries(shard.audio("recording")) == []
    assert await backend.entries(shard.transcripts("final")) == []
    async with backend.source(TRANSCRIPTS, "a") as source:
        (text,) = await source.read_recordings(1)
    again = text.decode(TRANSCRIPTS)
    assert again.job.stream_kind == "recording"
    assert await backend.streams.commit_translations(again, translation_of(again.job)) == "committed"
    assert await backend.entries(shard.transcripts("recording")) == []
    assert [type(event) for event in await logged(backend)] == [Final, Translation]


async def test_recordings_are_read_only_by_a_read_that_allows_them_and_finds_nothing_else(
    backend: Backend, lease: Lease
) -> None:
    for number in (1, 2, 3):
        await lease.submit_audio(job(number, priority="recording"), PCM, early=False)
    await lease.submit_audio(job(4), PCM, early=False)
    async with backend.source(AUDIO, "a") as source:
        reads = [
            await source.read(9, wait=False, recording=True),
            await source.read(9, wait=False, recording=True),
            await source.read(9, wait=True),
            await source.read(9, wait=True, recording=True),
            await source.read_recordings(2),
        ]
    found = [[(one.kind, one.decode(AUDIO).job.utterance) for one in raw] for raw in reads]
    assert found == [[("final", 4)], [], [], [("recording", 1)], [("recording", 2), ("recording", 3)]]


@pytest.mark.server
async def test_a_read_takes_recordings_of_one_shard_and_all_shards_have_their_turn(redis_url: str) -> None:
    async with redis_backend(redis_url) as backend:
        streams = RedisJobStreams(backend.redis, ServiceSettings(NOVA_SHARDS=4))
        for shard in streams.shards * 3:
            await backend.add(shard.audio("recording"), encode_entry(job(1, priority="recording"), PCM))
        async with RedisEntrySource(streams, AUDIO, "a", WorkerSettings()) as source:
            assert await source.read(9, wait=False) == []
            waits = [await source.read(9, wait=True, recording=True) for _ in streams.shards]
            reads = [await source.read_recordings(9) for _ in streams.shards]
            assert await source.read_recordings(9) == []
    assert sorted(one.shard.number for raw in waits for one in raw) == [0, 1, 2, 3]
    assert [len(raw) for raw in (*waits, *reads)] == [1, 1, 1, 1, 2, 2, 2, 2]
    assert [len({one.shard.number for one in raw}) for raw in reads] == [1, 1, 1, 1]


async def test_a_waiting_read_returns_as_soon_as_there_is_an_entry_of_a_recording(
    backend: Backend, lease: Lease
) -> None:
    async with backend.source(AUDIO, "a") as source, asyncio.TaskGroup() as tasks:
        await source.read(1, wait=False)
        reading = tasks.create_task(source.read(9, wait=True, recording=True))
        await asyncio.sleep(0.05)
        await lease.submit_audio(job(1, priority="recording"), PCM, early=False)
        async with asyncio.timeout(0.9):
            assert [one.kind for one in await reading] == ["recording"]


async def test_entries_of_recordings_are_kept_claimed_and_handed_back(backend: Backend, lease: Lease) -> None:
    for number in (1, 2):
        await lease.submit_audio(job(number, priority="recording"), PCM, early=False)
    async with backend.source(AUDIO, "a") as first, backend.source(AUDIO, "b") as second:
        raw = [*await first.read_recordings(1), *await first.read_recordings(1)]
        async with first.keep_claims([raw[0].decode(AUDIO)]):
            await asyncio.sleep(2 * CLAIM_AFTER_MS / 1000)
            assert await second.claim_stale_entry("final") is None
            claimed = await second.claim_stale_entry("recording")
            assert claimed is not None
            assert (claimed.raw.decode(AUDIO).job.utterance, claimed.deliveries) == (2, 2)
            assert await second.claim_stale_entry("recording") is None
        assert await first.hand_back() == 1
        again = await second.claim_stale_entry("recording")
        assert again is not None
        assert again.raw.kind == "recording"


async def test_a_consumer_with_an_entry_of_a_recording_is_not_deleted(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1, priority="recording"), PCM, early=False)
    async with backend.source(AUDIO, "holder") as holder, backend.source(AUDIO, "idler") as idler:
        assert len(await holder.read_recordings(1)) == 1
        await idler.read_recordings(1)
        await asyncio.sleep(0.05)
        assert await idler.delete_idle_consumers(idle_s=0.05) >= 1
    assert await backend.consumers(backend.streams.shard("s").audio("recording")) == {"holder"}


async def test_an_entry_of_a_recording_becomes_a_dead_letter(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1, priority="recording"), PCM, early=False)
    shard = backend.streams.shard("s")
    await backend.add(shard.audio("recording"), {b"h": b"not json", b"p": b"odd"})
    async with backend.source(AUDIO, "a") as source:
        (raw,), (odd,) = await source.read_recordings(1), await source.read_recordings(1)
    entry = raw.decode(AUDIO)
    assert await backend.streams.dead_letter(shard, STT_GROUP, odd.id, None, FAILURE, odd.kind) == "committed"
    dead = backend.streams.dead_letter(shard, STT_GROUP, entry.id, entry.job, FAILURE, raw.kind)
    assert await dead == "committed"
    assert await backend.entries(shard.audio("recording")) == []
    assert len(await backend.entries(shard.dead(STT_GROUP))) == 2
    assert [type(event) for event in await logged(backend)] == [Error]


async def test_a_recording_in_the_stream_of_live_finals_is_processed_as_live(backend: Backend, lease: Lease) -> None:
    """`nova dead` of an earlier release replays it there."""
    await lease.submit_audio(job(1, priority="recording"), PCM, early=False)
    shard = backend.streams.shard("s")
    (fields,) = await backend.entries(shard.audio("recording"))
    await backend.add(shard.audio("final"), fields)
    (entry,) = await read(backend, 1)
    assert entry.job.stream_kind == "final"
    assert await backend.streams.commit_final(entry, final_of(entry.job)) == "committed"
    assert await backend.entries(shard.audio("final")) == []


# --- dead letters


async def test_the_error_of_a_dead_letter_takes_the_place_of_its_final(backend: Backend, lease: Lease) -> None:
    for number in (1, 2, 3):
        await lease.submit_audio(job(number), PCM, early=False)
    first, second, third = await read(backend, 3)
    await backend.streams.commit_final(third, final_of(third.job))
    dead = backend.streams.dead_letter(second.shard, STT_GROUP, second.id, second.job, FAILURE)
    assert await dead == "committed"
    await backend.streams.commit_final(first, final_of(first.job))
    events = await logged(backend)
    assert [type(event) for event in events] == [Final, Error, Final]
    assert (events[1].code, events[1].utterance) == ("dead_lettered", 2)


async def test_a_dead_letter_holds_the_entry_and_the_failure(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    (entry,) = await read(backend, 1)
    arguments = (entry.shard, STT_GROUP, entry.id, entry.job, FAILURE)
    assert await backend.streams.dead_letter(*arguments) == "committed"
    assert await backend.streams.dead_letter(*arguments) == "already_acknowledged"
    (dead_letter,) = await backend.entries(entry.shard.dead(STT_GROUP))
    assert AUDIO.decode(dead_letter) == (entry.job, PCM)
    assert Failure.read(dead_letter) == FAILURE
    assert await backend.entries(entry.shard.audio("final")) == []


async def test_an_unreadable_dead_letter_sends_no_event(backend: Backend) -> None:
    shard = backend.streams.shard("s")
    await backend.add(shard.audio("final"), {b"h": b"not json", b"p": b"odd"})
    async with backend.source(AUDIO, "a") as source:
        (raw,) = await source.read(1, wait=True)
    assert await backend.streams.dead_letter(shard, STT_GROUP, raw.id, None, FAILURE) == "committed"
    assert len(await backend.entries(shard.dead(STT_GROUP))) == 1
    assert await logged(backend) == []


async def test_a_superseded_attempt_does_not_become_a_dead_letter(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1, attempt=1), PCM, early=True)
    (first,) = await read(backend, 1)
    await lease.submit_audio(job(1, attempt=2), PCM, early=False)
    dead = backend.streams.dead_letter(first.shard, STT_GROUP, first.id, first.job, FAILURE)
    assert await dead == "superseded"
    assert await backend.entries(first.shard.dead(STT_GROUP)) == []


async def test_a_dead_transcript_logs_an_error_instead_of_the_translations(backend: Backend, lease: Lease) -> None:
    await committed(backend, lease, 1)
    (entry,) = await read(backend, 1, TRANSCRIPTS)
    await backend.streams.dead_letter(entry.shard, TRANSLATION_GROUP, entry.id, entry.job, FAILURE)
    _, error = await logged(backend)
    assert (error.code, error.utterance) == ("not_translated", 1)
    _, record = await backend.sessions.resume(resume(utterance=1))
    assert (record.translating, record.translated) == ({}, frozenset({1}))


async def test_the_final_of_a_replayed_job_is_logged_once_after_the_error(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    (entry,) = await read(backend, 1)
    await backend.streams.dead_letter(entry.shard, STT_GROUP, entry.id, entry.job, FAILURE)
    await backend.add(entry.shard.audio("final"), encode_entry(job(1, replayed=True), PCM))
    (replayed,) = await read(backend, 1)
    assert await backend.streams.commit_final(replayed, final_of(replayed.job)) == "committed"
    assert await backend.streams.commit_final(replayed, final_of(replayed.job)) == "already_acknowledged"
    assert [type(event) for event in await logged(backend)] == [Error, Final]


# --- events


async def test_the_log_is_read_from_a_cursor(backend: Backend, lease: Lease) -> None:
    for number in (1, 2, 3):
        await committed(backend, lease, number)
    first, *rest = [message async for message in backend.sessions.read_log("s", "0-0")]
    assert first.cursor is not None
    assert [message async for message in backend.sessions.read_log("s", first.cursor)] == rest
    for message in (first, *rest):
        assert isinstance(message.event, Final)
        assert message.event.cursor == message.cursor
    assert await logged(backend, "another") == []


async def test_a_listener_receives_partials_and_durable_events(backend: Backend, lease: Lease) -> None:
    words: dict[str, Any] = {"committed": "a", "tentative": " b", "language": "en", "start_ms": 0, "end_ms": 100}
    early, later = (PartialResult(utterance=1, revision=n, **words) for n in (1, 2))
    async with backend.fanout.listen(backend.streams.shard("s").events("s")) as listener, asyncio.timeout(5):
        await backend.streams.publish_previews("s", [early])
        assert (await listener.next_event()).event == early
        await lease.submit_audio(job(1), PCM, early=True)
        (entry,) = await read(backend, 1)
        outcome = final_of(entry.job)
        await backend.streams.commit_final(entry, Outcome(outcome.durable, (later,), outcome.transcript))
        message = await listener.next_event()
        assert (message.cursor, message.event) == (None, later)
        await lease.close_utterance(1, 1, 100, entry.id)
        message = await listener.next_event()
        assert isinstance(message.event, Final)
        assert message.event.cursor == message.cursor


async def test_a_listener_receives_only_its_channel(backend: Backend) -> None:
    partial = PartialResult(utterance=1, revision=1, committed="", tentative="x", language="en", start_ms=0, end_ms=9)
    shard = backend.streams.shard("s")
    async with backend.fanout.listen(shard.events("s")) as own, backend.fanout.listen(shard.events("other")) as other:
        await backend.streams.publish_previews("other", [partial])
        async with asyncio.timeout(5):
            await other.next_event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await own.next_event()


# --- sessions


async def test_a_resumed_session_has_everything_that_the_previous_gateway_wrote(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    await lease.submit_audio(job(2), PCM, early=True)
    resumed, record = await backend.sessions.resume(resume())
    assert record.start == RECORD.start
    assert (record.epoch, record.next, record.count, record.audio_ms) == (1, 1, 1, 100)
    assert record.closed == {1}
    assert record.open == "", "the new gateway decides again where the second utterance ends"
    assert resumed.epoch == 1


@pytest.mark.parametrize("message", [resume(token="guess"), resume(session="other")])
async def test_a_session_is_not_resumed_without_its_token(backend: Backend, lease: Lease, message: Resume) -> None:
    with pytest.raises(UnknownSessionError):
        await backend.sessions.resume(message)
    await lease.submit_audio(job(1), PCM, early=False)


async def test_a_gateway_that_was_taken_over_cannot_change_the_session(backend: Backend, lease: Lease) -> None:
    entry_id = await lease.submit_audio(job(1), PCM, early=True)
    await backend.sessions.resume(resume())
    for write in (
        lease.submit_audio(job(1, attempt=2), PCM, early=False),
        lease.close_utterance(1, 1, 100, entry_id),
        lease.withdraw_early_final(1, 1, entry_id),
        lease.resubmit_transcript(transcript(1)),
        lease.update(RECORD),
        lease.restore(RECORD),
    ):
        with pytest.raises(TakenOverError):
            await write
    assert len(await backend.entries(backend.streams.shard("s").audio("final"))) == 1


async def test_the_previous_gateway_is_notified_of_the_takeover(backend: Backend, lease: Lease) -> None:
    async with backend.fanout.listen(backend.streams.shard("s").events("s")) as listener:
        await backend.sessions.resume(resume())
        async with asyncio.timeout(5):
            assert (await listener.next_event()).event == TakenOver(1)


async def test_an_early_result_from_before_the_resume_is_void(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1, attempt=1), PCM, early=True)
    (old,) = await read(backend, 1)
    resumed, _ = await backend.sessions.resume(resume())
    await resumed.submit_audio(job(1, attempt=1_001), PCM, early=False)
    (new,) = await read(backend, 1)
    assert await backend.streams.commit_final(old, final_of(old.job)) == "superseded"
    assert await backend.streams.commit_final(new, final_of(new.job)) == "committed"
    assert [event.text for event in await logged(backend)] == ["text 1.1001"]


async def test_missing_translations_are_known_after_a_resume(backend: Backend, lease: Lease) -> None:
    await committed(backend, lease, 1)
    _, record = await backend.sessions.resume(resume())
    assert record.translating == {1: ("es",)}
    assert (record.next, record.closed) == (2, frozenset())


async def test_a_lost_session_is_noticed_and_restored(backend: Backend, lease: Lease) -> None:
    entry_id = await lease.submit_audio(job(1), PCM, early=True)
    await backend.lose_everything()
    with pytest.raises(SessionLostError):
        await lease.close_utterance(1, 1, 100, entry_id)
    known = await lease.restore(SessionRecord(RECORD.start, "c", next=5, count=5))
    assert (known.next, known.closed) == (5, frozenset())
    await lease.submit_audio(job(5), PCM, early=False)
    (again,) = await read(backend, 1)
    await backend.streams.commit_final(again, final_of(again.job))
    assert [event.utterance for event in await logged(backend)] == [5], "results before it were delivered"
    _, record = await backend.sessions.resume(resume())
    assert record.start == RECORD.start


async def test_a_restored_session_is_not_ahead_of_its_jobs(backend: Backend, lease: Lease) -> None:
    await lease.submit_audio(job(1), PCM, early=False)
    ahead = SessionRecord(RECORD.start, "c", next=1, count=2, audio_ms=900)
    assert (await lease.restore(ahead)).closed == {1}
    # The gateway dies before it submits the second utterance again.
    _, record = await backend.sessions.resume(resume())
    assert (record.count, record.audio_ms) == (1, 100)


async def test_closing_an_utterance_whose_entry_is_lost_is_noticed(backend: Backend, lease: Lease) -> None:
    with pytest.raises(SessionLostError):
        await lease.close_utterance(1, 1, 100, "1-1")
