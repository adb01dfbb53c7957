"""Serves clients of the streaming-STT module on the message buses that the settings name."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from backend.errors import SetupError
from backend.service.address import is_loopback
from backend.streams.session.bus_claims import BusClaims
from gateway.apis.ai_voice.bus_session import BusDoor
from gateway.apis.ai_voice.bus_sessions import BusSessions
from gateway.apis.ai_voice.nats_bus import NatsBus, import_nats
from gateway.apis.ai_voice.redis_bus import RedisBus
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings


def check_ai_voice(settings: GatewaySettings) -> None:
    """Raise SetupError if a bus cannot be used, or if its clients could reach a gateway that requires a key."""
    redis, nats = settings.ai_voice_redis.get_secret_value(), settings.ai_voice_nats.get_secret_value()
    if redis:
        RedisBus(redis)
    if nats:
        import_nats()
    buses = [address for address in (redis, nats) if address]
    is_local = is_loopback(settings.host) and all(map(_is_local, buses))
    required = settings.auth == "keys" or (settings.auth == "auto" and not is_local)
    if buses and required and not settings.ai_voice_key.get_secret_value():
        raise SetupError(
            "GATEWAY_AI_VOICE_KEY: this gateway requires a key, so the clients of its message bus need one"
        )


def _is_local(addresses: str) -> bool:
    return all(is_loopback(_host(address)) for address in addresses.split(","))


def _host(address: str) -> str:
    full = address.strip() if "://" in address else f"//{address.strip()}"
    return "localhost" if full.startswith("unix:") else urlsplit(full).hostname or ""


@asynccontextmanager
async def ai_voice_listening(services: GatewayServices) -> AsyncIterator[None]:
    """Serve clients while the context is active, if the settings name a bus."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in _parts(services)]
        yield
        for task in tasks:
            task.cancel()


def _parts(services: GatewayServices) -> Sequence[Coroutine[Any, Any, None]]:
    settings = services.settings
    parts: list[Coroutine[Any, Any, None]] = []
    if redis := settings.ai_voice_redis.get_secret_value():
        channels = RedisBus(redis)
        sessions = BusSessions(_door(services, "redis", channels.publish))
        parts += [sessions.run(), channels.run(sessions.receive)]
    if nats := settings.ai_voice_nats.get_secret_value():
        subjects = NatsBus(nats)
        sessions = BusSessions(_door(services, "nats", subjects.publish))
        parts += [sessions.run(), subjects.run(partial(sessions.receive, is_elected=False), sessions.elect)]
    return parts


def _door(services: GatewayServices, name: str, publish: Callable[[str, bytes], Awaitable[None]]) -> BusDoor:
    settings = services.settings
    # A process that is restarted under the same name must not take the sessions of the old one for its own.
    holder = f"{services.name}:{secrets.token_hex(4)}"
    claims = BusClaims(services.redis, settings.shards, holder, settings.session_ttl_s)
    return BusDoor(name, services, claims, settings.ai_voice_key.get_secret_value(), publish)
