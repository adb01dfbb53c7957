"""Each kind of process has its own Redis user with only the permissions that it needs."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from backend.client.client import Client
from backend.local.discovery import stream_url
from backend.local.processes import Service, free_port, redis_binary, wait_for_redis
from backend.local.system import Plan, running
from backend.messages.protocol import Final, Start, Translation
from backend.messages.rooms.captions import Caption
from backend.messages.voices.profiles import VoiceProfile
from backend.service.settings import ServiceSettings
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.access.voice_profiles import VoiceProfiles
from backend.streams.names import Shard, api_key
from backend.streams.redis.clients import client
from backend.streams.rooms.links import RoomLinks
from backend.streams.rooms.rooms import NO_POSITION, PublishedCaption, RedisRooms
from backend.streams.session.bus_claims import BusClaims
from backend.streams.session.redis_fanout import RedisFanout
from tests.conftest import run_in_thread
from tests.testkit.audio.voices import voices
from tests.testkit.cli import silent
from tests.testkit.system.plans import NO_LOAD_LIMIT, QUICK_CLAIMS

SCRIPT = Path(__file__).parents[2] / "infra" / "redis" / "make-users.sh"
NAMES = ("gateway", "stt", "translation", "operator", "scaler")
SHARD = Shard(0)


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start a server with the users that the script creates, and return the URL of each user."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    directory, port = tmp_path_factory.mktemp("acl"), free_port()
    subprocess.run([SCRIPT, directory, f"127.0.0.1:{port}"], check=True, capture_output=True)
    made = {name: (directory / f"{name}.env").read_text().strip().removeprefix("REDIS_URL=") for name in NAMES}
    acl = directory / "users.acl"
    acl.write_text(f"{acl.read_text()}user auditor on nopass -@all +ping +acl|log +hello\n")
    command = (redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--aclfile", str(acl))
    server = Service("redis", command, {}, directory / "redis.log")

    @asynccontextmanager
    async def up() -> Any:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.keep_running())
            await wait_for_redis(made["gateway"])
            yield {**made, "auditor": f"redis://auditor:any@127.0.0.1:{port}/0"}
            await server.stop()

    with run_in_thread(up()) as urls:
        yield urls


async def denied(url: str, *command: str | int) -> bool:
    """Return whether Redis denies the command to the user."""
    redis = client(url)
    try:
        await redis.execute_command(*command)  # type: ignore[no-untyped-call]
    except NoPermissionError:
        return True
    except ResponseError as error:  # commands inside a script have no error class
        return "No permissions" in str(error)
    finally:
        await redis.aclose()
    return False


NOT_FOR_TRANSLATION: tuple[tuple[str | int, ...], ...] = (
    ("XADD", SHARD.audio("final"), "*", "h", "{}"),
    ("XRANGE", SHARD.audio("final"), "-", "+"),
    ("XLEN", SHARD.dead("stt")),
    ("XREADGROUP", "GROUP", "stt", "x", "COUNT", 1, "STREAMS", SHARD.audio("final"), ">"),
    ("EVAL", "return redis.call('XLEN', KEYS[1])", 1, SHARD.audio("final")),
    ("EVAL", f"return redis.call('XLEN', '{SHARD.audio('final')}')", 0),
    ("HGET", api_key("0" * 12), "hash"),
    ("HSET", api_key("0" * 12), "hash", "x"),
    ("SMEMBERS", "nova:keys"),
    ("GET", "nova:workers:gateway:x"),
    ("SET", "nova:workers:stt:x", "{}"),
    ("SET", "nova:quota:{x}:used", "0"),
    ("GET", "nova:speakers:{x}:y"),
    ("GET", "anything else"),
    ("SPUBLISH", "nova:{0}:fanout:x", ""),
    ("PUBLISH", SHARD.events("x"), ""),
    ("KEYS", "*"),
    ("SCAN", 0),
    ("FLUSHALL",),
    ("CONFIG", "GET", "*"),
    ("ACL", "LIST"),
    ("MONITOR",),
    ("SCRIPT", "FLUSH"),
    ("XGROUP", "DESTROY", SHARD.transcripts("final"), "translation"),
    ("XTRIM", SHARD.transcripts("final"), "MAXLEN", 0),
)


@pytest.mark.parametrize("command", NOT_FOR_TRANSLATION, ids=lambda command: " ".join(map(str, command))[:40])
async def test_the_translation_worker_is_denied_all_other_commands_and_keys(
    users: dict[str, str], command: tuple[Any, ...]
) -> None:
    assert await denied(users["translation"], *command)


async def test_the_translation_worker_may_use_its_own_keys(users: dict[str, str]) -> None:
    assert not await denied(users["translation"], "XLEN", SHARD.transcripts("final"))
    assert not await denied(users["translation"], "SET", "nova:workers:translation:x", "{}", "EX", 1)


async def test_a_gateway_may_read_api_keys_but_not_change_them(users: dict[str, str]) -> None:
    assert not await denied(users["gateway"], "HGET", api_key("0" * 12), "hash")
    for command in (
        ("HSET", api_key("0" * 12), "scopes", "admin"),
        ("DEL", api_key("0" * 12)),
        ("SADD", "nova:keys", "x"),
        ("EVAL", "return redis.call('HSET', KEYS[1], 'a', 'b')", 1, api_key("0" * 12)),
        ("XREADGROUP", "GROUP", "stt", "x", "STREAMS", SHARD.audio("final"), ">"),
    ):
        assert await denied(users["gateway"], *command)


async def test_only_gateways_and_operators_may_use_enrolled_voices(users: dict[str, str]) -> None:
    for command in (("GET", "nova:speakers:{x}:y"), ("ZRANGE", "nova:speakers:{x}:index", 0, -1)):
        assert not await denied(users["gateway"], *command)
        assert not await denied(users["operator"], *command)
        for name in ("stt", "translation", "scaler"):
            assert await denied(users[name], *command)


async def test_a_gateway_can_store_list_and_remove_a_voice(users: dict[str, str]) -> None:
    figures = {"samples": 3, "seconds": 9.0, "similarity": 0.8, "threshold": 0.5, "short_threshold": 0.4}
    profile = VoiceProfile(name="Anna", embedding="AAAA", consent=True, created=0, expires=60, **figures)
    redis = client(users["gateway"])
    voices = VoiceProfiles(redis)
    await voices.store("0" * 12, profile)
    assert await voices.all("0" * 12) == [profile]
    await voices.remove("0" * 12, "Anna")
    await redis.aclose()


async def test_a_gateway_may_publish_and_read_rooms(users: dict[str, str]) -> None:
    redis = client(users["gateway"])
    rooms = RedisRooms(redis, ServiceSettings())
    caption = PublishedCaption(NO_POSITION, Caption(line="a-1", text="x", language="en", is_final=True))
    await rooms.publish("talk", "", "a", [caption])
    (logged,) = [message async for message in rooms.read_log("talk")]
    await rooms.correct("talk", caption.caption, {logged.cursor or "": caption.caption})
    assert len([message async for message in rooms.read_log("talk")]) == 2
    await rooms.renew_languages("talk", ["es"])
    assert await rooms.languages("talk") == ("es",)
    assert await rooms.owner("talk") == ""
    await rooms.skip("talk", "b", "1-0")
    assert await rooms.seen("talk", "b") == "1-0"
    for hold_ms in (5_000, 9_000):
        await rooms.set_hold("talk", hold_ms)
    await rooms.release("talk", logged.cursor or "")
    assert (await rooms.hold("talk")).hold_ms == 9_000
    links = RoomLinks(redis, rooms)
    link, token = await links.create("talk", "", "", 60)
    assert await links.find("talk", token) == link
    assert await links.all("talk") == [link]
    await links.revoke("talk", link.id)
    fanout = RedisFanout(redis, "test")
    async with asyncio.TaskGroup() as tasks:
        delivering = tasks.create_task(fanout.deliver_forever())
        async with fanout.listen(rooms.channel("talk")) as listener:
            await rooms.publish("talk", "", "a", [caption])
            async with asyncio.timeout(5):
                assert (await listener.next_event()).cursor
        delivering.cancel()
    await redis.aclose()


async def test_a_gateway_may_serve_a_message_bus(users: dict[str, str]) -> None:
    redis = client(users["gateway"])
    claims = BusClaims(redis, 1, "gateway-1", 10.0)
    assert await claims.take("redis", "talk") == ""
    assert await claims.renew("redis", "talk", "{}")
    await claims.release("redis", "talk", rest_s=0.1, keep=False)
    async with redis.pubsub(ignore_subscribe_messages=True) as streams:
        await streams.psubscribe("ai.voice.stream.*")
        await streams.get_message(timeout=5)
        await redis.publish("ai.voice.transcription.talk", b"text")
    await redis.aclose()
    for command in (("PUBLISH", "ai.voice.other", ""), ("PSUBSCRIBE", "ai.voice.*")):
        assert await denied(users["gateway"], *command)


@pytest.mark.parametrize("user", ["stt", "translation", "scaler"])
async def test_workers_have_no_access_to_rooms(users: dict[str, str], user: str) -> None:
    for part in ("state", "links", "log"):
        assert await denied(users[user], "EXISTS", SHARD.room("talk", part))


async def test_the_scaler_may_only_read_stream_lengths(users: dict[str, str]) -> None:
    lane = SHARD.audio("final")
    assert not await denied(users["scaler"], "XLEN", lane)
    for command in (("XADD", lane, "*", "h", ""), ("XRANGE", lane, "-", "+"), ("HGETALL", SHARD.session("x"))):
        assert await denied(users["scaler"], *command)


async def test_a_missing_user_or_a_wrong_password_is_rejected(users: dict[str, str]) -> None:
    host = users["gateway"].rpartition("@")[2]
    for url in (f"redis://{host}", f"redis://gateway:guess@{host}", f"redis://:guess@{host}"):
        redis = client(url)
        with pytest.raises(AuthenticationError):
            await redis.ping()
        await redis.aclose()


@pytest.mark.slow
async def test_the_whole_system_runs_as_these_users_without_denied_commands(
    users: dict[str, str], artifacts: Path, opus_zh_en: Path
) -> None:
    operator: Redis = client(users["operator"])
    auditor: Redis = client(users["auditor"])
    await auditor.acl_log_reset()
    key = await ApiKeys(operator).create("ada", ("admin",), QuotaLimits(sessions=1, minutes_a_day=5, new_a_minute=5))
    as_whom = {"gateway": users["gateway"], "stt_worker": users["stt"], "translation_worker": users["translation"]}
    plan = Plan(
        stt_model="null",
        translation_models=str(opus_zh_en),
        port=0,
        redis_url=users["operator"],
        redis_users=as_whom,
        logs=artifacts / "logs-acl",
        environment={**NO_LOAD_LIMIT, **QUICK_CLAIMS, "GATEWAY_AUTH": "keys"},
    )
    (voice,) = voices(1, 3, "zh", 0)
    async with running(plan, silent) as system, httpx.AsyncClient(base_url=system.urls[0]) as http:
        await converse(system.urls[0], voice, key)
        for path in ("/health/full", "/metrics"):
            assert (await http.get(path, headers={"Authorization": f"Bearer {key}"})).status_code == 200
        made = await http.post("/v1/realtime/client_secrets", headers={"Authorization": f"Bearer {key}"})
        assert made.json()["value"].startswith(f"ek_{key.split('_')[1]}_")
    usage = await ApiKeys(operator).usage(key.split("_")[1])
    assert usage.minutes_today > 0
    assert await ApiKeys(operator).revoke(key.split("_")[1])
    await operator.aclose()
    assert await auditor.acl_log() == []
    await auditor.aclose()
    logs = "".join(service.log.read_text() for service in system.services)
    assert "NOPERM" not in logs
    assert "permission" not in logs


async def converse(http_url: str, voice: NDArray[np.int16], key: str) -> None:
    """Speak until the end, and check that a final and a translation arrived."""
    start = Start(language="zh", translate_to=("en",))
    heard: list[object] = []
    async with Client.connect(stream_url(http_url), start, key=key) as talking, asyncio.TaskGroup() as tasks:

        async def speak() -> None:
            await talking.send(voice.tobytes())
            await talking.stop()

        tasks.create_task(speak())
        async for event in talking:
            heard.append(type(event))
    assert Final in heard
    assert Translation in heard
