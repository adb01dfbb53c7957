"""Which pages may speak to the gateway from somebody's browser."""

from __future__ import annotations

import pytest

from backend.service.address import is_loopback
from gateway.access.origin import is_ours, may_speak

LISTED = frozenset({"https://captions.example", "app://nova"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_these_addresses_only_this_machine_can_reach(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "nova.example", "localhost.example"])
def test_these_others_can_reach(host: str) -> None:
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
def test_our_own_page_and_those_listed_may_speak(origin: str, host: str) -> None:
    assert may_speak(origin, host, LISTED, local=False)


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
def test_foreign_pages_may_not(origin: str, host: str) -> None:
    assert not may_speak(origin, host, LISTED, local=False)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost:5173", "http://[::1]:8080"])
def test_on_loopback_pages_of_this_machine_may_speak(origin: str) -> None:
    assert may_speak(origin, "127.0.0.1:8080", LISTED, local=True)


def test_a_name_that_was_made_to_lead_here_is_not_ours() -> None:
    assert not may_speak("http://evil.example:8080", "evil.example:8080", LISTED, local=True)
    assert not is_ours("evil.example:8080", LISTED)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "captions.example"])
def test_requests_that_name_this_machine_are_meant_for_it(host: str) -> None:
    assert is_ours(host, LISTED)


def test_a_star_lets_every_page_speak() -> None:
    assert may_speak("https://evil.example", "nova.example", frozenset("*"), local=False)
