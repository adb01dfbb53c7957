"""Which system a command uses: the given one, a running one, the one of the settings, or a private one.

An option comes first, then an environment variable, then the run file of `nova up`, then the file .env and defaults.
"""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import urlsplit

import click
import httpx
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from websockets.exceptions import InvalidHandshake, InvalidURI

from backend.client.client import Client, DisconnectedError, ServerError
from backend.client.connection import CLOSE_TRY_LATER
from backend.errors import NovaError, SetupError
from backend.local.certificate_problems import certificate_problem
from backend.local.models import speech_model, translation_models
from backend.local.own_certificate import trust_only
from backend.local.processes import bound_socket
from backend.local.run_file import RunFile, running_systems
from backend.local.system import Plan, running
from backend.messages.protocol import Start
from backend.service.address import connect_host, is_loopback, join_host_port
from backend.service.http_clients import async_http_client
from backend.text.printable import printable_lines

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8080
STREAM_PATH = "/v1/stream"
HEALTH_TIMEOUT_S = 1.0
# How long to retry while a server is at capacity.
BUSY_TIMEOUT_S = 600.0


class NoServerError(NovaError):
    """No Nova Voice server answers at an address."""

    code = "no_server"


class UntrustedServerError(NoServerError):
    """The certificate of the server at an address is not trusted."""

    code = "untrusted_server"


