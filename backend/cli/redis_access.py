"""Access to Redis for the operators' commands."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import click
from pydantic import SecretStr
from redis.asyncio import Redis

from backend.errors import SetupError
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import REDIS_ERRORS, connect

T = TypeVar("T")

redis_option = click.option("--redis-url", metavar="URL", help="Redis or Valkey. Default: REDIS_URL.")


def run_with_redis(redis_url: str | None, work: Callable[[Redis, ServiceSettings], Awaitable[T]]) -> T:
    """Run `work` with a connection, and return its result. Raises SetupError if Redis does not answer."""
    settings = ServiceSettings(REDIS_URL=SecretStr(redis_url)) if redis_url else ServiceSettings()

    async def connected() -> T:
        async with aclosing(connect(settings)) as redis:
            try:
                return await work(redis, settings)
            except REDIS_ERRORS as error:
                raise SetupError(f"Redis: {error or 'no answer'}; see --redis-url") from None

    return asyncio.run(connected())
