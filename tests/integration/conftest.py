"""Fixtures of a session on a real Redis."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from click.testing import Result
from redis.asyncio import Redis

from backend.service.settings import ServiceSettings
from backend.streams.dead_letters import DeadLetters
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.sessions import Lease
from tests.testkit.streams.dead_letters import operator
from tests.testkit.streams.on_redis import opened

Nova = Callable[..., Awaitable[Result]]


@pytest.fixture
def streams(redis: Redis) -> RedisJobStreams:
    return RedisJobStreams(redis, ServiceSettings())


@pytest.fixture
def dead(redis: Redis) -> DeadLetters:
    return DeadLetters(redis, ServiceSettings())


@pytest.fixture
async def lease(redis: Redis) -> Lease:
    return await opened(redis)


@pytest.fixture
def run(redis_url: str) -> Nova:
    """`nova dead ...`"""
    return partial(operator, redis_url)
