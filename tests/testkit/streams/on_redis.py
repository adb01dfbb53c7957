"""Sessions and consumers on a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from backend.messages.jobs import AudioJob
from backend.service.settings import ServiceSettings, WorkerSettings
from backend.streams.job_streams import AUDIO, Entry, JobStream, Outcome
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.log import read_log
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Lease
from backend.streams.worker.consumer import Consumer
from backend.streams.worker.redis_source import redis_consumer
from tests.testkit.streams.jobs import RECORD


async def opened(redis: Redis, session: str = "s") -> Lease:
    """A new session; its token is "secret"."""
    return await RedisSessions(redis, ServiceSettings(), "gateway").open(session, "secret", RECORD)


async def logged(streams: RedisJobStreams, session: str = "s") -> list[Any]:
    """The durable events of a session."""
    return [message.event async for message in read_log(streams.redis, streams.shard(session), session, "0-0")]


async def taken(streams: RedisJobStreams, count: int) -> list[Entry[AudioJob]]:
    """Read entries as a worker does that is killed before it processes them."""
    seen: list[Entry[AudioJob]] = []

    async def die(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        seen.extend(batch)
        raise asyncio.CancelledError

    consumer = redis_consumer(streams, AUDIO, "reader", WorkerSettings(), die)
    while len(seen) < count:
        with pytest.raises(asyncio.CancelledError):
            await consumer.consume_until(asyncio.Event())
    return seen


@asynccontextmanager
async def consuming(
    streams: RedisJobStreams, handle: Any, job_stream: JobStream[Any] = AUDIO, **settings: Any
) -> AsyncIterator[Consumer[Any]]:
    """A consumer named "w" that processes entries."""
    stop = asyncio.Event()
    consumer = redis_consumer(streams, job_stream, "w", WorkerSettings(**settings), handle)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consumer.consume_until(stop))
        try:
            yield consumer
        finally:
            stop.set()


async def eventually(condition: Callable[[], Awaitable[bool]], within_s: float = 5.0) -> None:
    """Wait until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110 - other processes make it true
            await asyncio.sleep(0.01)


async def has_logged(streams: RedisJobStreams, count: int, *sessions: str) -> None:
    """Wait until each session has that many durable events."""

    async def all_logged() -> bool:
        return all([len(await logged(streams, session)) >= count for session in sessions or ("s",)])

    await eventually(all_logged, 10)
