"""Downloads from addresses that clients choose, with a real server on loopback."""

import asyncio
import gzip
import ssl
import time
import tracemalloc
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.apis import downloads
from gateway.apis.downloads import Downloads, resolve_host
from gateway.apis.errors import InvalidRequestError
from gateway.http.public_addresses import Address, parse_address
from gateway.settings import GatewaySettings
from tests.testkit.servers.certificate import self_signed
from tests.testkit.servers.threads import serve_in_thread

CONTENT = bytes(range(256)) * 5_000
# 64 MiB in 64 KiB.
BOMB = gzip.compress(bytes(64 << 20))


@dataclass
class Storage:
    """A server on all addresses of loopback. `seen`: address, Host header and path of each request."""

    port: int = 0
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    # The paths and Authorization headers.
    authorized: list[tuple[str, str | None]] = field(default_factory=list)

    def url(self, path: str = "/talk", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
def storage() -> Iterator[Storage]:
    place = Storage()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place.seen.append((self.connection.getsockname()[0], self.headers["Host"], self.path))
            place.authorized.append((self.path, self.headers["Authorization"]))
            kind, _, rest = self.path[1:].partition("/")
            match kind:
                case "to":
                    self._head(302, {"Location": rest})
                case "bomb":
                    size = f"{len(BOMB)}"
                    self._head(302, {"Location": "/talk", "Content-Encoding": "gzip", "Content-Length": size})
                    self.wfile.write(BOMB)
                case "endless-to":
                    self._head(302, {"Location": "/talk"})
                    while True:
                        self.wfile.write(bytes(1 << 16))
                case "status":
                    self._head(int(rest), {"Content-Length": "0"})
                case "endless":
                    self._head(200, {})
                    while True:
                        self.wfile.write(bytes(1 << 16))
                case "slow":
                    self._head(200, {})
                    while True:
                        self.wfile.write(b"x")
                        time.sleep(0.05)
                case _:
                    self._head(200, {"Content-Length": str(len(CONTENT))})
                    self.wfile.write(CONTENT)

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    with serve_in_thread(ThreadingHTTPServer(("0.0.0.0", 0), Handler)) as server:
        place.port = server.server_port
        yield place


def settings(**changes: Any) -> GatewaySettings:
    return GatewaySettings(url_enabled=True, **{"url_networks": "127.0.0.1/32", "url_timeout_s": 10, **changes})


async def unguarded(work: Awaitable[None]) -> None:
    await work


async def fetched(url: str, service: Downloads | None = None) -> bytes:
    async with (service or Downloads(settings())).received(url, "caller", unguarded) as file:
        return file.read_bytes()


async def refused(url: str, service: Downloads | None = None) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        await fetched(url, service)
    return caught.value


async def test_a_recording_is_fetched_also_after_a_redirect(storage: Storage) -> None:
    assert await fetched(storage.url()) == CONTENT
    assert await fetched(storage.url(f"/to/{storage.url()}")) == CONTENT
    assert await fetched(storage.url("/to//talk")) == CONTENT


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.2", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "0", "0.0.0.0"],
)
async def test_no_connection_is_made_to_an_address_that_is_not_public(storage: Storage, host: str) -> None:
    error = await refused(storage.url(host=host), Downloads(settings(url_networks="")))
    assert (error.code, error.status) == ("remote_content", 400)
    assert error.message == "the host of the URL has no public address"
    assert storage.seen == []


async def test_a_redirect_to_an_address_that_is_not_allowed_is_not_followed(storage: Storage) -> None:
    error = await refused(storage.url(f"/to/{storage.url(host='127.0.0.2')}"))
    assert error.message == "the host of the URL has no public address"
    assert [address for address, *_ in storage.seen] == ["127.0.0.1"]


