"""Server discovery for the commands: the given server, a running one, or a private system."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import click
import httpx
from pydantic import ValidationError
from websockets.exceptions import InvalidHandshake, InvalidURI

from backend.client.client import Client, DisconnectedError, ServerError
from backend.client.connection import CLOSE_TRY_LATER
from backend.errors import NovaError
from backend.local.models import speech_model, translation_models
from backend.local.system import Plan, running
from backend.messages.protocol import Start
from backend.service.address import join_host_port
from backend.service.http_clients import async_http_client

DEFAULT_PORT = 8080
DEFAULT_SERVER = f"ws://127.0.0.1:{DEFAULT_PORT}"
STREAM_PATH = "/v1/stream"
HEALTH_TIMEOUT_S = 1.0
# How long to retry while a server is at capacity.
BUSY_TIMEOUT_S = 600.0


class NoServerError(NovaError):
    """No Nova Voice server answers at an address."""

    code = "no_server"


def print_status(line: str) -> None:
    """Print a status line to stderr, because stdout is for transcripts."""
    click.secho(f"  {line}", dim=True, err=True)


def stream_url(server: str) -> str:
    """The WebSocket URL of a server given as "host:8080", as "http://host:8080" or in full.

    Raises NoServerError if the address is invalid.
    """
    url = server if "://" in server else f"ws://{_bracketed(server)}"
    try:
        parts = urlsplit(url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        if scheme not in ("ws", "wss") or not parts.hostname or parts.port == 0:
            raise ValueError("it must start with ws:// or wss:// and contain a host")
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


async def is_ready(stream: str) -> bool:
    """Return whether the gateway with this stream URL answers and is ready."""
    async with async_http_client(stream, timeout=HEALTH_TIMEOUT_S) as client:
        try:
            return (await client.get(http_url(stream, "/health/ready"))).is_success
        except (httpx.HTTPError, httpx.InvalidURL):
            return False


@asynccontextmanager
async def find_or_start_server(address: str | None, *, model: str | None, translate: bool) -> AsyncIterator[str]:
    """Yield the stream URL of a server.

    The server is the one at `address`, else (unless `model` names a speech model) a running one at NOVA_SERVER or on
    this machine, else a private system that is stopped at the end.
    """
    if address:
        yield stream_url(address)
        return
    if model is None:
        found = stream_url(os.environ.get("NOVA_SERVER") or DEFAULT_SERVER)
        if await is_ready(found):
            yield found
            return
    plan = Plan(
        stt_model=speech_model(model or os.environ.get("STT_MODEL") or "auto"),
        translation_models=translation_models(os.environ.get("TRANSLATION_MODELS") or "auto") if translate else "",
        translation_workers=int(translate),
        port=0,
    )
    print_status("no server is running; starting a private one")
    async with running(plan, print_status) as system:
        yield stream_url(system.urls[0])


@asynccontextmanager
async def open_session(stream: str, start: Start, key: str = "") -> AsyncIterator[Client]:
    """Open a session, and wait up to BUSY_TIMEOUT_S while the server is at capacity.

    Raises NoServerError if no server answers, and ServerError if it refuses the session for another reason.
    """
    async with AsyncExitStack() as stack:
        try:
            client = await _connect(stack, stream, start, key)
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, DisconnectedError) as error:
            raise NoServerError(f"no Nova Voice server answers at {stream}: {error or 'timed out'}") from None
        except ValidationError:
            raise NoServerError(f"the server at {stream} is not a Nova Voice server") from None
        yield client


async def _connect(stack: AsyncExitStack, stream: str, start: Start, key: str) -> Client:
    give_up = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            return await stack.enter_async_context(Client.connect(stream, start, key=key))
        except ServerError as refusal:
            if refusal.close_code != CLOSE_TRY_LATER or time.monotonic() > give_up:
                raise
            print_status("the server is at capacity; waiting")
            await asyncio.sleep(refusal.retry_after_s or 1.0)
