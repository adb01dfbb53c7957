"""Addresses of this machine, and their forms in URLs."""

import pytest

from backend.service.address import (
    connect_host,
    hosts_for_others,
    is_loopback,
    is_on_this_machine,
    is_safe_host,
    join_host_port,
    without_secrets,
)


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


def test_other_machines_reach_no_server_on_loopback_and_one_on_all_addresses_elsewhere() -> None:
    assert [hosts_for_others(host) for host in ("127.0.0.1", "localhost", "::1", "10.0.0.1")] == [
        [],
        [],
        [],
        ["10.0.0.1"],
    ]
    assert not any(is_loopback(host) or host == "0.0.0.0" for host in hosts_for_others("0.0.0.0"))


def test_a_server_on_all_addresses_is_reached_at_loopback() -> None:
    assert [connect_host(host) for host in ("0.0.0.0", "::", "10.0.0.1")] == ["127.0.0.1", "::1", "10.0.0.1"]


NAMES = frozenset({"worker-1", "worker.example"})


SAFE = """
    127.0.0.1:9100 10.1.2.3:9100 203.0.113.9 [::1]:9100 [fe80::1] localhost:9100 LocalHost nova.localhost
    worker-1 WORKER-1:9100 worker.example. worker.example:80
"""
FOREIGN = """
    evil.example evil.example:9100 127.0.0.1.evil.example localhost.evil.example evil.worker.example xlocalhost
    worker-1.evil.example :9100 [ [::1 127.0.0.1@evil.example a@127.0.0.1 evil.example@worker-1 evil.example#127.0.0.1
"""


@pytest.mark.parametrize("host", SAFE.split())
def test_a_request_for_an_address_or_a_known_name_is_safe(host: str) -> None:
    assert is_safe_host(host, NAMES)


@pytest.mark.parametrize("host", ["", *FOREIGN.split()])
def test_a_request_for_a_foreign_name_is_not_safe(host: str) -> None:
    assert not is_safe_host(host, NAMES)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "127.0.0.1:6379/0"),
        ("rediss://ada:secret@[::1]:6379", "[::1]:6379"),
        ("redis+sentinel://ada:secret@a:1,b:2/main/0", "a:1,b:2/main/0"),
        ("unix:///run/redis.sock?password=secret", "/run/redis.sock"),
        ("redis://127.0.0.1:1/0?password=hunter@2secret", "127.0.0.1:1/0"),
        ("redis://:hunter@2secret@host:1/0", "host:1/0"),
    ],
)
def test_a_redis_url_is_printed_without_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@pytest.mark.parametrize("end", ["/b", "?b", "#b", "[b", "/b@c"])
@pytest.mark.parametrize("password", [":secret", "ada:secret"])
def test_a_password_that_is_not_escaped_is_not_printed(password: str, end: str) -> None:
    assert without_secrets(f"redis://{password}{end}@host:1/0") == "an invalid address"
