"""Addresses of this machine, and their forms in URLs."""

import pytest

from backend.service.address import connect_host, is_loopback, is_on_this_machine, join_host_port


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_addresses(host: str) -> None:
    assert is_loopback(host)
    assert is_on_this_machine(f"ws://{join_host_port(host, 80)}/v1/stream")


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "::2", "localhost.example.com", ""])
def test_other_addresses(host: str) -> None:
    assert not is_loopback(host)
    assert not is_on_this_machine(f"http://{join_host_port(host, 80)}/")


@pytest.mark.parametrize(
    "url", ["http://0.0.0.0:1", "http://[::]:1", "http://nova.localhost:1", "http://[::ffff:127.0.0.1]:1"]
)
def test_addresses_that_do_not_leave_this_machine(url: str) -> None:
    assert is_on_this_machine(url)


def test_ipv6_addresses_are_in_brackets_in_urls() -> None:
    assert [join_host_port(host, 8080) for host in ("::1", "127.0.0.1", "nova.example")] == [
        "[::1]:8080",
        "127.0.0.1:8080",
        "nova.example:8080",
    ]


def test_a_server_on_all_addresses_is_reached_at_loopback() -> None:
    assert [connect_host(host) for host in ("0.0.0.0", "::", "10.0.0.1")] == ["127.0.0.1", "::1", "10.0.0.1"]
