"""One way to reach Redis, with a limit on every wait."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import FullJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

from backend.service.settings import ServiceSettings

BLOCK_MS = 1_000
"""Longest blocking read; socket timeouts lie well above it."""

TROUBLE = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OSError)
"""What a lost, restarting or failed-over Redis raises: back off and try again."""


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
