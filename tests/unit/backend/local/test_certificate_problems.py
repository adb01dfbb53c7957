"""Commands say that a certificate is not trusted, and how to trust it, instead of that no server is running."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
from click.testing import CliRunner
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from backend.cli.diagnostics.servers import check_server
from backend.cli.status import status
from backend.local.certificate_problems import certificate_problem
from backend.local.discovery import UntrustedServerError, find_or_start_server, find_server, is_ready, open_session
from backend.messages.protocol import Start
from tests.testkit.servers.certificate import self_signed
from tests.testkit.servers.fake_gateway import Gateway

HEALTH = {"status": "healthy", "version": "1", "workers": [], "reasons": [], "redis": {"ok": False}, "lanes": {}}


def answer_health(connection: ServerConnection, request: Request) -> Response | None:
    return connection.respond(HTTPStatus.OK, json.dumps(HEALTH)) if request.path.startswith("/health") else None


@pytest.fixture
async def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a gateway with a self-signed certificate for localhost, which NOVA_SERVER names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    async with serve(Gateway().serve, "127.0.0.1", 0, ssl=context, process_request=answer_health) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.setenv("NOVA_SERVER", f"https://localhost:{port}")
        yield port


async def test_no_private_system_replaces_a_server_that_is_not_trusted(port: int) -> None:
    with pytest.raises(UntrustedServerError) as raised:
        async with find_or_start_server(None, model=None, translate=False):
            pass
    assert raised.value.message == (
        f"the certificate of localhost:{port} is not trusted (self-signed certificate): if the server is yours, set "
        "SSL_CERT_FILE to a file with this certificate, or that of its issuer (PEM)"
    )


async def test_each_command_names_the_reason(port: int) -> None:
    shown = await asyncio.to_thread(CliRunner().invoke, status, [], env={"COLUMNS": "300"})
    assert "localhost" in shown.output
    assert "is not trusted (self-signed certificate)" in " ".join(shown.output.split())
    found = await asyncio.to_thread(check_server, find_server(None))
    assert (found.ok, "is not trusted" in found.found) == (False, True)


async def test_the_advice_works(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    server = find_server(None)
    assert await is_ready(server)
    async with open_session(server, Start()) as client:
        assert client.ready.session


@pytest.mark.parametrize(("code", "advice"), [(10, "renew it"), (62, "host name for which"), (18, "SSL_CERT_FILE")])
def test_the_advice_depends_on_the_reason(code: int, advice: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "a reason"
    wrapped = OSError()
    wrapped.__cause__ = error
    sentence = certificate_problem("wss://a.example:1/v1/stream", wrapped)
    assert sentence is not None
    assert sentence.startswith("the certificate of a.example:1 is not trusted (a reason): ")
    assert advice in sentence


def test_another_error_has_no_certificate_problem() -> None:
    assert certificate_problem("wss://a.example", OSError("refused")) is None
