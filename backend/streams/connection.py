"""One way to reach Redis, with a limit on every wait."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import FullJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, RedisError

from backend.service.settings import ServiceSettings

log = structlog.get_logger()

T = TypeVar("T")

PATIENCE_S = 30.0
"""How long `insist` goes on trying."""
BLOCK_MS = 1_000
"""Longest blocking read; socket timeouts lie well above it."""

TROUBLE = (RedisError, RedisClusterException, OSError)
"""What a lost, restarting, failed-over, full or split Redis raises: back off and try again.

It is broad because Redis says much of this (MISCONF, UNBLOCKED, NOREPLICAS) by errors that have no class of their own.
"""


def connect(settings: ServiceSettings) -> Redis:
    """A client whose every call ends within seconds. Nothing is sent until the first command."""
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=5,
        socket_connect_timeout=2,
        health_check_interval=15,
        retry=Retry(FullJitterBackoff(cap=0.5, base=0.02), retries=2),
        retry_on_error=[RedisConnectionError],
    )


def is_cluster(redis: Redis) -> bool:
    """Whether keys in different slots need calls of their own."""
    return isinstance(redis, RedisCluster)


async def insist(call: Callable[[], Awaitable[T]], tell: Callable[[float], None] = lambda _: None) -> T:
    """Try until Redis answers, with growing pauses; after `PATIENCE_S` the last failure is raised.

    For what must not be lost. The caller waits, and so does whoever feeds the caller. `tell` hears, at every failure,
    for how many seconds it has been so.
    """
    began = time.monotonic()
    delay = 0.05
    while True:
        try:
            return await call()
        except TROUBLE as error:
            waited = time.monotonic() - began
            if waited > PATIENCE_S:
                raise
            tell(waited)
            log.warning("redis_unavailable", error=str(error), retry_in_s=delay)
            await asyncio.sleep(delay * (0.5 + random.random()))
            delay = min(2.0, 2 * delay)
