"""Replaying dead letters, on a real Redis with real workers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from backend.messages.jobs import Transcript
from backend.messages.protocol import Error, Final, Resume, Translation
from backend.service.settings import ServiceSettings
from backend.streams.dead_letters import DeadLetters
from backend.streams.job_streams import TRANSCRIPTS, Entry, Outcome
from backend.streams.names import STT_GROUP, WORKERS, worker_key
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Lease, UnknownSessionError
from backend.streams.worker.batch_processor import Answer
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.integration.conftest import Nova
from tests.testkit.streams.dead_letters import (
    ONE_SECOND,
    all_dead_letters,
    dead_lettered,
    entries,
    handled,
    only_dead_letter,
)
from tests.testkit.streams.jobs import job, transcript
from tests.testkit.streams.on_redis import logged, taken
from tests.testkit.system.command import nova


@pytest.fixture
def recognizing() -> Callable[[Sequence[Entry[Any]]], Awaitable[list[Answer]]]:
    """The handler of a worker whose text is a checksum of the audio."""
    return SttWorker(NullRecognizer(), SttSettings()).handle


async def test_a_dead_letter_without_its_entry_is_not_replayed_even_by_force(
    streams: RedisJobStreams, run: Nova
) -> None:
    await streams.redis.xadd(streams.shard("s").dead(STT_GROUP), {"reason": "x", "attempts": "1"})
    assert (await run("list")).exit_code == 0
    assert (await run("replay", "--all", "--force")).exit_code == 1
    assert await streams.redis.xlen(streams.shard("s").dead(STT_GROUP)) == 1


async def test_concurrent_replays_produce_one_late_final(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters, redis_url: str, recognizing: Any
) -> None:
    await lease.submit_audio(job(1, translate_to=("es",)), ONE_SECOND, early=False)
    await dead_lettered(streams)
    letter = await only_dead_letter(dead)
    operators = (str(letter.id), "--all", "--all")
    replays = (asyncio.to_thread(nova, "dead", "replay", one, "--redis-url", redis_url) for one in operators)
    said = [result.stdout for result in await asyncio.gather(*replays)]
    assert said.count("1 dead letter replayed.\n") == 1
    error, final = await handled(streams, recognizing, 2)
    assert isinstance(error, Error)
    assert isinstance(final, Final)
    assert (error.utterance, error.code) == (1, "dead_lettered")
    assert (final.utterance, final.late, final.translate_to) == (1, True, ("es",))
    assert final.cursor > error.cursor
    assert await streams.redis.xlen(streams.shard("s").transcripts("final")) == 1
    assert await all_dead_letters(dead) == []


async def test_ten_concurrent_replays_move_the_entry_once(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters
) -> None:
    await lease.submit_audio(job(1), ONE_SECOND, early=False)
    await dead_lettered(streams)
    letter = await only_dead_letter(dead)
    outcomes = await asyncio.gather(*(dead.replay(letter) for _ in range(10)))
    assert sorted(outcomes) == ["gone"] * 9 + ["replayed"]
    assert len(await entries(streams, streams.shard("s").audio("final"))) == 1


async def test_a_replayed_job_keeps_all_fields_including_those_of_a_later_release(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters
) -> None:
    sent = job(1, prompt="Zoë", hypothesis=({"text": " a", "probability": 0.1},))
    header = json.dumps({**json.loads(sent.model_dump_json(exclude_defaults=True)), "later": [1.5, {}, []]})
    await lease.submit_audio(sent, ONE_SECOND, early=False)
    ((entry_id, _),) = await entries(streams, streams.shard("s").audio("final"))
    await streams.redis.xdel(streams.shard("s").audio("final"), entry_id)
    await streams.redis.xadd(streams.shard("s").audio("final"), {"h": header, "p": ONE_SECOND})
    await dead_lettered(streams)
    await dead.replay(await only_dead_letter(dead))
    ((_, fields),) = await entries(streams, streams.shard("s").audio("final"))
    assert json.loads(fields[b"h"]) == {**json.loads(header), "replayed": True}
    assert fields[b"p"] == ONE_SECOND
    assert set(fields) == {b"h", b"p"}


async def test_a_dead_letter_that_fails_again_can_be_replayed_again(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters, run: Nova, recognizing: Any
) -> None:
    await lease.submit_audio(job(1), ONE_SECOND, early=False)
    await dead_lettered(streams)
    await run("replay", "--all")
    await dead_lettered(streams)
    assert (await run("replay", "--all", "--session", "s", "--reason", "poison")).exit_code == 0
    error, final = await handled(streams, recognizing, 2)
    assert isinstance(error, Error)
    assert isinstance(final, Final)
    assert final.late


async def test_an_error_that_was_not_released_is_withdrawn_by_a_replay(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters, recognizing: Any
) -> None:
    await lease.submit_audio(job(1), ONE_SECOND, early=False)
    (first,) = await taken(streams, 1)
    await lease.submit_audio(job(2), ONE_SECOND, early=False)
    await dead_lettered(streams)
    assert await logged(streams) == []
    assert await dead.replay(await only_dead_letter(dead)) == "replayed"
    (outcome,) = await recognizing([first])
    await streams.commit_final(first, outcome)
    events = await handled(streams, recognizing, 2)
    assert all(isinstance(event, Final) for event in events)
    assert [(event.utterance, event.late) for event in events] == [(1, False), (2, False)]


async def test_a_dead_attempt_is_not_replayed_when_another_attempt_succeeded(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters, run: Nova, recognizing: Any
) -> None:
    entry_id = await lease.submit_audio(job(1), ONE_SECOND, early=True)
    await dead_lettered(streams)
    await lease.withdraw_early_final(1, 1, entry_id)
    await lease.submit_audio(job(1, attempt=2), ONE_SECOND, early=False)
    assert len(await handled(streams, recognizing, 1)) == 1
    refused = await run("replay", "--all")
    assert refused.exit_code == 1
    assert "already has a final" in refused.stderr
    assert len(await all_dead_letters(dead)) == 1
    assert len(await logged(streams)) == 1


async def test_a_replayed_transcript_is_translated(streams: RedisJobStreams, lease: Lease, run: Nova) -> None:
    async def translate(batch: Sequence[Entry[Transcript]]) -> list[Outcome]:
        return [
            Outcome(durable=(Translation(utterance=e.job.utterance, language="es", text="hola", is_final=True),))
            for e in batch
        ]

    await lease.resubmit_transcript(transcript(1))
    await dead_lettered(streams, job_stream=TRANSCRIPTS)
    assert (await run("replay", "--all", "--lane", "transcript")).exit_code == 0
    error, translation = await handled(streams, translate, 2, TRANSCRIPTS)
    assert error.code == "not_translated"
    assert (translation.utterance, translation.text) == (1, "hola")


async def test_a_dead_letter_of_an_expired_session_can_be_replayed(
    streams: RedisJobStreams, lease: Lease, run: Nova, recognizing: Any
) -> None:
    await lease.submit_audio(job(1, translate_to=("es",)), ONE_SECOND, early=False)
    await dead_lettered(streams)
    shard = streams.shard("s")
    await streams.redis.delete(shard.session("s"), shard.log("s"))
    assert (await run("replay", "--all")).exit_code == 0
    (final,) = await handled(streams, recognizing, 1)
    assert final.late
    assert await streams.redis.xlen(shard.audio("final")) == 0
    for key in (shard.session("s"), shard.log("s")):
        assert 0 < await streams.redis.ttl(key) <= 3600
    with pytest.raises(UnknownSessionError):
        await RedisSessions(streams.redis, ServiceSettings(), "g").resume(Resume(session="s", token="secret"))


async def test_a_dead_letter_of_a_recording_is_replayed_below_live_finals(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters, run: Nova, recognizing: Any
) -> None:
    await lease.submit_audio(job(1, priority="recording"), ONE_SECOND, early=False)
    await dead_lettered(streams)
    assert (await run("replay", "--all")).exit_code == 0
    shard = streams.shard("s")
    assert [await streams.redis.xlen(shard.audio(kind)) for kind in ("recording", "final")] == [1, 0]
    error, final = await handled(streams, recognizing, 2)
    assert isinstance(error, Error)
    assert isinstance(final, Final)
    assert final.late
    assert await all_dead_letters(dead) == []


async def test_a_dead_letter_of_a_recording_is_replayed_as_live_while_workers_read_only_live_streams(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters
) -> None:
    await lease.submit_audio(job(1, priority="recording"), ONE_SECOND, early=False)
    await dead_lettered(streams)
    key = worker_key("stt", "old")
    await streams.redis.set(key, json.dumps({"kind": "stt", "name": "old", "version": "0.1.0"}))
    await streams.redis.sadd(WORKERS, key)
    assert await dead.replay(await only_dead_letter(dead)) == "replayed"
    shard = streams.shard("s")
    assert [await streams.redis.xlen(shard.audio(kind)) for kind in ("recording", "final")] == [0, 1]
