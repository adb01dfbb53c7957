"""The targets of a storm: service processes and Redis servers that are killed with SIGKILL and come back."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.local.processes import Service, wait_for
from tests.testkit.cli import Progress
from tests.testkit.system.redis_servers import RedisServers, Server, cluster, sentinel, single

# A killed process is started again after at most this time. A killed Redis master with a replica stays down until the
# replica has taken over.
MAX_DOWNTIME_S = 1.5
# Kinds of Redis and their number of shards. "private": the system's own server, which is not killed; "aof": a server
# that writes everything to disk before it answers; "memory": a server that loses everything when it is killed.
SHARDS = {"private": 1, "aof": 1, "memory": 1, "sentinel": 1, "cluster": 6}


@dataclass(frozen=True, slots=True)
class Target:
    """Something that can be killed at any moment and comes back by itself."""

    kind: str
    # Kills it and returns its name, or "" if it is already down.
    kill: Callable[[], Awaitable[str]]


async def kill_at_random(
    targets: Sequence[Target], every_s: float, rng: random.Random, kills: Counter[str], progress: Progress
) -> None:
    """Kill targets until cancelled, each kind equally often, with exponentially distributed pauses."""
    kinds = sorted({target.kind for target in targets})
    while True:
        await asyncio.sleep(rng.expovariate(1 / every_s))
        kind = rng.choice(kinds)
        target = rng.choice([target for target in targets if target.kind == kind])
        if name := await target.kill():
            kills[kind] += 1
            progress(f"killed {name}")


def service_target(service: Service) -> Target:
    """A process of a system. The system's supervisor starts it again."""

    async def kill() -> str:
        if service.process is None or service.process.returncode is not None:
            return ""
        service.process.kill()
        return service.name

    return Target(service.name.partition("-")[0], kill)


@asynccontextmanager
async def start_redis(kind: str, logs: Path, rng: random.Random) -> AsyncIterator[tuple[list[Target], str | None]]:
    """A Redis that may be killed, and its URL. No target and None for "private": the system starts its own."""
    if kind == "private":
        yield [], None
        return
    logs.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240
    directory = Path(tempfile.mkdtemp(prefix="redis-", dir=logs))
    deployments: dict[str, AbstractAsyncContextManager[RedisServers]] = {
        "aof": single(directory, appendonly=True, appendfsync="always"),
        "memory": single(directory),
        "sentinel": sentinel(directory),
        "cluster": cluster(directory),
    }
    async with deployments[kind] as redis, asyncio.TaskGroup() as tasks:
        target = _RedisTarget(redis, SHARDS[kind], rng)
        restarting = tasks.create_task(target.restart_killed())
        try:
            yield [Target("redis", target.kill)], redis.url
        finally:
            restarting.cancel()


class _RedisTarget:
    """A Redis of any kind. At most one of its servers is down at a time."""

    def __init__(self, redis: RedisServers, shards: int, rng: random.Random) -> None:
        self._redis, self._shards, self._random = redis, shards, rng
        self._killed: asyncio.Queue[tuple[Server, int]] = asyncio.Queue(1)
        self._complete = True

    async def kill(self) -> str:
        """Kill the master of a random shard."""
        if not self._complete:
            return ""
        self._complete = False
        shard = self._random.randrange(self._shards)
        server = await self._redis.kill_master(shard)
        self._killed.put_nowait((server, shard))
        return f"redis on port {server.port}"

    async def restart_killed(self) -> None:
        """Until cancelled, restart each killed server. It must catch up before another server may be killed."""
        while True:
            await self._restart(*await self._killed.get())
            self._complete = True

    async def _restart(self, server: Server, shard: int) -> None:
        if self._redis.fails_over:
            # A master that restarts before the failover comes back empty and is still the master.
            await wait_for(lambda: self._replaced(server, shard), "no replica has taken over")
            await server.start()
            await self._redis.settle()
        else:
            await asyncio.sleep(self._random.uniform(0, MAX_DOWNTIME_S))
            await server.start()

    async def _replaced(self, server: Server, shard: int) -> bool:
        try:
            return await self._redis.master(shard) is not server
        except LookupError:
            return False