async def test_the_address_that_was_checked_is_the_one_that_is_used(storage: Storage) -> None:
    """A name that has another address at the second question does not lead there."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]

    async def rebinding(host: str) -> Sequence[Address]:
        assert host == "talks.example"
        return [parse_address(text) for text in answers.pop(0)]

    assert await fetched(storage.url(host="talks.example"), Downloads(settings(), rebinding)) == CONTENT
    assert storage.seen == [("127.0.0.1", f"talks.example:{storage.port}", "/talk")]
    assert answers == [["127.0.0.2"]], "the name was resolved once"


async def test_of_several_addresses_only_the_allowed_ones_are_tried(storage: Storage) -> None:
    async def several(_: str) -> Sequence[Address]:
        # Nothing listens at the second one.
        return [parse_address(text) for text in ("127.0.0.2", "fd00::1", "127.0.0.1")]

    service = Downloads(settings(url_networks="127.0.0.1/32, fd00::/8"), several)
    assert await fetched(storage.url(host="talks.example"), service) == CONTENT
    assert [address for address, *_ in storage.seen] == ["127.0.0.1"]


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "talk.wav",
            "file:///etc/passwd",
            "ftp://127.0.0.1/talk",
            "http://",
            "http:///talk",
            "http://[::1",
            "http://a b/",
        ),
        *(
            "http://127.0.0.1:99999/",
            f"http://{'a' * 64}.example/",
            f"http://{'a.' * 200}example/",
            "http://nowhere.invalid/",
        ),
    ],
)
async def test_an_invalid_url_is_refused(url: str) -> None:
    assert (await refused(url)).code == "remote_content"


@pytest.mark.parametrize("path", ["/status/404", "/status/500", "/to/file:///etc/passwd", "/to/ftp://127.0.0.1/x"])
async def test_an_answer_without_the_recording_is_an_error(storage: Storage, path: str) -> None:
    assert (await refused(storage.url(path))).code == "remote_content"


async def test_redirects_in_a_circle_end(storage: Storage) -> None:
    path = "/to/" * 30 + "x"
    assert (await refused(storage.url(path))).code == "remote_content"
    assert len(storage.seen) == downloads.MAX_REDIRECTS + 1


@pytest.mark.parametrize("path", ["/bomb", "/endless-to"])
async def test_the_body_of_a_redirect_is_not_read(storage: Storage, path: str) -> None:
    tracemalloc.start()
    try:
        assert await fetched(storage.url(path), Downloads(settings(url_timeout_s=5))) == CONTENT
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


async def test_credentials_are_not_sent_to_another_origin(storage: Storage) -> None:
    other = f"http://localhost:{storage.port}/talk"
    here = storage.url(f"/to/{other}", host="user:secret@127.0.0.1")
    assert await fetched(here) == CONTENT
    (_, first), (path, second) = storage.authorized
    assert (path, second) == ("/talk", None)
    assert first == "Basic dXNlcjpzZWNyZXQ="


async def test_an_error_of_tls_or_of_the_system_is_the_clients_error(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for failure in (ssl.SSLError("bad record"), OSError("no buffer space")):

        async def fail(*_: object, failure: OSError = failure) -> None:
            raise failure

        monkeypatch.setattr(Downloads, "_write", fail)
        error = await refused(storage.url())
        assert error.code == "remote_content"


async def test_a_recording_that_is_too_large_is_not_received_to_its_end(storage: Storage) -> None:
    error = await refused(storage.url("/endless"), Downloads(settings(max_upload_bytes=1 << 20)))
    assert (error.code, error.status) == ("file_too_large", 413)


async def test_a_server_that_sends_slowly_is_given_up(storage: Storage) -> None:
    began = asyncio.get_running_loop().time()
    error = await refused(storage.url("/slow"), Downloads(settings(url_timeout_s=0.5)))
    assert "within 0.5 s" in error.message
    assert asyncio.get_running_loop().time() - began < 5


async def test_a_caller_leaves_downloads_to_others(storage: Storage) -> None:
    service, loop = Downloads(settings(url_timeout_s=20)), asyncio.get_running_loop()
    slow = [loop.create_task(fetched(storage.url("/slow"), service)) for _ in range(downloads.MAX_DOWNLOADS)]
    try:
        while len(storage.seen) < downloads.MAX_CALLER_DOWNLOADS:  # noqa: ASYNC110 - another thread fills it
            await asyncio.sleep(0.05)
        async with asyncio.timeout(15), service.received(storage.url(), "another", unguarded) as file:
            assert file.read_bytes() == CONTENT
        assert [path for *_, path in storage.seen].count("/slow") == downloads.MAX_CALLER_DOWNLOADS
    finally:
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_certificates_are_those_of_the_name_although_the_address_is_used(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setattr(downloads, "_certificates", lambda: ssl.create_default_context(cafile=str(certificate)))

    async def here(_: str) -> Sequence[Address]:
        return [parse_address("127.0.0.1")]

    class Ok(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.headers["Host"].encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ok)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serve_in_thread(server):
        service = Downloads(settings(), here)
        known, other = (f"https://{name}:{server.server_port}/" for name in ("localhost", "talks.example"))
        assert await fetched(known, service) == f"localhost:{server.server_port}".encode()
        assert "ConnectError" in (await refused(other, service)).message


async def test_nothing_is_fetched_unless_it_is_enabled(storage: Storage) -> None:
    error = await refused(storage.url(), Downloads(GatewaySettings(url_networks="127.0.0.0/8")))
    assert error.code == "invalid_parameter"
    assert storage.seen == []


async def test_names_are_resolved_to_all_their_addresses() -> None:
    assert {str(address) for address in await resolve_host("127.0.0.1")} == {"127.0.0.1"}
