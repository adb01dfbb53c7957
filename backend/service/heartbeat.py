"""Heartbeats: each process writes a key with a TTL every few seconds."""

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
    """Write `about()` and the time to `key` until cancelled, then delete the key. After a crash it expires.

    `register` is a set of all these keys. Readers remove expired members.
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
