"""How Redis and the lanes stand: what health and metrics tell of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.commands.core import AsyncScript

from backend.streams import metrics
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP, Shard
from backend.streams.scripts import script


@dataclass(frozen=True, slots=True)
class StreamState:
    """One lane, or one stream of dead letters, just now."""

    name: str
    length: int
    """Entries on it, those in hand included."""
    pending: int = 0
    """Of these, entries that workers have in hand."""
    oldest_s: float = 0.0
    """Age of the oldest that no worker has taken; 0 when none waits."""

    @property
    def is_dead(self) -> bool:
        """Whether it holds dead letters."""
        return self.name.endswith(":dead")

    @property
    def is_final(self) -> bool:
        """Whether it holds work that must not be lost."""
        return self.name.endswith(":final")


@dataclass(frozen=True, slots=True)
class RedisState:
    """A Redis that answers; of a cluster, all its masters together."""

    version: str
    round_trip_ms: float
    memory_bytes: int
    memory_limit_bytes: int
    """0: none."""
    evicts: bool
    """Whether it throws away keys when it is full, work that waits among them."""
    persistence: str
    """What it has on disk: "aof", "rdb" once there was a snapshot, both, or "none"."""
    refuses_writes: bool
    """Its append-only file cannot be written, so it takes no more work."""
    cannot_save: bool
    """The last snapshot failed; unless told otherwise, it then takes no more work either."""


class StreamInspector:
    """Reads how the lanes of a system stand, of all its groups or one."""

    def __init__(self, redis: Redis, shards: Sequence[Shard], groups: Sequence[str] = (STT_GROUP, TRANSLATION_GROUP)):
        self._redis, self._shards, self._groups = redis, shards, groups
        self._script: AsyncScript = redis.register_script(script("stream_state"))

    async def streams(self) -> list[StreamState]:
        """Every lane of every shard, the dead letters' among them; all shards are asked at the same time."""
        found = await asyncio.gather(*(self._shard(shard) for shard in self._shards))
        return [lane for streams in found for lane in streams]

    async def _shard(self, shard: Shard) -> list[StreamState]:
        streams = []
        for group in self._groups:
            lane = shard.audio if group == STT_GROUP else shard.transcripts
            for name in (lane("final"), lane("preview"), shard.dead(group)):
                age_ms, length, pending = await self._script(keys=[name], args=[group])
                waits = 0.0 if name == shard.dead(group) else age_ms / 1000
                streams.append(StreamState(name, int(length), int(pending), waits))
        return streams

    async def redis(self) -> RedisState:
        """What the server says of itself, and how soon it answers."""
        began = time.perf_counter()
        await self._redis.ping()
        round_trip_ms = 1000 * (time.perf_counter() - began)
        return read_info(await self._infos(), round_trip_ms)

    async def _infos(self) -> list[Mapping[str, Any]]:
        if not isinstance(self._redis, RedisCluster):
            return [await self._redis.info()]
        told = await self._redis.info(target_nodes=RedisCluster.PRIMARIES)
        return [told] if "run_id" in told else list(told.values())  # of one node it comes bare


def read_info(infos: Sequence[Mapping[str, Any]], round_trip_ms: float) -> RedisState:
    """What INFO says of each server, taken together: the oldest version, the fullest memory, the worst news."""
    fullest = max(infos, key=lambda info: info.get("used_memory", 0) / (info.get("maxmemory") or float("inf")))
    return RedisState(
        version=min(str(info.get("valkey_version") or info.get("redis_version")) for info in infos),
        round_trip_ms=round(round_trip_ms, 3),
        memory_bytes=int(fullest.get("used_memory", 0)),
        memory_limit_bytes=int(fullest.get("maxmemory", 0)),
        evicts=any(info.get("maxmemory_policy", "noeviction") != "noeviction" for info in infos),
        persistence=_persistence(infos[0]),
        refuses_writes=any(info.get("aof_last_write_status", "ok") != "ok" for info in infos),
        cannot_save=any(info.get("rdb_last_bgsave_status", "ok") != "ok" for info in infos),
    )


def _persistence(info: Mapping[str, Any]) -> str:
    kinds = [("aof", info.get("aof_enabled")), ("rdb", info.get("rdb_saves"))]
    return ", ".join(name for name, on in kinds if on) or "none"


def set_stream_metrics(streams: Iterable[StreamState]) -> None:
    """Set the lanes' gauges."""
    metrics.REDIS_UP.set(1)
    for lane in streams:
        metrics.STREAM_LENGTH.labels(lane.name).set(lane.length)
        metrics.OLDEST.labels(lane.name).set(lane.oldest_s)
        metrics.PENDING.labels(lane.name).set(lane.pending)


def clear_stream_metrics() -> None:
    """Redis does not answer: no figure is better than an old one."""
    metrics.REDIS_UP.set(0)
    for gauge in (metrics.STREAM_LENGTH, metrics.OLDEST, metrics.PENDING):
        gauge.clear()
