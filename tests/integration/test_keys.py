"""API keys on a real Redis: only hashes are stored, and rejections do not reveal which part of a key is right."""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr
from redis.asyncio import Redis
from starlette.requests import HTTPConnection

from backend.cli.main import nova
from backend.errors import SetupError
from backend.streams.access import api_keys
from backend.streams.access.api_keys import ApiKeys, QuotaLimits, Scope
from backend.streams.access.quota import Quota
from backend.streams.names import API_KEYS, api_key
from backend.streams.redis.clients import client
from gateway.access.auth import ANONYMOUS, Auth, ForbiddenError, ForeignOriginError, RefusedError, check_exposure
from gateway.access.jwt import JwtVerifier
from gateway.settings import GatewaySettings
from tests.testkit.system.redis_servers import cluster


@pytest.fixture
def keys(redis: Redis) -> ApiKeys:
    return ApiKeys(redis)


def asked(query: str = "", **headers: str) -> HTTPConnection:
    """Return a request with these headers. Underscores become hyphens."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "headers": raw, "query_string": query.encode(), "path": "/"})


def bearer(key: str, **headers: str) -> HTTPConnection:
    return asked(authorization=f"Bearer {key}", **headers)


def auth(keys: ApiKeys, **settings: object) -> Auth:
    return Auth(GatewaySettings.model_validate({"auth": "keys", **settings}), keys, None)


async def a_key(keys: ApiKeys, *scopes: Scope) -> str:
    return await keys.create("ada", scopes or ("stream",), QuotaLimits(sessions=3))


async def test_only_the_exact_key_is_found(keys: ApiKeys) -> None:
    key = await a_key(keys, "stream", "read")
    found = await keys.find(key)
    assert found is not None
    assert (found.name, sorted(found.scopes), found.limits) == ("ada", ["read", "stream"], QuotaLimits(sessions=3))
    other = key[:-1] + ("0" if key[-1] != "0" else "1")
    elsewhere = key.replace(found.id, "0" * 12)
    for wrong in (other, elsewhere, key[:-1], key + "0", key.upper(), "", "nova__", "\0", "ß" * 66):
        assert await keys.find(wrong) is None


async def test_no_value_in_redis_is_a_valid_key(keys: ApiKeys, redis: Redis) -> None:
    key = await a_key(keys)
    secret = key.rpartition("_")[2].encode()
    kept = [name async for name in redis.scan_iter()]
    everything = b" ".join([*kept, *[await redis.dump(name) or b"" for name in kept]])
    assert len(kept) == 2
    assert b"ada" in everything
    assert secret not in everything


async def test_a_revoked_key_is_not_found(keys: ApiKeys, redis: Redis) -> None:
    key = await a_key(keys)
    key_id = key.split("_")[1]
    assert await keys.revoke(key_id)
    assert await keys.find(key) is None
    assert not await keys.exists(key_id)
    assert await keys.all() == []
    assert not await keys.revoke(key_id)
    assert await redis.keys("*") == []


async def test_an_expired_key_is_removed_by_redis(keys: ApiKeys, redis: Redis) -> None:
    key = await keys.create("guest", ("stream",), QuotaLimits(), expires=int(time.time()) + 2)
    assert await keys.find(key)
    assert 0 < await redis.ttl(api_key(key.split("_")[1])) <= 2
    await redis.delete(api_key(key.split("_")[1]))
    assert await keys.all() == []
    assert await redis.scard(API_KEYS) == 0, "who lists the keys takes out those that are gone"


@pytest.mark.parametrize("how", ["header", "subprotocol"])
async def test_a_key_is_accepted_in_a_header_or_a_subprotocol(keys: ApiKeys, how: str) -> None:
    key = await a_key(keys)
    protocols = asked(sec_websocket_protocol=f"nova.v1, nova.key.{key}")
    caller = await auth(keys).authenticate(bearer(key) if how == "header" else protocols, "stream")
    assert (caller.id, caller.limits.sessions) == (key.split("_")[1], 3)


async def test_a_key_in_the_url_is_accepted_only_if_configured(keys: ApiKeys) -> None:
    key = await a_key(keys)
    assert await auth(keys, key_in_query=True).authenticate(asked(f"key={key}"), "stream")
    with pytest.raises(RefusedError, match="an API key is required"):
        await auth(keys).authenticate(asked(f"key={key}"), "stream")


@pytest.mark.parametrize(
    "offered",
    [
        "nova.v1, nova.key.KEY",
        "realtime, openai-insecure-api-key.KEY",
        "token, KEY",
        "bearer, KEY",
        "soniox-api-key, KEY",
    ],
)
async def test_browsers_send_a_key_as_a_subprotocol(keys: ApiKeys, offered: str) -> None:
    key = await a_key(keys)
    assert await auth(keys).authenticate(asked(sec_websocket_protocol=offered.replace("KEY", key)), "stream")
    for wrong in ("", "nova.v1", "token", "token, ", "realtime, token", f"other, {key}"):
        with pytest.raises(RefusedError):
            await auth(keys).authenticate(asked(sec_websocket_protocol=wrong), "stream")


async def test_deepgrams_clients_call_their_key_a_token(keys: ApiKeys) -> None:
    key = await a_key(keys)
    assert await auth(keys).authenticate(asked(authorization=f"Token {key}"), "stream")
    with pytest.raises(RefusedError):
        await auth(keys).authenticate(asked(authorization=f"Basic {key}"), "stream")


async def test_each_action_requires_its_scope(keys: ApiKeys) -> None:
    stream, read, admin = [await a_key(keys, scope) for scope in ("stream", "read", "admin")]
    door = auth(keys)
    for key, scope in ((stream, "stream"), (read, "read"), (admin, "stream"), (admin, "read")):
        assert await door.authenticate(bearer(key), scope)  # type: ignore[arg-type]
    for key, scope in ((stream, "read"), (read, "stream"), (stream, "admin")):
        with pytest.raises(ForbiddenError):
            await door.authenticate(bearer(key), scope)  # type: ignore[arg-type]


async def test_loopback_needs_no_key_except_through_a_proxy(keys: ApiKeys) -> None:
    door = auth(keys, auth="auto")
    assert await door.authenticate(asked(host="localhost"), "stream") is ANONYMOUS
    for proxied in (asked(x_forwarded_for="203.0.113.9"), asked(forwarded="for=203.0.113.9")):
        with pytest.raises(RefusedError):
            await door.authenticate(proxied, "stream")


async def test_a_foreign_origin_is_rejected_even_with_a_key(keys: ApiKeys) -> None:
    key = await a_key(keys)
    page = {"origin": "https://evil.example", "host": "nova.example"}
    for mode in ("keys", "auto", "none"):
        with pytest.raises(ForeignOriginError):
            await auth(keys, auth=mode).authenticate(bearer(key, **page), "stream")
    with pytest.raises(ForeignOriginError):
        auth(keys, auth="auto").check_host({"host": "evil.example"})
    assert await auth(keys, origins="https://evil.example").authenticate(bearer(key, **page), "stream")


async def test_a_public_address_without_keys_requires_explicit_consent(keys: ApiKeys, redis_url: str) -> None:
    def settings(**given: object) -> GatewaySettings:
        return GatewaySettings.model_validate({"host": "0.0.0.0", "redis_url": SecretStr(redis_url), **given})

    with pytest.raises(SetupError, match=r"every address \(0\.0\.0\.0\), .* `nova keys create`.*GATEWAY_AUTH=none"):
        await check_exposure(settings(), keys, None)
    for said in (settings(host="127.0.0.1"), settings(auth="none"), settings(auth="keys")):
        await check_exposure(said, keys, None)
    await check_exposure(settings(), keys, JwtVerifier("i", "a", "jwks.json"))
    await a_key(keys)
    await check_exposure(settings(), keys, None)


async def test_keys_and_quotas_work_on_a_cluster(tmp_path: Path) -> None:
    async with cluster(tmp_path) as kind:
        redis = client(kind.url)
        keys, quota, limits = ApiKeys(redis), Quota(redis), QuotaLimits(sessions=1, minutes_a_day=1, new_a_minute=9)
        made = [await keys.create(name, ("stream",), limits, expires=int(time.time()) + 60) for name in "abcdef"]
        for key in made:
            found = await keys.find(key)
            assert found is not None
            assert [(await quota.take_slot(found.id, limits, session, new=True))[0] for session in "xy"] == [
                "",
                "sessions",
            ]
            await quota.reserve_audio(found.id, limits, 40_000)
            await quota.release_slot(found.id, "x", 10_000)
            assert (await keys.usage(found.id)).minutes_today == 0.5
        assert len(await keys.all()) == 6
        assert await keys.any()
        assert [await keys.revoke(key.split("_")[1]) for key in made] == [True] * 6
        assert not await keys.any()
        await redis.aclose()


@dataclass(frozen=True)
class Work:
    """The commands, comparisons and bytes that determine how long the check of one key takes."""

    commands: tuple[tuple[str, int], ...]
    compared: tuple[tuple[int, int], ...]
    bytes_from_redis: int


async def _work(keys: ApiKeys, presented: str, redis: Redis) -> Work:
    await redis.config_resetstat()
    with patch.object(api_keys, "compare_digest", wraps=compare_digest) as compare:
        assert await keys.find(presented) is None
    sent = (await redis.info("stats"))["total_net_output_bytes"]
    commands = await redis.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): stats["calls"] for name, stats in commands.items()}
    compared = tuple((len(call.args[0]), len(call.args[1])) for call in compare.call_args_list)
    return Work(tuple(sorted(calls.items())), compared, sent)


def _rejected(key: str) -> list[str]:
    """A wrong secret, half of the right secret, an unknown id, and no key at all."""
    key_id, secret = key.split("_")[1:]
    return [
        f"nova_{key_id}_{secrets.token_hex(24)}",
        f"nova_{key_id}_{secret[:24]}{secrets.token_hex(12)}",
        f"nova_{secrets.token_hex(6)}_{secrets.token_hex(24)}",
        "x" * len(key),
    ]


async def test_every_rejection_does_the_same_work_so_that_its_time_reveals_nothing(keys: ApiKeys, redis: Redis) -> None:
    """Durations themselves depend on the load of the machine, so the test compares what determines them."""
    rejected = _rejected(await a_key(keys))
    await keys.find(rejected[0])  # Redis loads the script
    found = {await _work(keys, presented, redis) for presented in rejected}
    assert len(found) == 1, found


async def test_the_comparison_of_work_detects_a_missing_lookup(keys: ApiKeys, redis: Redis) -> None:
    class Hasty(ApiKeys):
        async def find(self, presented: str) -> None:
            if presented.startswith("nova_"):
                await super().find(presented)

    hasty = Hasty(redis)
    assert len({await _work(hasty, presented, redis) for presented in _rejected(await a_key(keys))}) == 2


async def test_the_command_creates_lists_and_revokes_keys(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    async def keys(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, nova, ["keys", *arguments], env={"REDIS_URL": redis_url})

    key = (await keys("create", "--name", "phone", "--sessions", "2", "--days", "30")).stdout.strip()
    key_id = key.split("_")[1]
    listed = (await keys("list", "--json")).stdout
    (row,) = json.loads(listed)
    assert (row["id"], row["name"], row["scopes"], row["sessions"]) == (key_id, "phone", ["stream"], 2)
    table = (await keys("list")).stdout
    assert "0 of 2" in table
    assert key.rpartition("_")[2] not in listed + table
    assert (await keys("hotwords", key_id)).stdout == "No hotwords.\n"
    assert (await keys("hotwords", key_id, "Nova Voice", "gRPC, nova voice")).stdout == "Nova Voice, gRPC\n"
    assert (await keys("hotwords", key_id)).stdout == "Nova Voice, gRPC\n"
    assert json.loads((await keys("list", "--json")).stdout)[0]["hotwords"] == "Nova Voice, gRPC"
    assert (await keys("hotwords", key_id, "x" * 1_001)).exit_code == 2
    names = tmp_path / "names.txt"
    names.write_text("Nova Voice\n\n  Zürich \nnova voice\n", encoding="utf-8")
    assert (await keys("hotwords", key_id, "--file", str(names))).stdout == "Nova Voice, Zürich\n"
    assert (await keys("hotwords", key_id)).stdout == "Nova Voice, Zürich\n"
    assert (await keys("hotwords", key_id, "gRPC", "--file", str(names))).exit_code == 2
    for unusable in (b"\n", b"\xff\xfe", b"x" * 1_001):
        names.write_bytes(unusable)
        assert (await keys("hotwords", key_id, "--file", str(names))).exit_code == 2
    assert (await keys("hotwords", key_id, "--clear")).stdout == "No hotwords.\n"
    assert (await keys("revoke", key_id)).stdout == "1 revoked.\n"
    assert (await keys("hotwords", key_id, "Nova")).exit_code == 1
    assert [(await keys("revoke", what)).exit_code for what in (key_id, key)] == [1, 2]
    assert (await keys("list")).stdout == "No keys.\n"


async def test_hotwords_of_a_key_are_stored_with_it_and_reach_its_caller(keys: ApiKeys, redis: Redis) -> None:
    key = await a_key(keys)
    key_id = key.split("_")[1]
    assert await keys.set_hotwords(key_id, "Nova, gRPC")
    caller = await auth(keys).authenticate(bearer(key), "stream")
    assert caller.hotwords == "Nova, gRPC"
    assert await keys.set_hotwords(key_id, "")
    assert (await auth(keys).authenticate(bearer(key), "stream")).hotwords == ""
    await keys.revoke(key_id)
    assert not await keys.set_hotwords(key_id, "Nova")
    assert not await redis.exists(api_key(key_id))
