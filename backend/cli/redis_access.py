"""Access to Redis for the operators' commands."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click
from pydantic import SecretStr
from redis.asyncio import Redis

from backend.cli.options import server_option
from backend.errors import SetupError
from backend.local.discovery import only_running_system, print_status, system_at
from backend.local.run_file import RunFile
from backend.service.address import without_secrets
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import REDIS_ERRORS, connect

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """The Redis of a command, by its settings. `origin` says how it was found; "" if an option names it."""

    settings: ServiceSettings
    origin: str = ""

    @property
    def address(self) -> str:
        """The address without user name and password."""
        return without_secrets(self.settings.redis_url.get_secret_value())


def with_redis(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name a Redis. The command receives a RedisAccess as `redis`."""

    @wraps(command)
    def run(*arguments: Any, redis_url: str | None, server: str | None, **others: Any) -> None:
        if redis_url and server:
            raise click.UsageError("use either --redis-url or --server")
        redis = find_redis(redis_url, server)
        if redis.origin:
            print_status(f"using Redis at {redis.address} {redis.origin}")
        command(*arguments, redis=redis, **others)

    server_option("A system that `nova up` runs on this machine, by its address.")(run)
    click.option(
        "--redis-url",
        metavar="URL",
        help="Redis or Valkey. Default: REDIS_URL, or that of `nova up`, or redis://127.0.0.1:6379/0.",
    )(run)
    return run


def find_redis(redis_url: str | None, server: str | None) -> RedisAccess:
    """The Redis at `redis_url` or of the system at `server`, else REDIS_URL, else that of `nova up`, else the default.

    Raises SetupError if this user runs no system at `server`, and NoServerError if several are running and none was
    chosen. Of a system elsewhere, which NOVA_SERVER names, only the settings know the Redis.
    """
    if redis_url:
        return RedisAccess(ServiceSettings(REDIS_URL=SecretStr(redis_url)))
    if server:
        if own := system_at(server):
            return RedisAccess(_settings_of(own))
        raise SetupError(f"you run no `nova up` at {server} on this machine: name its Redis with --redis-url")
    if os.environ.get("REDIS_URL"):
        return RedisAccess(ServiceSettings(), "(REDIS_URL)")
    named = os.environ.get("NOVA_SERVER")
    if own := system_at(named) if named else only_running_system():
        return RedisAccess(_settings_of(own), f"of {own}")
    return RedisAccess(ServiceSettings(), "(from the settings)" if named else "(no `nova up` of this user is running)")


def run_with_redis(redis: RedisAccess, work: Callable[[Redis, ServiceSettings], Awaitable[T]]) -> T:
    """Run `work` with a connection, and return its result. Raises SetupError if Redis does not answer."""

    async def connected() -> T:
        async with aclosing(connect(redis.settings)) as connection:
            try:
                return await work(connection, redis.settings)
            except REDIS_ERRORS as error:
                raise SetupError(_problem(redis.address, error)) from None

    return asyncio.run(connected())


def _problem(address: str, error: Exception) -> str:
    """The error of redis-py, or in words if nothing listens at the address."""
    if isinstance(error.__context__, ConnectionRefusedError):
        return f"no Redis at {address}. Start the system with `nova up`, or name its Redis with --redis-url (REDIS_URL)"
    return f"Redis: {error or 'no answer'}; see --redis-url"


def _settings_of(own: RunFile) -> ServiceSettings:
    """The settings of a running system. The number of shards in the environment comes first, as for all settings."""
    values: dict[str, Any] = {"REDIS_URL": SecretStr(own.redis_url)}
    if "NOVA_SHARDS" not in os.environ:
        values["NOVA_SHARDS"] = own.shards
    return ServiceSettings(**values)
