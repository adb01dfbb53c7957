"""Connections to Redis, with a timeout for every call."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar, cast

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from backend.backoff import retry
from backend.service.settings import ServiceSettings
from backend.streams.redis.clients import client

log = structlog.get_logger()

T = TypeVar("T")

# Clients keep 60 s of audio, so a session that is closed after 30 s can still be resumed without loss.
GIVE_UP_AFTER_S = 30.0
# Longest blocking read. The socket timeout must be longer, or every idle read would look like a lost connection.
BLOCK_MS = 1_000

# What an unavailable Redis raises (restart, failover, full memory, network partition). Callers retry with backoff.
# RedisError is broad, but redis-py has no class for several of these errors (MISCONF, UNBLOCKED, NOREPLICAS).
REDIS_ERRORS = (RedisError, RedisClusterException, OSError)


def connect(settings: ServiceSettings) -> Redis:
    """A client whose calls all end within seconds. It connects with the first command.

    Raises SetupError if the address is not valid.
    """
    return client(settings.redis_url.get_secret_value())


def is_cluster(redis: Redis) -> bool:
    """Whether a call may use only keys of one slot."""
    return isinstance(redis, RedisCluster)


@asynccontextmanager
async def subscriber(redis: Redis, channel: str) -> AsyncIterator[PubSub]:
    """A connection that is subscribed to `channel` at the node that is its master now.

    It does not reconnect. In a cluster, further channels must be in the same slot.
    """
    async with AsyncExitStack() as stack:
        if isinstance(redis, RedisCluster):
            # Any command for the slot makes the client find its current master.
            await redis.exists(channel)
            node = cast("ClusterNode", redis.get_node_from_key(channel))
            pool = ConnectionPool(connection_class=node.connection_class, **node.connection_kwargs)
            pubsub = PubSub(await stack.enter_async_context(pool))
        else:
            pubsub = redis.pubsub()
        await stack.enter_async_context(pubsub)
        await pubsub.connect()  # type: ignore[no-untyped-call]
        # PubSub reconnects inside every method. Its reader and its writer are two tasks here, so both would reconnect
        # at the same time, and messages would be lost without notice.
        connection: Any = pubsub.connection
        usual, connection.retry = connection.retry, Retry(NoBackoff(), 0, ())
        stack.callback(setattr, connection, "retry", usual)
        await pubsub.ssubscribe(channel)
        yield pubsub


async def retry_until_available(
    call: Callable[[], Awaitable[T]], on_failure: Callable[[float], None] = lambda _: None
) -> T:
    """Retry `call` with backoff until Redis answers. For writes that must not be lost.

    The caller is blocked meanwhile, which is intended backpressure. `on_failure` receives the seconds since the first
    attempt. Raises the last error after `GIVE_UP_AFTER_S` seconds.
    """

    def report(error: BaseException, waited_s: float, delay_s: float) -> None:
        on_failure(waited_s)
        log.warning("redis_unavailable", error=str(error), retry_in_s=round(delay_s, 3))

    return await retry(call, REDIS_ERRORS, give_up_after_s=GIVE_UP_AFTER_S, on_failure=report)
