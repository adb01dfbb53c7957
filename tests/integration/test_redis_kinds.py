"""Sessions survive when a Redis of any kind dies, hangs, is full or loses data."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from backend.errors import SetupError
from backend.local.processes import free_port
from backend.local.system import running
from backend.messages.protocol import Done
from backend.service.settings import ServiceSettings
from backend.streams.names import WORKERS, Shard, all_shards, worker_key
from backend.streams.observe.load_report import StreamDelay, read_heartbeats
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.redis.redis_py_fixes import MASTER_CHECK_EVERY_S
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.fanout import Listener
from backend.streams.session.redis_fanout import RedisFanout
from tests.conftest import run_in_thread
from tests.testkit.streams.jobs import job
from tests.testkit.streams.live_sessions import SHARDS, busy_sessions
from tests.testkit.streams.on_redis import opened as opened_session
from tests.testkit.system.plans import system_plan
from tests.testkit.system.redis_servers import RedisServers, cluster, sentinel, single

RESUMED_WITHIN_S = 10.0


@pytest.fixture(scope="module", params=[single, sentinel, cluster], ids=lambda opens: opens.__name__)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    """A Redis of each kind without persistence, so a killed server loses all data."""
    with run_in_thread(request.param(tmp_path_factory.mktemp("redis"))) as up:
        yield up


@pytest.fixture
async def kind(opened: RedisServers) -> RedisServers:
    """The same Redis, after it has recovered from the previous test."""
    await opened.settle()
    return opened


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    """A single Redis."""
    with run_in_thread(single(tmp_path_factory.mktemp("alone"))) as up:
        yield up


async def test_every_final_is_delivered_once_when_a_master_is_killed(kind: RedisServers) -> None:
    async with busy_sessions(kind) as busy:
        began = time.monotonic()
        killed = await kind.kill_master(1)
        if not kind.fails_over:
            await killed.start()
        took_s = await busy.recovered(began)
        if kind.fails_over:
            await killed.start()  # it is a master until another node demotes it
            await busy.recovered(time.monotonic())
    print(f"resumed after {took_s:.1f} s")
    assert took_s < RESUMED_WITHIN_S


async def test_every_final_is_delivered_once_when_a_master_hangs(kind: RedisServers) -> None:
    async with busy_sessions(kind) as busy:
        began = time.monotonic()
        with (await kind.master(1)).frozen():
            await (busy.recovered(began) if kind.fails_over else asyncio.sleep(2.0))
            took_s = time.monotonic() - began
        await busy.recovered(time.monotonic())
    print(f"resumed after {took_s:.1f} s")
    assert took_s < RESUMED_WITHIN_S


async def test_every_final_is_delivered_once_when_redis_loses_all_data(kind: RedisServers) -> None:
    async with busy_sessions(kind) as busy:
        began = time.monotonic()
        for server in kind.servers:
            if (await server.command("ROLE"))[0] == "master":
                await server.command("FLUSHALL")
        took_s = await busy.recovered(began)
    print(f"resumed after {took_s:.1f} s")
    assert took_s < RESUMED_WITHIN_S


async def test_every_final_is_delivered_once_when_redis_is_temporarily_a_replica(alone: RedisServers) -> None:
    await _endure(alone, ("REPLICAOF", "127.0.0.1", free_port()), ("REPLICAOF", "NO", "ONE"), "read only replica")


async def test_every_final_is_delivered_once_when_redis_is_temporarily_out_of_memory(alone: RedisServers) -> None:
    await _endure(alone, ("CONFIG", "SET", "maxmemory", "1mb"), ("CONFIG", "SET", "maxmemory", "0"), "maxmemory")


async def test_every_final_is_delivered_once_when_redis_temporarily_cannot_save(
    alone: RedisServers, tmp_path: Path
) -> None:
    (server,) = alone.servers
    gone = tmp_path / "gone"
    gone.mkdir()
    for name, value in (("dir", str(gone)), ("save", "3600 1")):
        await server.command("CONFIG", "SET", name, value)
    gone.rmdir()
    await _endure(alone, ("BGSAVE",), ("CONFIG", "SET", "stop-writes-on-bgsave-error", "no"), "MISCONF")


async def _endure(alone: RedisServers, trouble: tuple[str | int, ...], cure: tuple[str, ...], error: str) -> None:
    (server,) = alone.servers
    async with busy_sessions(alone) as busy:
        await server.command(*trouble)
        await asyncio.sleep(0.5)
        try:
            with pytest.raises(REDIS_ERRORS, match=error):
                await server.command("SET", "key", "value")
        finally:
            began = time.monotonic()
            await server.command(*cure)
        took_s = await busy.recovered(began)
    print(f"resumed after {took_s:.1f} s")
    assert took_s < RESUMED_WITHIN_S


@pytest.mark.parametrize("settings", [{}, {"appendonly": True}, {"appendonly": True, "appendfsync": "always"}])
async def test_a_killed_redis_keeps_what_it_has_written_to_disk(settings: dict[str, Any], tmp_path: Path) -> None:
    async with single(tmp_path, **settings) as kind, client(kind.url) as redis:
        streams = RedisJobStreams(redis, ServiceSettings())
        lease = await opened_session(redis)
        for number in range(1, 101):
            await lease.submit_audio(job(number), b"\0\0", early=False)
        await (await kind.kill_master()).start()
        assert await redis.xlen(streams.shard("s").audio("final")) == (100 if settings else 0)


@asynccontextmanager
async def listening(redis: Redis, channel: str) -> AsyncIterator[Listener]:
    """Listen to a channel."""
    fanout = RedisFanout(redis, "test")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(fanout.deliver_forever())
        async with fanout.listen(channel) as listener:
            assert listener.subscribed.is_set()
            assert not listener.gap.is_set()
            yield listener
        running.cancel()
    await redis.aclose()


async def comes_back(redis: Redis, channel: str, listener: Listener, within_s: float) -> None:
    """Wait until the listener reports a gap, and check that it receives messages again."""
    async with asyncio.timeout(within_s):
        await listener.gap.wait()
        await redis.spublish(channel, '- {"type": "done"}')
        assert (await listener.next_event()).event == Done()


async def test_messages_follow_a_shard_to_a_new_master(kind: RedisServers) -> None:
    """A demoted master keeps its connections, but no longer receives the messages."""
    if not kind.fails_over:
        pytest.skip("a single Redis has no failover")
    redis, channel = client(kind.url), Shard(1).events(token_hex(4))
    async with listening(redis, channel) as listener:
        await kind.fail_over(1)
        # Without load, a cluster takes less than 2 s.
        await comes_back(redis, channel, listener, RESUMED_WITHIN_S if kind.sentinels else 5.0)


async def test_writes_follow_the_sentinels_although_the_old_master_still_accepts_them(opened: RedisServers) -> None:
    if not opened.sentinels:
        pytest.skip("there are no Sentinels")
    await opened.settle()
    async with client(opened.url) as redis:
        await redis.set("key", 1)
        before = await opened.master()
        for watcher in opened.sentinels:  # delays the demotion of the old master by 8 s, as usual
            await watcher.command("SENTINEL DEBUG", "publish-period", 2_000)
        await opened.fail_over()
        while (await opened.master()) is before:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await asyncio.sleep(MASTER_CHECK_EVERY_S)
        await redis.set("key", 2)
        assert (await before.command("ROLE"))[0] == "master"
        assert await (await opened.master()).command("GET", "key") == "2"
        for watcher in opened.sentinels:
            await watcher.command("SENTINEL DEBUG", "publish-period", 250)


async def test_a_client_that_is_closed_after_a_failed_command_leaves_no_connection_open(kind: RedisServers) -> None:
    masters = [await kind.master(number) for number in range(SHARDS)]

    async def clients() -> list[int]:
        return [len((await one.command("CLIENT", "LIST", "TYPE", "normal")).splitlines()) for one in masters]

    before, redis = await clients(), client(kind.url)
    for shard in all_shards(SHARDS):
        await redis.get(shard.prefix)
    assert all(now > then for now, then in zip(await clients(), before, strict=True))
    await masters[0].command("CLIENT", "KILL", "TYPE", "normal")
    with suppress(*REDIS_ERRORS):
        await redis.get(Shard(0).prefix)
    await redis.aclose()
    async with asyncio.timeout(5):
        while any(now > then for now, then in zip(await clients(), before, strict=True)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_lost_subscription_sets_a_gap(alone: RedisServers) -> None:
    redis, channel = client(alone.url), Shard(1).events(token_hex(4))
    async with listening(redis, channel) as listener:
        await alone.servers[0].command("CLIENT KILL", "TYPE", "pubsub")
        await comes_back(redis, channel, listener, 1.0)


async def test_heartbeats_and_streams_of_all_nodes_are_visible(kind: RedisServers) -> None:
    redis, names = client(kind.url), {token_hex(4) for _ in range(20)}
    for name in names:
        await redis.set(worker_key("stt", name), json.dumps({"kind": "stt", "name": name, "load": 0.5}), ex=10)
        await redis.sadd(WORKERS, worker_key("stt", name))
    await redis.sadd(WORKERS, worker_key("stt", "gone"))
    assert {worker["name"] for worker in await read_heartbeats(redis)} >= names
    before = await StreamDelay(redis, all_shards(SHARDS)).oldest_final_s()
    for shard in all_shards(SHARDS):
        await redis.delete(shard.audio("final"))
    await redis.xadd(Shard(2).audio("final"), {"h": b""}, id=f"{int(1000 * time.time()) - 5_000}-0")
    assert before < 5.0 <= await StreamDelay(redis, all_shards(SHARDS)).oldest_final_s()
    await redis.delete(Shard(2).audio("final"))
    await redis.aclose()


async def test_a_whole_system_runs_on_it_by_configuration(kind: RedisServers, tmp_path: Path) -> None:
    if not kind.fails_over:
        pytest.skip("everything else runs on a single Redis")
    plan = system_plan(tmp_path, redis_url=kind.url, environment={"NOVA_SHARDS": str(SHARDS)})
    async with running(plan, print) as system, httpx.AsyncClient(base_url=system.urls[0]) as http:
        answer = (await http.get("/health/full")).json()
        assert len(answer["lanes"]) == 8 * SHARDS
        assert {worker["kind"] for worker in answer["workers"]} >= {"stt", "gateway"}
        assert (await http.get("/health")).status_code == 200


async def test_a_task_that_uses_redis_can_be_cancelled_at_any_time(alone: RedisServers) -> None:
    async def talk() -> None:
        while True:
            await redis.ping()

    async with client(alone.url) as redis:
        for steps in range(60):
            task = asyncio.create_task(talk())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=10.0)
            assert done, f"it goes on after a cancellation in step {steps}"


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://h:1",
        "redis://h:port",
        "redis+sentinel://h:1",
        "redis+sentinel://:secret@/name",
        "redis+sentinel://h:1/name/word",
        "redis+cluster://",
        "redis+cluster://:secret@h:1,:2",
        "redis+cluster://h:1/3",
        "redis+cluster://h:port",
        "unix+cluster://h:1",
    ],
)
def test_an_invalid_address_is_rejected_at_once_without_showing_the_password(url: str) -> None:
    with pytest.raises(SetupError, match="REDIS_URL is not valid") as told:
        client(url)
    assert "secret" not in told.value.message
