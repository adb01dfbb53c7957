"""Recorded entries, sessions and clients of earlier releases on a running system of the current release."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect as open_socket

from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.messages.jobs import ChannelMessage, PartialResult, decode_transcript
from backend.messages.protocol import Final, Ready, parse_server
from backend.service.settings import ServiceSettings
from backend.streams.names import WORKERS, Shard, worker_key
from backend.streams.redis.connection import connect
from backend.streams.session.fanout import Listener
from backend.streams.session.log import read_log
from backend.streams.session.redis_fanout import RedisFanout
from stt_worker.recognizers.null import transcript
from tests.conftest import run_in_thread
from tests.contract.recording import Recorded, releases
from tests.testkit.audio.voices import voices
from tests.testkit.cli import silent
from tests.testkit.system.plans import system_plan

SHARD = Shard(0)
# Recorded previews are years old.
ACCEPT_OLD_PREVIEWS = {"STT_PREVIEW_MAX_AGE_MS": str(10**13)}


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    plan = system_plan(tmp_path_factory.mktemp("logs"), environment=ACCEPT_OLD_PREVIEWS)
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.fixture
async def redis(today: System) -> AsyncIterator[Redis]:
    client = connect(ServiceSettings(REDIS_URL=today.redis_url))
    yield client
    await client.aclose()


@pytest.fixture(params=releases(), ids=lambda folder: folder.name)
def release(request: pytest.FixtureRequest) -> Recorded:
    folder: Path = request.param
    return Recorded.read(folder)


@asynccontextmanager
async def listening(redis: Redis, session: str) -> AsyncIterator[Listener]:
    fanout = RedisFanout(redis, "test")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(fanout.deliver_forever())
        async with fanout.listen(SHARD.events(session)) as listener:
            yield listener
        running.cancel()


async def received(listener: Listener, kind: type[Any]) -> ChannelMessage:
    async with asyncio.timeout(10):
        while not isinstance((live := await listener.next_event()).event, kind):
            pass
    return live


async def test_a_preview_of_an_older_release_produces_a_readable_partial(release: Recorded, redis: Redis) -> None:
    for fields in release.of("audio:preview"):
        job = json.loads(fields[b"h"])
        async with listening(redis, job["session"]) as listener:
            await redis.xadd(SHARD.audio("preview"), fields)
            partial = (await received(listener, PartialResult)).event
        assert isinstance(partial, PartialResult)
        assert (partial.utterance, partial.revision) == (job["utterance"], job["revision"])
        assert partial.committed.startswith(job.get("committed", ""))


async def test_a_final_of_an_older_release_is_released_logged_and_translated(release: Recorded, redis: Redis) -> None:
    for fields in release.of("audio:final"):
        job = json.loads(fields[b"h"])
        name, utterance = job["session"], str(job["utterance"])
        session = next(one for one in release.sessions if one["correlation"] == job["correlation_id"])
        await redis.delete(SHARD.session(name), SHARD.log(name), SHARD.transcripts("final"))
        # The session as a gateway of that release left it: the utterance is closed and is released next.
        closed: dict[Any, Any] = {**session, "next": utterance, f"closed:{utterance}": str(job.get("attempt", 1))}
        await redis.hset(SHARD.session(name), mapping=closed)
        async with listening(redis, name) as listener:
            await redis.xadd(SHARD.audio("final"), fields)
            live = await received(listener, Final)
        assert isinstance(live.event, Final)
        assert live.event.utterance == job["utterance"]
        assert transcript(fields[b"p"]) in live.event.text
        assert [logged async for logged in read_log(redis, SHARD, name, "0-0")] == [live]
        transcripts: Any = await redis.xrange(SHARD.transcripts("final"))
        assert [decode_transcript(entry).text for _, entry in transcripts] == (
            [live.event.text] if job.get("translate_to") else []
        )


async def test_heartbeats_of_an_older_release_are_listed(release: Recorded, redis: Redis, today: System) -> None:
    for beat in release.heartbeats:
        key = worker_key(beat["kind"], beat["name"])
        await redis.set(key, json.dumps(beat), ex=30)
        await redis.sadd(WORKERS, key)
    async with httpx.AsyncClient() as client:
        answer = (await client.get(f"{today.urls[0]}/health/full")).json()
    names = json.dumps(answer)
    assert all(beat["name"] in names for beat in release.heartbeats)


async def test_a_client_of_an_older_release_is_served(release: Recorded, today: System) -> None:
    (start, *others) = [frame for frame in release.said if '"type":"resume"' not in frame]
    async with open_socket(stream_url(today.urls[0]), compression=None) as socket:
        await socket.send(start)
        assert isinstance(parse_server(await socket.recv()), Ready)
        for frame in others:
            await socket.send(frame)
        assert [parse_server(frame).type async for frame in socket] == ["done"]


async def test_recordings_are_not_left_unread_by_workers_of_an_older_release(release: Recorded, tmp_path: Path) -> None:
    old = [beat for beat in release.heartbeats if beat["kind"] == "stt"]
    plan = system_plan(tmp_path, stt_workers=0)
    async with running(plan, silent) as system, connect(ServiceSettings(REDIS_URL=system.redis_url)) as redis:
        for beat in old:
            await redis.set(worker_key("stt", beat["name"]), json.dumps(beat), ex=60)
            await redis.sadd(WORKERS, worker_key("stt", beat["name"]))
        await asyncio.sleep(1.5)  # gateways read heartbeats twice a second
        clip = voices(1, 4.0)[0]
        async with open_socket(stream_url(system.urls[0]), compression=None) as socket:
            await socket.send('{"type":"start","language":"en","priority":"recording"}')
            await socket.send(np.concatenate([clip, np.zeros(2 * 16_000, np.int16)]).tobytes())
            while parse_server(await socket.recv()).type != "speech_ended":
                pass
            async with asyncio.timeout(10):
                while not await redis.xlen(SHARD.audio("final")):  # noqa: ASYNC110 - the gateway writes it
                    await asyncio.sleep(0.05)
        assert await redis.xlen(SHARD.audio("recording")) == 0


async def test_a_recording_in_progress_is_submitted_again_when_only_older_workers_are_left(
    release: Recorded, tmp_path: Path
) -> None:
    old = next(beat for beat in release.heartbeats if beat["kind"] == "stt")
    plan = system_plan(tmp_path, stt_workers=0)
    async with running(plan, silent) as system, connect(ServiceSettings(REDIS_URL=system.redis_url)) as redis:
        clip = voices(1, 4.0)[0]
        async with open_socket(stream_url(system.urls[0]), compression=None) as socket:
            await socket.send('{"type":"start","language":"en","priority":"recording"}')
            await socket.send(np.concatenate([clip, np.zeros(2 * 16_000, np.int16)]).tobytes())
            while parse_server(await socket.recv()).type != "speech_ended":
                pass
            await asyncio.sleep(0.5)
            assert await redis.xlen(SHARD.audio("recording")) == 1
            await redis.set(worker_key("stt", old["name"]), json.dumps(old), ex=60)
            await redis.sadd(WORKERS, worker_key("stt", old["name"]))
            async with asyncio.timeout(20):
                while not await redis.xlen(SHARD.audio("final")):  # noqa: ASYNC110 - the gateway writes it
                    await asyncio.sleep(0.2)
