"""What a storm kills with -9, and how it comes back."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.local.processes import Service, wait_for
from tests.testkit.system.redis_servers import Kind, Server, cluster, sentinel, single

AWAY_S = 1.5
"""Longest time for which what was killed stays away; but a Redis that has a replica, until that has taken over."""
SHARDS = {"private": 1, "aof": 1, "memory": 1, "sentinel": 1, "cluster": 6}
"""How many shards each kind of Redis gets. "private": the system's own, which is spared; "aof": one that has everything
on disk before it answers; "memory": one that forgets everything when it dies."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Victim:
    """What may be killed at any moment, and comes back by itself."""

    kind: str
    strike: Callable[[], Awaitable[str]]
    """Kills it and returns its name; "" when it lies already."""


async def kill(victims: Sequence[Victim], every_s: float, dice: random.Random, kills: Counter[str], tell: Tell) -> None:
    """Until cancelled: every kind as often, at moments that know nothing of each other, so that some fall together."""
    kinds = sorted({victim.kind for victim in victims})
    while True:
        await asyncio.sleep(dice.expovariate(1 / every_s))
        kind = dice.choice(kinds)
        victim = dice.choice([victim for victim in victims if victim.kind == kind])
        if name := await victim.strike():
            kills[kind] += 1
            tell(f"killed {name}")


def process(service: Service) -> Victim:
    """One of a system's processes: it is started again by what runs the system."""

    async def strike() -> str:
        if service.process is None or service.process.returncode is not None:
            return ""
        service.process.kill()
        return service.name

    return Victim(service.name.partition("-")[0], strike)


@asynccontextmanager
async def store(kind: str, logs: Path, dice: random.Random) -> AsyncIterator[tuple[list[Victim], str | None]]:
    """A Redis that may be killed, and its address; none where the system is to bring its own, which is spared."""
    if kind == "private":
        yield [], None
        return
    directory = _directory(logs)
    raised: dict[str, AbstractAsyncContextManager[Kind]] = {
        "aof": single(directory, appendonly=True, appendfsync="always"),
        "memory": single(directory),
        "sentinel": sentinel(directory),
        "cluster": cluster(directory),
    }
    async with raised[kind] as redis, asyncio.TaskGroup() as tasks:
        fallible = _Fallible(redis, SHARDS[kind], dice)
        revival = tasks.create_task(fallible.keep_whole())
        try:
            yield [Victim("redis", fallible.strike)], redis.url
        finally:
            revival.cancel()


def _directory(logs: Path) -> Path:
    logs.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="redis-", dir=logs))


class _Fallible:
    """A Redis of any kind, of which one server at a time may lie."""

    def __init__(self, redis: Kind, shards: int, dice: random.Random) -> None:
        self._redis, self._shards, self._dice = redis, shards, dice
        self._fallen: asyncio.Queue[tuple[Server, int]] = asyncio.Queue(1)
        self._whole = True

    async def strike(self) -> str:
        """Kill the master of some shard."""
        if not self._whole:
            return ""
        self._whole = False
        shard = self._dice.randrange(self._shards)
        server = await self._redis.kill_master(shard)
        self._fallen.put_nowait((server, shard))
        return f"redis on port {server.port}"

    async def keep_whole(self) -> None:
        """Until cancelled: what has fallen is started again, and has caught up before anything else may fall."""
        while True:
            await self._revive(*await self._fallen.get())
            self._whole = True

    async def _revive(self, server: Server, shard: int) -> None:
        if self._redis.fails_over:
            # One that came back sooner would come back empty, and still be the master.
            await wait_for(lambda: self._replaced(server, shard), "no replica has taken over")
            await server.start()
            await self._redis.settle()
        else:
            await asyncio.sleep(self._dice.uniform(0, AWAY_S))
            await server.start()

    async def _replaced(self, server: Server, shard: int) -> bool:
        try:
            return await self._redis.master(shard) is not server
        except LookupError:
            return False
