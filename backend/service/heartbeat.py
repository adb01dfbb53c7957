"""A process says that it lives: a key with a time to live, written every few seconds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisClusterException, RedisError

log = structlog.get_logger()

EVERY_S = 2.0
TTL_S = 10

About = Callable[[], Mapping[str, object]]


async def publish_heartbeats(redis: Redis, register: str, key: str, about: About) -> None:
    """Write `about()` and the time to `key` until cancelled; the key then goes at once, or by itself when killed.

    `register` is a set of all such keys; whoever reads it takes out those that are gone.
    """
    started = time.time()
    try:
        while True:
            body = {**about(), "started": started, "seen": time.time()}
            try:
                await redis.set(key, json.dumps(body), ex=TTL_S)
                await redis.sadd(register, key)
            except (RedisError, RedisClusterException, OSError) as error:
                log.warning("heartbeat_failed", error=str(error))
            await asyncio.sleep(EVERY_S)
    finally:
        try:
            await asyncio.wait_for(redis.delete(key), 1.0)
        except (RedisError, RedisClusterException, OSError):
            log.debug("heartbeat_left_to_expire", key=key)
