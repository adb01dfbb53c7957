"""Client secrets open live sessions of the caller that created them, and nothing else."""

import asyncio
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis
from starlette.requests import HTTPConnection

from backend.streams.access import client_secrets
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.access.client_secrets import ClientSecrets, TooManySecretsError
from backend.streams.names import client_secrets as secrets_key
from gateway.access.auth import Auth, ForbiddenError, RefusedError
from gateway.access.jwt import JwtVerifier
from gateway.settings import GatewaySettings
from tests.testkit.servers.identity_provider import AUDIENCE, ISSUER, Issuer

NOW = 1_700_000_000


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def secrets(redis: Redis, clock: Clock) -> ClientSecrets:
    return ClientSecrets(redis, clock)


@pytest.fixture
def auth(redis: Redis, secrets: ClientSecrets) -> Auth:
    return Auth(GatewaySettings.model_validate({"auth": "keys"}), ApiKeys(redis), None, secrets)


def opening(credential: str, path: str = "/v1/realtime", kind: str = "websocket") -> HTTPConnection:
    headers = [(b"sec-websocket-protocol", f"realtime, openai-insecure-api-key.{credential}".encode())]
    return HTTPConnection({"type": kind, "headers": headers, "query_string": b"", "path": path})


async def test_a_secret_opens_a_session_of_its_key_without_other_rights(
    redis: Redis, auth: Auth, secrets: ClientSecrets
) -> None:
    key = await ApiKeys(redis).create("ada", ("admin",), QuotaLimits(sessions=3))
    key_id = key.split("_")[1]
    secret, expires = await secrets.create(key_id, "{}", 600)
    caller = await auth.authenticate(opening(secret), "stream")
    assert (caller.id, caller.scopes, caller.limits.sessions, caller.has_key) == (
        key_id,
        frozenset({"stream"}),
        3,
        True,
    )
    assert expires == NOW + 600


async def test_a_secret_of_a_key_fails_elsewhere_and_after_the_key_is_revoked(
    redis: Redis, auth: Auth, secrets: ClientSecrets
) -> None:
    keys = ApiKeys(redis)
    key_id = (await keys.create("ada", ("stream",), QuotaLimits())).split("_")[1]
    secret, _ = await secrets.create(key_id, "{}", 600)
    for elsewhere in (opening(secret, "/v1/stream"), opening(secret, "/v1/audio/transcriptions", "http")):
        with pytest.raises(ForbiddenError, match="open only /v1/realtime"):
            await auth.authenticate(elsewhere, "stream")
    await keys.revoke(key_id)
    with pytest.raises(RefusedError, match="revoked"):
        await auth.authenticate(opening(secret), "stream")


async def test_only_the_exact_secret_is_found_until_it_expires(secrets: ClientSecrets, clock: Clock) -> None:
    secret, expires = await secrets.create("jwt-0123456789abcdef", '{"a": 1}', 60)
    found = await secrets.find(secret)
    assert found is not None
    assert (found.caller, found.expires, found.session) == ("jwt-0123456789abcdef", NOW + 60, '{"a": 1}')
    later = secret.replace(str(expires), str(expires + 3_600))
    for wrong in (later, secret[:-1] + ("0" if secret[-1] != "0" else "1"), secret + "0", "ek_", "ek___", "ek_\0"):
        assert await secrets.find(wrong) is None
    clock.now += 60
    assert await secrets.find(secret) is None


async def test_no_value_in_redis_is_a_secret(redis: Redis, secrets: ClientSecrets) -> None:
    secret, _ = await secrets.create("", "{}", 60)
    kept = [name async for name in redis.scan_iter()]
    everything = b" ".join([*kept, *[await redis.dump(name) or b"" for name in kept]])
    assert kept == [secrets_key("").encode()]
    assert secret.rpartition("_")[2].encode() not in everything
    assert 0 < await redis.ttl(secrets_key("")) <= client_secrets.MAX_LIFETIME_S


async def test_a_caller_has_a_limited_number_of_secrets(
    redis: Redis, secrets: ClientSecrets, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_secrets, "MAX_SECRETS", 3)
    for _ in range(3):
        await secrets.create("", "{}", 60)
    with pytest.raises(TooManySecretsError):
        await secrets.create("", "{}", 60)
    await secrets.create("another", "{}", 60)
    clock.now += 60
    await secrets.create("", "{}", 60)
    assert len(await redis.hkeys(secrets_key(""))) == 1, "expired ones are removed"


async def test_concurrent_requests_do_not_exceed_the_number_of_secrets(
    redis: Redis, secrets: ClientSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_secrets, "MAX_SECRETS", 5)
    other = ClientSecrets(redis, Clock())
    attempts = [(secrets, other)[number % 2].create("ada", "{}", 60) for number in range(40)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, TooManySecretsError) for result in results) == 35
    assert len(await redis.hkeys(secrets_key("ada"))) == 5


@pytest.mark.parametrize(("token_expires_s", "expires_s"), [(30, 30), (7_000, 600), (-5, -5)])
async def test_a_secret_does_not_outlive_the_token_of_its_creator(
    secrets: ClientSecrets, token_expires_s: int, expires_s: int
) -> None:
    secret, expires = await secrets.create("jwt-0123456789abcdef", "{}", 600, not_after=NOW + token_expires_s)
    assert expires == NOW + expires_s
    assert (await secrets.find(secret) is not None) == (expires_s > 0)


async def test_the_caller_of_a_token_has_its_expiry(redis: Redis, tmp_path: Path) -> None:
    issuer, now = Issuer(), int(time.time())
    tokens = JwtVerifier(ISSUER, AUDIENCE, str(issuer.publish(tmp_path)))
    auth = Auth(GatewaySettings.model_validate({"auth": "keys"}), ApiKeys(redis), tokens)
    headers = [(b"authorization", f"Bearer {issuer.token(exp=now + 40)}".encode())]
    scope = {"type": "http", "headers": headers, "query_string": b"", "path": "/v1/realtime/client_secrets"}
    assert (await auth.authenticate(HTTPConnection(scope), "stream")).expires == now + 40
