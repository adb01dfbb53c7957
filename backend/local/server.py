"""Where the commands find a server: the one that is named, one that runs here, or one of their own."""

from __future__ import annotations

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

DEFAULT = "ws://127.0.0.1:8080"
PATH = "/v1/stream"
HEALTH_TIMEOUT_S = 1.0
PATIENCE_S = 600.0
"""How long a busy server is waited for."""


class NoServerError(NovaError):
    """Nothing that speaks our protocol listens there."""

    code = "no_server"


def tell(line: str) -> None:
    """Say what is going on, on stderr, beside the text."""
    click.secho(f"  {line}", dim=True, err=True)


def stream_url(server: str) -> str:
    """The WebSocket's URL, for a server given as "host:8080", "http://host:8080" or in full.

    Raises NoServerError for what is no address.
    """
    url = server if "://" in server else f"ws://{server}"
    try:
        parts = urlsplit(url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        if scheme not in ("ws", "wss") or not parts.hostname or parts.port == 0:
            raise ValueError("it begins with ws:// or wss:// and names a host")
    except ValueError as error:
        raise NoServerError(f"{server!r} is not a server's address: {error}") from None
    path = PATH if parts.path in ("", "/") else parts.path
    return parts._replace(scheme=scheme, path=path).geturl()


def http_url(stream: str, path: str) -> str:
    """Another of the server's addresses, by a stream's URL."""
    parts = urlsplit(stream)
    return parts._replace(scheme=parts.scheme.replace("ws", "http", 1), path=path, query="").geturl()


async def is_well(url: str) -> bool:
    """Whether the gateway behind a stream's URL answers and is healthy."""
    async with httpx.AsyncClient(timeout=HEALTH_TIMEOUT_S) as client:
        try:
            return (await client.get(http_url(url, "/health/ready"))).is_success
        except httpx.HTTPError:
            return False


@asynccontextmanager
async def server(named: str | None, *, model: str | None, translate: bool) -> AsyncIterator[str]:
    """A stream's URL, good until the end.

    The server that is named; without a name, one that runs (at NOVA_SERVER or on this machine), unless a model is
    asked for; else a whole system of our own, stopped at the end.
    """
    if named:
        yield stream_url(named)
        return
    if model is None:
        found = stream_url(os.environ.get("NOVA_SERVER") or DEFAULT)
        if await is_well(found):
            yield found
            return
    plan = Plan(
        stt_model=speech_model(model or os.environ.get("STT_MODEL") or "auto"),
        translation_models=translation_models(os.environ.get("TRANSLATION_MODELS") or "auto") if translate else "",
        translation_workers=int(translate),
        port=0,
    )
    tell("no server runs here, so one is started for this")
    async with running(plan, tell) as system:
        yield stream_url(system.urls[0])


@asynccontextmanager
async def _patiently(url: str, start: Start, key: str) -> AsyncIterator[Client]:
    """A session, when there is room for it."""
    give_up = time.monotonic() + PATIENCE_S
    async with AsyncExitStack() as stack:
        while True:
            try:
                client = await stack.enter_async_context(Client.connect(url, start, key=key))
                break
            except ServerError as refusal:
                if refusal.close_code != CLOSE_TRY_LATER or time.monotonic() > give_up:
                    raise
                tell("the server is busy; waiting for a place")
                await asyncio.sleep(refusal.retry_after_s or 1.0)
        yield client


@asynccontextmanager
async def session(url: str, start: Start, key: str = "") -> AsyncIterator[Client]:
    """A session, waited for on a busy server. Raises NoServerError when there is none, ServerError when it refuses."""
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(_patiently(url, start, key))
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, DisconnectedError) as error:
            raise NoServerError(f"no Nova Voice server answers at {url}: {error or 'it took too long'}") from None
        except ValidationError:
            raise NoServerError(f"what answers at {url} is not a Nova Voice server") from None
        yield client
