"""The port opens only with a key where one is required, and pages of other origins may not use it."""

from typing import Any

import pytest
from starlette.requests import HTTPConnection

from backend.errors import SetupError
from gateway.access.auth import ANONYMOUS, Auth, ForeignOriginError, RefusedError
from gateway.apis.original.server import check_original
from gateway.settings import GatewaySettings


def settings(**given: object) -> GatewaySettings:
    return GatewaySettings.model_validate({"original_port": 5_026, "auth": "auto", **given})


def connection(**headers: str) -> HTTPConnection:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "websocket", "path": "/", "headers": pairs, "query_string": b""})


@pytest.mark.parametrize("given", [{"auth": "keys"}, {"original_host": "0.0.0.0"}, {"original_host": "192.168.1.5"}])
def test_a_port_that_would_be_open_without_a_key_is_not_opened(given: dict[str, object]) -> None:
    with pytest.raises(SetupError, match="GATEWAY_ORIGINAL_KEY"):
        check_original(settings(**given))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"original_port": 0, "auth": "keys"},
        {"auth": "keys", "original_key": "nova_key"},
        {"original_host": "0.0.0.0", "original_key": "nova_key"},
        {"original_host": "0.0.0.0", "auth": "none"},
    ],
)
def test_a_port_that_is_safe_is_opened(given: dict[str, object]) -> None:
    check_original(settings(**given))


async def test_a_page_may_connect_only_from_this_machine_or_an_allowed_origin() -> None:
    keys: Any = None
    auth = Auth(settings(origins="https://app.example"), keys, None)
    for origin in ("http://localhost:3000", "https://app.example"):
        assert await auth.caller_on_port(connection(origin=origin), "", "stream") is ANONYMOUS
    # Also if the name of the page was made to resolve to this machine.
    for origin in ("https://evil.example", "http://evil.example:5026", "null"):
        with pytest.raises(ForeignOriginError):
            await auth.caller_on_port(connection(origin=origin, host="evil.example:5026"), "", "stream")


async def test_a_client_behind_a_proxy_needs_a_key() -> None:
    keys: Any = None
    proxied = connection(x_forwarded_for="192.0.2.1")
    with pytest.raises(RefusedError):
        await Auth(settings(), keys, None).caller_on_port(proxied, "", "stream")
    assert await Auth(settings(auth="none"), keys, None).caller_on_port(proxied, "", "stream") is ANONYMOUS