@dataclass(frozen=True, slots=True)
class Server:
    """The server of a command: its stream URL, and an API key for it if this user runs it and it requires one.

    `origin` says how it was found. It is empty if the user named the server. `tls_cert` is the file with the
    certificate of a system that this user runs.
    """

    url: str
    key: str = field(default="", repr=False)
    origin: str = ""
    tls_cert: str = ""

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The certificates to trust, or None for the default ones. Raises SetupError if the file cannot be used."""
        return trust_only(self.tls_cert) if self.tls_cert else None

    def with_key(self, key: str) -> Self:
        """The same server, with the key that the user gave, if any."""
        return replace(self, key=key or self.key)

    def print_origin(self) -> None:
        """Print which server is used, unless the user named it."""
        if self.origin:
            print_status(f"using {self.origin}")


class _GatewaySettings(BaseSettings):
    """The address of the gateway in the environment or the file .env."""

    model_config = SettingsConfigDict(extra="ignore", env_file=".env", env_ignore_empty=True)

    host: str = Field(default=DEFAULT_HOST, validation_alias="GATEWAY_HOST")
    port: int = Field(default=DEFAULT_PORT, ge=1, le=65535, validation_alias="GATEWAY_PORT")
    tls_cert: str = Field(default="", validation_alias="GATEWAY_TLS_CERT")

    @property
    def url(self) -> str:
        """The URL at which this machine reaches the gateway."""
        scheme = "https" if self.tls_cert else "http"
        return f"{scheme}://{join_host_port(_address_here(connect_host(self.host)), self.port)}"


def _gateway_settings() -> _GatewaySettings:
    """Raises SetupError if the port is invalid."""
    try:
        return _GatewaySettings()
    except ValidationError as error:
        given = error.errors()[0]["input"]
        raise SetupError(f"GATEWAY_PORT must be a port from 1 to 65535, and is {given!r}") from None


def _address_here(host: str) -> str:
    """The address of `host` if this machine has it, otherwise 127.0.0.1.

    The file .env may be that of a downloaded folder. It must not send recordings and keys to another machine.
    """
    if is_loopback(host):
        return host
    try:
        with bound_socket(host, 0) as probe:
            # The address, because the name could have another one at the next lookup.
            return str(probe.getsockname()[0])
    except SetupError:
        return DEFAULT_HOST


def print_status(line: str) -> None:
    """Print a status line to stderr, because stdout is for transcripts."""
    click.secho(f"  {printable_lines(line)}", dim=True, err=True)


def stream_url(server: str) -> str:
    """The WebSocket URL of a server given as "host:8080", as "http://host:8080" or in full.

    Raises NoServerError if the address is invalid.
    """
    url = server if "://" in server else f"ws://{_bracketed(server)}"
    try:
        parts = urlsplit(url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        if scheme not in ("ws", "wss") or not parts.hostname or parts.port == 0:
            raise ValueError("it must start with http://, https://, ws:// or wss:// and contain a host")
    except ValueError as error:
        raise NoServerError(f"{server!r} is not a server address: {error}") from None
    path = STREAM_PATH if parts.path in ("", "/") else parts.path
    return parts._replace(scheme=scheme, path=path).geturl()


def _bracketed(address: str) -> str:
    """An IPv6 address without a port as in a URL. Other addresses stay as they are."""
    return join_host_port(address, DEFAULT_PORT) if address.count(":") > 1 and "[" not in address else address


def http_url(stream: str, path: str) -> str:
    """The URL of an HTTP endpoint of the server with this stream URL."""
    parts = urlsplit(stream)
    return parts._replace(scheme=parts.scheme.replace("ws", "http", 1), path=path, query="").geturl()


async def is_ready(server: Server) -> bool:
    """Return whether the gateway answers and is ready. Raises UntrustedServerError."""
    async with async_http_client(server.url, tls=server.tls, timeout=HEALTH_TIMEOUT_S) as client:
        try:
            return (await client.get(http_url(server.url, "/health/ready"))).is_success
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if problem := certificate_problem(server.url, error):
                raise UntrustedServerError(problem) from None
            return False


def find_server(address: str | None) -> Server:
    """The server at `address`, else at NOVA_SERVER, else that of `nova up`, else that of the settings.

    Raises NoServerError if the address is invalid, or if several systems are running and none was chosen, and
    SetupError if the settings are invalid.
    """
    if named := address or os.environ.get("NOVA_SERVER"):
        origin = "" if address else f"{named} (NOVA_SERVER)"
        if found := _own_gateway(named):
            system, url = found
            return Server(_at_gateway(stream_url(named), url), system.key, origin, system.tls_cert)
        return Server(stream_url(named), origin=origin)
    if own := only_running_system():
        return Server(stream_url(own.urls[0]), own.key, str(own), own.tls_cert)
    settings = _gateway_settings()
    origin = f"{settings.url} (no `nova up` of this user is running)"
    return Server(stream_url(settings.url), origin=origin, tls_cert=settings.tls_cert)


def system_at(address: str) -> RunFile | None:
    """The system of this user with a gateway at `address`, or None. Raises NoServerError if the address is invalid."""
    found = _own_gateway(address)
    return found[0] if found else None


def _own_gateway(address: str) -> tuple[RunFile, str] | None:
    """The system of this user with a gateway at `address`, and the URL of this gateway in the run file."""
    place = _place(stream_url(address))
    gateways = ((own, url) for own in running_systems() for url in own.urls)
    return next((found for found in gateways if _place(stream_url(found[1])) == place), None)


def _at_gateway(stream: str, gateway: str) -> str:
    """A stream URL with the scheme and the address of a gateway.

    "localhost" may be ::1, where the server of another user may listen on the same port. It must not receive the key.
    """
    own = urlsplit(stream_url(gateway))
    return urlsplit(stream)._replace(scheme=own.scheme, netloc=own.netloc).geturl()


def only_running_system() -> RunFile | None:
    """The system that `nova up` runs for this user, or None. Raises NoServerError if there are several."""
    found = running_systems()
    if len(found) > 1:
        raise NoServerError(f"several systems are running: {_listed(found)}. Choose one with --server or NOVA_SERVER")
    return found[0] if found else None


def _listed(systems: Sequence[RunFile]) -> str:
    return ", ".join(map(str, systems))


def _place(stream: str) -> tuple[str, int | None]:
    """Host and port of a stream URL, for comparison."""
    parts = urlsplit(stream)
    host = connect_host(parts.hostname or "")
    return "127.0.0.1" if host == "localhost" else host, parts.port or {"ws": 80, "wss": 443}[parts.scheme]


@asynccontextmanager
async def find_or_start_server(address: str | None, *, model: str | None, translate: bool) -> AsyncIterator[Server]:
    """Yield the server of `find_server`, or a private system that is stopped at the end.

    A private system is started if no server was given and none is ready, or if `model` names a speech model.
    """
    if model is None:
        server = find_server(address)
        if address or await is_ready(server):
            server.print_origin()
            yield server
            return
    plan = Plan(
        stt_model=speech_model(model or os.environ.get("STT_MODEL") or "auto"),
        translation_models=translation_models(os.environ.get("TRANSLATION_MODELS") or "auto") if translate else "",
        translation_workers=int(translate),
        port=0,
    )
    print_status("no server is running; starting a private one")
    async with running(plan, print_status) as system:
        yield Server(stream_url(system.urls[0]), system.key, tls_cert=system.tls_cert)


@asynccontextmanager
async def open_session(server: Server, start: Start) -> AsyncIterator[Client]:
    """Open a session, and wait up to BUSY_TIMEOUT_S while the server is at capacity.

    Raises NoServerError if no server answers, and ServerError if it refuses the session for another reason.
    """
    async with AsyncExitStack() as stack:
        with connection_errors(server):
            client = await _connect(stack, server, start)
        yield client


@contextmanager
def connection_errors(server: Server) -> Iterator[None]:
    """Raise NoServerError in place of the errors of a connection that cannot be opened."""
    try:
        yield
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI, DisconnectedError) as error:
        if problem := certificate_problem(server.url, error):
            raise UntrustedServerError(problem) from None
        raise NoServerError(f"no Nova Voice server answers at {server.url}: {error or 'timed out'}") from None
    except ValidationError:
        raise NoServerError(f"the server at {server.url} is not a Nova Voice server") from None


async def _connect(stack: AsyncExitStack, server: Server, start: Start) -> Client:
    give_up, tls = time.monotonic() + BUSY_TIMEOUT_S, server.tls
    while True:
        try:
            return await stack.enter_async_context(Client.connect(server.url, start, key=server.key, tls=tls))
        except ServerError as refusal:
            if refusal.close_code != CLOSE_TRY_LATER or time.monotonic() > give_up:
                raise
            print_status("the server is at capacity; waiting")
            await asyncio.sleep(refusal.retry_after_s or 1.0)
