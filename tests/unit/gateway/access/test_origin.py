"""Checks of `Origin` and `Host`."""

import pytest

from backend.service.address import is_loopback
from gateway.access.origin import is_host_allowed, is_origin_allowed

LISTED = frozenset({"https://captions.example", "app://nova"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_loopback_addresses(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "nova.example", "localhost.example"])
def test_addresses_that_other_machines_can_reach(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://nova.example", "nova.example"),
        ("http://nova.example:8080", "nova.example:8080"),
        ("https://Nova.Example", "nova.example"),
        ("https://captions.example", "nova.example"),
        ("app://nova", "nova.example"),
    ],
)
def test_the_own_page_and_listed_origins_are_allowed(origin: str, host: str) -> None:
    assert is_origin_allowed(origin, host, LISTED, local=False)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "nova.example"),
        ("https://nova.example.evil.example", "nova.example"),
        ("https://nova.example:444", "nova.example"),
        ("https://captions.example.evil.example", "nova.example"),
        ("http://captions.example", "nova.example"),
        ("null", "nova.example"),
        ("", ""),
        ("null", ""),
        ("https://[", "nova.example"),
    ],
)
def test_foreign_origins_are_refused(origin: str, host: str) -> None:
    assert not is_origin_allowed(origin, host, LISTED, local=False)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost:5173", "http://[::1]:8080"])
def test_on_loopback_pages_of_this_machine_are_allowed(origin: str) -> None:
    assert is_origin_allowed(origin, "127.0.0.1:8080", LISTED, local=True)


def test_dns_rebinding_is_refused() -> None:
    assert not is_origin_allowed("http://evil.example:8080", "evil.example:8080", LISTED, local=True)
    assert not is_host_allowed("evil.example:8080", LISTED)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "captions.example"])
def test_requests_for_this_machine_or_a_listed_host_are_allowed(host: str) -> None:
    assert is_host_allowed(host, LISTED)


def test_a_star_allows_every_origin() -> None:
    assert is_origin_allowed("https://evil.example", "nova.example", frozenset("*"), local=False)
