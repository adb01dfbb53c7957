"""Commands trust the certificate of the system that this user runs, and no other one."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from backend.cli.diagnostics.servers import check_server
from backend.errors import SetupError
from backend.local.discovery import Server, UntrustedServerError, find_server, is_ready, open_session
from backend.local.own_certificate import trust_only
from backend.local.run_file import announced
from backend.local.runtime_folder import runtime_folder
from backend.local.system import System
from backend.messages.protocol import Start
from tests.testkit.servers.certificate import self_signed
from tests.testkit.servers.fake_gateway import Gateway

# The certificate is not issued for this address of loopback.
HOST = "127.0.0.2"
HEALTH = json.dumps({"status": "healthy", "version": "1", "workers": [], "reasons": []})


def answer_health(connection: ServerConnection, request: Request) -> Response | None:
    return connection.respond(HTTPStatus.OK, HEALTH) if request.path.startswith("/health") else None


@pytest.fixture(autouse=True)
def clean_environment(temporary_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(temporary_folder)
    for name in ("NOVA_SERVER", "GATEWAY_HOST", "GATEWAY_PORT", "GATEWAY_TLS_CERT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A gateway with a self-signed certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    async with serve(Gateway().serve, HOST, 0, ssl=context, process_request=answer_health) as listening:
        yield f"https://{HOST}:{next(iter(listening.sockets)).getsockname()[1]}"


@pytest.fixture
def found(url: str, tmp_path: Path) -> Iterator[Server]:
    """The server that a command finds while the system runs."""
    with runtime_folder() as folder, announced(System((url,), "redis://", (), folder, tls_cert=f"{tmp_path}/cert.pem")):
        yield find_server(None)


async def test_a_running_system_with_tls_is_ready_and_serves_sessions(found: Server) -> None:
    assert found.url.startswith("wss://")
    assert await is_ready(found)
    async with open_session(found, Start()) as client:
        assert client.ready.session
    health = await asyncio.to_thread(check_server, found)
    assert (health.ok, health.found.startswith(f"https://{HOST}:")) == (True, True)


async def test_the_user_may_name_the_running_system(found: Server, url: str) -> None:
    assert await is_ready(find_server(url.replace("https", "http")))


async def test_the_file_with_settings_names_the_certificate(url: str, tmp_path: Path) -> None:
    port = url.rpartition(":")[2]
    (tmp_path / ".env").write_text(f"GATEWAY_HOST={HOST}\nGATEWAY_PORT={port}\nGATEWAY_TLS_CERT=cert.pem\n")
    assert await is_ready(find_server(None))


async def test_a_server_with_another_certificate_is_not_trusted(found: Server, tmp_path: Path) -> None:
    self_signed(tmp_path)
    with pytest.raises(UntrustedServerError, match="self-signed certificate"):
        await is_ready(found)
    with pytest.raises(UntrustedServerError, match="self-signed certificate"):
        async with open_session(found, Start()):
            pass


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"])
def test_a_file_without_a_certificate_is_named(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SetupError, match=r"cert\.pem, cannot be used: "):
        trust_only(str(path))
