"""Reading a lane's streams: finals and previews together; on a cluster, where no call spans shards, shard by shard."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis

from backend.streams.redis.connection import BLOCK_MS, REDIS_ERRORS

log = structlog.get_logger()

RawEntry = tuple[bytes, dict[bytes, bytes]]
Found = list[tuple[bytes, list[RawEntry]]]
"""Streams, and the entries that were read from each."""


PREVIEWS = 64
"""Previews that are taken at once: all there are, as only the newest are worth work."""


@dataclass(frozen=True, slots=True)
class Part:
    """Streams that one call may read together."""

    finals: tuple[bytes, ...]
    previews: tuple[bytes, ...]


class Reader(AsyncExitStack):
    """One consumer's. Entered for as long as it reads; `rest` takes what is still under way."""

    def __init__(self, redis: Redis, group: str, name: str, parts: Sequence[Part]) -> None:
        super().__init__()
        self._redis, self._group, self._name, self._parts = redis, group, name, parts
        self._reads: dict[int, asyncio.Task[Found | Exception]] = {}
        self._utilization = True
        """Whether there was something when it was last looked."""

    async def __aenter__(self) -> Reader:
        await super().__aenter__()
        self._tasks = await self.enter_async_context(asyncio.TaskGroup())
        return self

    async def read(self, finals: int, *, wait: bool) -> Found:
        """What there is, of each stream at most so many finals; with `wait` at least something, unless a second passes
        without. Raises TROUBLE.
        """
        fresh = [number for number in range(len(self._parts)) if number not in self._reads]
        for number in fresh:
            self._reads[number] = self._tasks.create_task(self._read(self._parts[number], finals, wait))
        some = list(self._reads.values()) if wait else [self._reads[number] for number in fresh]
        if some:
            await asyncio.wait(some, return_when=asyncio.FIRST_COMPLETED if wait else asyncio.ALL_COMPLETED)
        found = self._gathered()
        self._utilization = bool(found)
        return found

    async def rest(self) -> Found:
        """What reads still bring that were under way when reading was to end."""
        if self._reads:
            await asyncio.wait(self._reads.values())
        try:
            return self._gathered()
        except REDIS_ERRORS as error:
            log.warning("redis_unavailable", error=str(error))
            return []

    async def _read(self, part: Part, finals: int, wait: bool) -> Found | Exception:
        try:
            if self._utilization or not wait:
                # Finals last: what fails behind them would leave them pending, in nobody's hands.
                guesses = await self._take(part.previews, PREVIEWS)
                found = await self._take(part.finals, finals) + guesses
                if found or not wait:
                    return found
            return await self._take((*part.finals, *part.previews), finals, BLOCK_MS)
        except REDIS_ERRORS as error:
            return error

    async def _take(self, streams: Sequence[bytes], count: int, block: int | None = None) -> Found:
        places: dict[Any, Any] = dict.fromkeys(streams, ">")
        return _streams(await self._redis.xreadgroup(self._group, self._name, places, count=count, block=block))

    def _gathered(self) -> Found:
        """What has been read; trouble with one shard is passed on when no other brought anything."""
        done = {number: task.result() for number, task in self._reads.items() if task.done()}
        for number in done:
            del self._reads[number]
        found = [item for result in done.values() if not isinstance(result, Exception) for item in result]
        troubles = [result for result in done.values() if isinstance(result, Exception)]
        if troubles and not found:
            raise troubles[0]
        return found


def _streams(answer: object) -> Found:
    """XREADGROUP's answer, whichever protocol version the client speaks: pairs, or a map of lists of lists."""
    if not answer:
        return []
    if isinstance(answer, Mapping):
        return [(stream, [entry for part in parts for entry in part]) for stream, parts in answer.items()]
    assert isinstance(answer, list)
    return [(stream, entries) for stream, entries in answer]
