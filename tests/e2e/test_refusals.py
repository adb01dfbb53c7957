"""Refused connections: programs receive an HTTP status, web pages an error on the WebSocket."""

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from backend.client.client import Client, ServerError
from backend.local.discovery import stream_url
from backend.local.processes import Service, python, wait_for
from backend.local.system import System, running
from backend.messages.protocol import Done, Start
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.redis.clients import client
from gateway.http.http_limits import HEAD_BYTES
from tests.conftest import run_in_thread
from tests.testkit.cli import silent
from tests.testkit.raw_websocket import handshake
from tests.testkit.servers.certificate import self_signed
from tests.testkit.servers.identity_provider import AUDIENCE, ISSUER, Issuer
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

issuer = Issuer()


@pytest.fixture(scope="module")
def guarded(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that requires a key."""
    settings = {
        **NO_LOAD_LIMIT,
        "GATEWAY_AUTH": "keys",
        "GATEWAY_ORIGINS": "https://captions.example",
        "GATEWAY_JWT_ISSUER": ISSUER,
        "GATEWAY_JWT_AUDIENCE": AUDIENCE,
        "GATEWAY_JWT_JWKS": str(issuer.publish(tmp_path_factory.mktemp("jwks"))),
    }
    plan = system_plan(artifacts / "logs-refusals", environment=settings)
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.fixture
async def keys(guarded: System) -> Any:
    """Access to the keys of the system."""
    redis: Redis = client(guarded.redis_url)
    yield ApiKeys(redis)
    await redis.aclose()


async def refused(system: System, path: str = "", **headers: str) -> tuple[int, str]:
    """HTTP status and error code of a refused connection."""
    with pytest.raises(InvalidStatus) as answer:
        async with connect(stream_url(system.urls[0] + path), additional_headers=headers):
            pass
    told = json.loads(answer.value.response.body or b"")
    assert "Traceback" not in told["message"]
    return answer.value.response.status_code, told["code"]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def started(socket: ClientConnection) -> dict[str, Any]:
    """The server's answer to `start`."""
    await socket.send('{"type":"start"}')
    answer: dict[str, Any] = json.loads(await socket.recv())
    return answer


async def test_a_missing_or_wrong_key_is_refused(guarded: System, keys: ApiKeys) -> None:
    key = await keys.create("ada", ("stream",), QuotaLimits())
    wrong = f"nova_{key.split('_')[1]}_{secrets.token_hex(24)}"
    assert await refused(guarded) == (401, "unauthorized")
    for credential in (wrong, "x", "nova_", f"nova_{'0' * 12}_{'0' * 48}", key[:-1], "a.b.c", "ß" * 99):
        assert await refused(guarded, **bearer(credential)) == (401, "unauthorized")
    assert await refused(guarded, Authorization=f"Basic {key}") == (401, "unauthorized")


async def test_a_key_without_the_scope_is_refused(guarded: System, keys: ApiKeys) -> None:
    key = await keys.create("prometheus", ("read",), QuotaLimits())
    assert await refused(guarded, **bearer(key)) == (403, "forbidden")


async def test_a_path_without_a_websocket_is_refused(guarded: System) -> None:
    assert await refused(guarded, "/v1/streams", **bearer(guarded.key)) == (404, "not_found")
    assert await refused(guarded, "/v1/streams") == (401, "unauthorized")


async def test_a_foreign_origin_is_refused_even_with_a_valid_key(guarded: System) -> None:
    for origin in ("https://evil.example", "null", "file://", "https://captions.example.evil.example"):
        assert await refused(guarded, Origin=origin, **bearer(guarded.key)) == (403, "foreign_origin")


async def test_forged_and_expired_tokens_are_refused(guarded: System) -> None:
    none = issuer.token().rpartition(".")[0].replace(issuer.token().split(".")[0], "eyJhbGciOiJub25lIn0") + "."
    other = Issuer(kid=issuer.kid).token()
    for token in (none, other, issuer.token(exp=int(time.time()) - 3_600), issuer.token(iss="https://evil.example")):
        assert await refused(guarded, **bearer(token)) == (401, "unauthorized")
    assert await refused(guarded, **bearer(issuer.token(scope="read"))) == (403, "forbidden")
    async with connect(stream_url(guarded.urls[0]), additional_headers=bearer(issuer.token())) as socket:
        assert (await started(socket))["type"] == "ready"


async def test_a_page_sends_its_key_as_a_subprotocol(guarded: System) -> None:
    offered: list[Any] = ["nova.v1", f"nova.key.{guarded.key}"]
    url, origin = stream_url(guarded.urls[0]), guarded.urls[0]
    async with connect(url, subprotocols=offered, origin=origin) as socket:  # type: ignore[arg-type]
        assert socket.subprotocol == "nova.v1"
        assert (await started(socket))["type"] == "ready"


async def test_a_refused_page_receives_the_error_on_the_websocket(guarded: System) -> None:
    offered: list[Any] = ["nova.v1", "nova.key.wrong"]
    url, origin = stream_url(guarded.urls[0]), guarded.urls[0]
    async with connect(url, subprotocols=offered, origin=origin) as socket:  # type: ignore[arg-type]
        error = json.loads(await socket.recv())
        await asyncio.wait_for(socket.wait_closed(), 5)
    assert (error["code"], error["fatal"], socket.close_code) == ("unauthorized", True, 1008)


async def test_the_client_raises_the_error_of_the_server(guarded: System) -> None:
    with pytest.raises(ServerError, match="an API key is required") as error:
        async with Client.connect(stream_url(guarded.urls[0]), Start()):
            pass
    assert error.value.code == "unauthorized"
    async with Client.connect(stream_url(guarded.urls[0]), Start(), key=guarded.key) as talking:
        await talking.stop()
        assert [event async for event in talking if not isinstance(event, Done)] == []


async def test_a_caller_over_its_quota_is_refused_with_a_delay(guarded: System, keys: ApiKeys) -> None:
    key = await keys.create("ada", ("stream",), QuotaLimits(sessions=1))
    url = stream_url(guarded.urls[0])
    async with connect(url, additional_headers=bearer(key)) as first:
        assert (await started(first))["type"] == "ready"
        async with connect(url, additional_headers=bearer(key)) as second:
            error = await started(second)
            await asyncio.wait_for(second.wait_closed(), 5)
        assert (error["code"], second.close_code) == ("over_quota", 1013)
        assert error["retry_after_s"] > 0
    await wait_for(lambda: _begins(url, key), "the slot was not released", 10)


async def _begins(url: str, key: str) -> bool:
    async with connect(url, additional_headers=bearer(key)) as socket:
        return bool((await started(socket))["type"] == "ready")


async def test_a_live_session_ends_soon_after_its_key_is_revoked(guarded: System, keys: ApiKeys) -> None:
    key = await keys.create("ada", ("stream",), QuotaLimits())
    async with connect(stream_url(guarded.urls[0]), additional_headers=bearer(key)) as socket:
        await started(socket)
        began = time.monotonic()
        assert await keys.revoke(key.split("_")[1])
        assert await refused(guarded, **bearer(key)) == (401, "unauthorized")
        error = json.loads(await asyncio.wait_for(socket.recv(), 10))
        await asyncio.wait_for(socket.wait_closed(), 5)
    assert (error["code"], socket.close_code) == ("unauthorized", 1008)
    assert time.monotonic() - began < 10


async def test_operators_need_a_key_and_load_balancers_do_not(guarded: System, keys: ApiKeys) -> None:
    read = await keys.create("prometheus", ("read",), QuotaLimits())
    stream = await keys.create("ada", ("stream",), QuotaLimits())
    async with httpx.AsyncClient(base_url=guarded.urls[0]) as http:
        assert (await http.get("/health")).status_code == 200
        for path in ("/health/full", "/metrics"):
            answers = [await http.get(path, headers=bearer(key) if key else {}) for key in ("", "x", stream, read)]
            assert [answer.status_code for answer in answers] == [401, 401, 403, 200]
            assert answers[0].headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("upgrade", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("extra", [b"X-Long: " + b"x" * 10_000 + b"\r\n", b"X-Many: x\r\n" * 1_000])
async def test_ten_thousand_header_bytes_are_refused(
    guarded: System, upgrade: bool, at_once: bool, extra: bytes
) -> None:
    host, port = guarded.urls[0].removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = handshake() if upgrade else b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    data = head[:-2] + extra + b"\r\n"
    half = len(data) if at_once else HEAD_BYTES + 500
    writer.write(data[:half])
    if not at_once:
        await asyncio.sleep(0.05)
        writer.write(data[half:])
    async with asyncio.timeout(5):
        answer = await reader.read(-1)
    writer.transport.abort()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Traceback" not in answer


async def test_a_reachable_gateway_without_keys_does_not_start(guarded: System, tmp_path: Path) -> None:
    environment = {"REDIS_URL": guarded.redis_url.replace("/0", "/9"), "GATEWAY_HOST": "0.0.0.0", "GATEWAY_PORT": "0"}
    gateway = Service("gateway", python("gateway.gateway"), environment, tmp_path / "log")
    task = asyncio.create_task(gateway.keep_running())
    await wait_for(lambda: asyncio.sleep(0, "gateway_not_started" in gateway.log_tail()), "it started", 20)
    await gateway.stop()
    await task
    said = json.loads(gateway.log_tail().splitlines()[0])
    assert "nova keys create" in said["reason"]
    assert "Traceback" not in gateway.log_tail()


async def test_sessions_work_over_tls(artifacts: Path, tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    settings = {"GATEWAY_TLS_CERT": str(cert), "GATEWAY_TLS_KEY": str(key)}
    trusted = ssl.create_default_context(cafile=str(cert))
    async with running(system_plan(artifacts / "logs-tls", environment=settings), silent) as system:
        url = system.urls[0].replace("127.0.0.1", "localhost")
        assert url.startswith("https://")
        async with connect(stream_url(url), ssl=trusted) as socket:
            assert (await started(socket))["type"] == "ready"
        async with httpx.AsyncClient(verify=trusted) as http:
            assert (await http.get(f"{url}/health")).status_code == 200


async def test_no_secret_and_no_stack_trace_is_in_the_logs(guarded: System, keys: ApiKeys) -> None:
    """This test is last, because it reads the logs of the others."""
    key = await keys.create("ada", ("stream",), QuotaLimits())
    async with connect(f"{stream_url(guarded.urls[0])}?key={key}", additional_headers=bearer(key)) as socket:
        ready = await started(socket)
    token = issuer.token()
    assert await refused(guarded, **bearer(token + "x")) == (401, "unauthorized")
    logs = "".join(service.log.read_text() for service in guarded.services if service.name != "redis")
    assert "connection_refused" in logs
    for secret in (key.rpartition("_")[2], guarded.key, ready["resume_token"], token.split(".")[1], "Traceback"):
        assert secret not in logs
