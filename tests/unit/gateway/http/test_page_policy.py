"""Servers to which the page may connect."""

import pytest

from backend.errors import SetupError
from gateway.http.page_policy import security_headers


def sources(servers: str, *, local: bool = False) -> set[str]:
    """The sources of `connect-src`."""
    directives = dict(security_headers(servers, local=local))["content-security-policy"].split("; ")
    (connect,) = [directive for directive in directives if directive.startswith("connect-src ")]
    return set(connect.split()[1:])


def test_the_page_connects_only_to_its_gateway() -> None:
    assert sources("") == {"'self'"}


def test_the_page_of_a_gateway_on_loopback_connects_to_this_machine_only() -> None:
    assert sources("", local=True) == {"'self'", "ws://127.0.0.1:*", "ws://localhost:*"}


def test_further_servers_are_a_setting() -> None:
    listed = "wss://voice.example, ws://10.0.0.5:8080 wss://*.example:*"
    assert sources(listed) == {"'self'", "wss://voice.example", "ws://10.0.0.5:8080", "wss://*.example:*"}


def test_a_star_allows_every_server() -> None:
    assert sources("*") == {"'self'", "ws:", "wss:"}


INVALID = "voice.example https://voice.example ws: wss:// wss://a;script-src wss://a/path ws://a:b 'self'"


@pytest.mark.parametrize("servers", INVALID.split())
def test_a_server_that_is_not_an_address_is_refused(servers: str) -> None:
    with pytest.raises(SetupError, match="GATEWAY_PAGE_SERVERS"):
        security_headers(servers, local=False)
