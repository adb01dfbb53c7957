"""Proxies of the environment are used for other machines only."""

import socket
import threading

import httpx
import pytest

from backend.client.proxy import proxy_for
from backend.errors import SetupError
from backend.service.http_clients import http_client

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> str:
    """A server that answers one request."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with listener, connection:
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    threading.Thread(target=answer, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("proxy", ["http://192.0.2.1:9", "socks5://192.0.2.1:9"])
def test_this_machine_is_reached_without_a_proxy(
    server: str, monkeypatch: pytest.MonkeyPatch, name: str, proxy: str
) -> None:
    monkeypatch.setenv(name, proxy)
    with http_client(server, timeout=5) as http:
        assert http.get(server).text == "ok"
    assert proxy_for(server.replace("http", "ws")) is None


def test_other_machines_are_reached_through_the_proxy(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server)
    with http_client("http://nova.example/", timeout=5) as http:
        assert http.get("http://nova.example/").text == "ok"
    assert proxy_for("ws://nova.example/v1/stream") is True


def test_all_proxy_and_no_proxy_apply_to_websockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:9")
    assert proxy_for("wss://nova.example/v1/stream") == "http://192.0.2.1:9"
    monkeypatch.setenv("NO_PROXY", "nova.example")
    assert proxy_for("wss://nova.example/v1/stream") is None


def test_an_unusable_proxy_is_reported_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://192.0.2.1:9")
    with pytest.raises(SetupError, match="the proxy that the environment names cannot be used"):
        http_client("http://nova.example/")


def test_no_proxy_needs_no_usable_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://192.0.2.1:9")
    monkeypatch.setenv("NO_PROXY", "nova.example")
    assert isinstance(http_client("http://nova.example/"), httpx.Client)
