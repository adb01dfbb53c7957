"""Which server and which Redis a command uses."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.cli.redis_access import find_redis
from backend.errors import SetupError
from backend.local.discovery import NoServerError, find_server, stream_url
from backend.local.run_file import announced
from backend.local.runtime_folder import runtime_folder
from backend.local.system import System

Run = Callable[[int], None]


@pytest.fixture(autouse=True)
def clean_environment(temporary_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No running system, no settings, and an empty working directory."""
    monkeypatch.chdir(temporary_folder)
    for name in ("NOVA_SERVER", "REDIS_URL", "NOVA_SHARDS", "GATEWAY_HOST", "GATEWAY_PORT", "GATEWAY_TLS_CERT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run() -> Iterator[Run]:
    """Announce a system of this process on a port. Its Redis is on the next port."""
    with ExitStack() as stack:

        def start(port: int) -> None:
            folder = stack.enter_context(runtime_folder())
            urls, redis_url = (f"http://127.0.0.1:{port}",), f"redis://:hunter2@127.0.0.1:{port + 1}/0"
            stack.enter_context(announced(System(urls, redis_url, (), folder, f"key-{port}")))

        yield start


def server_url(address: str | None = None) -> str:
    return find_server(address).url


def redis_address(redis_url: str | None = None, server: str | None = None) -> str:
    return find_redis(redis_url, server).address


@pytest.mark.parametrize(
    "address", ["http://h:8080", "ws://h:8080", "ws://h:8080/v1/stream", "h:8080", "http://h:8080/"]
)
def test_http_and_websocket_addresses_are_accepted(address: str) -> None:
    assert stream_url(address) == "ws://h:8080/v1/stream"


@pytest.mark.parametrize("address", ["http://", "ws://:8080", "ftp://h", "http://h:99999", "http://h:0"])
def test_an_address_that_names_no_server_is_refused(address: str) -> None:
    with pytest.raises(NoServerError, match="is not a server address"):
        stream_url(address)


def test_a_running_system_comes_before_the_defaults(run: Run) -> None:
    assert server_url() == "ws://127.0.0.1:8080/v1/stream"
    assert redis_address() == "127.0.0.1:6379/0"
    run(18_400)
    found = find_server(None)
    assert (found.url, found.key) == ("ws://127.0.0.1:18400/v1/stream", "key-18400")
    assert found.origin == f"http://127.0.0.1:18400 (nova up, process {os.getpid()})"
    assert (redis_address(), find_redis(None, None).origin) == ("127.0.0.1:18401/0", f"of {found.origin}")


def test_a_running_system_comes_before_the_file_with_settings(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REDIS_URL=redis://file:1/0\nGATEWAY_HOST=0.0.0.0\nGATEWAY_PORT=9000\n")
    assert (server_url(), redis_address()) == ("ws://127.0.0.1:9000/v1/stream", "file:1/0")
    run(18_400)
    assert (server_url(), redis_address()) == ("ws://127.0.0.1:18400/v1/stream", "127.0.0.1:18401/0")


@pytest.mark.parametrize("port", ["abc", "0", "70000", "tcp://10.0.0.1:8080"])
def test_an_invalid_port_in_the_settings_is_named(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", port)
    with pytest.raises(SetupError) as refused:
        find_server(None)
    assert refused.value.message == f"GATEWAY_PORT must be a port from 1 to 65535, and is '{port}'"


def test_an_empty_setting_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "")
    (tmp_path / ".env").write_text("GATEWAY_HOST=\n")
    assert server_url() == "ws://127.0.0.1:8080/v1/stream"


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "nohost.invalid"])
def test_the_file_with_settings_cannot_choose_another_machine(host: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"GATEWAY_HOST={host}\nGATEWAY_PORT=9000\n")
    assert server_url() == "ws://127.0.0.1:9000/v1/stream"


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost"])
def test_the_file_with_settings_may_name_an_address_of_this_machine(host: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"GATEWAY_HOST={host}\n")
    assert server_url() == f"ws://{host}:8080/v1/stream"


def test_a_name_of_this_machine_is_replaced_by_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.3", 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [here])
    (tmp_path / ".env").write_text("GATEWAY_HOST=voice.example\n")
    assert server_url() == "ws://127.0.0.3:8080/v1/stream"


def test_variables_and_options_come_before_a_running_system(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(18_400)
    monkeypatch.setenv("NOVA_SERVER", "https://voice.example")
    monkeypatch.setenv("REDIS_URL", "redis://variable:1/0")
    found = find_server(None)
    assert (found.url, found.key) == ("wss://voice.example/v1/stream", ""), "the key is for the other system"
    assert found.origin == "https://voice.example (NOVA_SERVER)"
    assert redis_address() == "variable:1/0"
    assert (server_url("option:1"), find_server("option:1").origin) == ("ws://option:1/v1/stream", "")
    assert redis_address("redis://user:hunter2@option:1/0?protocol=3") == "option:1/0"
    assert redis_address("redis://option:1/0?password=hunter@2secret") == "option:1/0"


def test_the_redis_of_another_server_is_not_that_of_a_running_system(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(18_400)
    monkeypatch.setenv("NOVA_SERVER", "https://voice.example")
    assert redis_address() == "127.0.0.1:6379/0"
    with pytest.raises(SetupError, match="--redis-url"):
        find_redis(None, "https://voice.example")


def test_with_two_systems_the_user_chooses(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(18_400)
    run(18_500)
    for find in (lambda: find_server(None), lambda: find_redis(None, None)):
        with pytest.raises(NoServerError, match=r"18400 .*18500 .*--server or NOVA_SERVER"):
            find()
    assert find_server("http://localhost:18500").key == "key-18500"
    assert redis_address(server="http://localhost:18500") == "127.0.0.1:18501/0"
    monkeypatch.setenv("NOVA_SERVER", "ws://127.0.0.1:18400")
    assert (server_url(), redis_address()) == ("ws://127.0.0.1:18400/v1/stream", "127.0.0.1:18401/0")


def test_the_key_is_only_sent_to_the_address_of_the_running_system(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(18_400)
    named = find_server("http://localhost:18400")
    assert (named.url, named.key) == ("ws://127.0.0.1:18400/v1/stream", "key-18400")
    assert server_url("ws://localhost:18400/v1/stream?user=ada") == "ws://127.0.0.1:18400/v1/stream?user=ada"
    monkeypatch.setenv("NOVA_SERVER", "localhost:18400")
    assert server_url() == "ws://127.0.0.1:18400/v1/stream"
    assert find_server("http://[::1]:18400").key == ""


def test_the_number_of_shards_is_that_of_the_running_system(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOVA_SHARDS", "4")
    run(18_400)
    assert find_redis(None, None).settings.shards == 4
    monkeypatch.delenv("NOVA_SHARDS")
    assert find_redis(None, None).settings.shards == 4
    monkeypatch.setenv("NOVA_SHARDS", "2")
    assert find_redis(None, None).settings.shards == 2
