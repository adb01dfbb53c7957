"""The state of Redis and of the streams, for health checks and metrics."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.commands.core import AsyncScript

from backend.streams import metrics
from backend.streams.names import STREAM_KINDS, STT_GROUP, TRANSLATION_GROUP, Shard
from backend.streams.scripts import load_script


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream of jobs or dead letters."""

    name: str
    # Entries, including pending ones.
    length: int
    # Entries that workers have read and not acknowledged.
    pending: int = 0
    # Age of the oldest entry that no worker has read yet; 0 if there is none.
    oldest_s: float = 0.0

    @property
    def is_dead(self) -> bool:
        """Whether it holds dead letters."""
        return self.name.endswith(":dead")

    @property
    def is_final(self) -> bool:
        """Whether it holds finals of live speech."""
        return self.name.endswith(":final")

    @property
    def is_recording(self) -> bool:
        """Whether it holds finals of recordings, which wait for the time that live speech leaves."""
        return self.name.endswith(":recording")


@dataclass(frozen=True, slots=True)
class RedisState:
    """A Redis that answers. For a cluster: all masters together."""

    version: str
    round_trip_ms: float
    memory_bytes: int
    # 0: no limit.
    memory_limit_bytes: int
    # Whether it deletes keys when memory is full. That may delete jobs.
    evicts: bool
    # "aof", "rdb" (once a snapshot was saved), "aof, rdb" or "none".
    persistence: str
    # The append-only file cannot be written, so Redis rejects writes.
    refuses_writes: bool
    # The last snapshot failed. By default, Redis then rejects writes (stop-writes-on-bgsave-error).
    cannot_save: bool


class StreamInspector:
    """Reads the state of the streams of all groups, or of some."""

    def __init__(self, redis: Redis, shards: Sequence[Shard], groups: Sequence[str] = (STT_GROUP, TRANSLATION_GROUP)):
        self._redis, self._shards, self._groups = redis, shards, groups
        self._script: AsyncScript = redis.register_script(load_script("stream_state"))

    async def streams(self) -> list[StreamState]:
        """All streams of all shards, including dead letters. Shards are queried concurrently."""
        found = await asyncio.gather(*(self._streams_of(shard) for shard in self._shards))
        return [state for states in found for state in states]

    async def _streams_of(self, shard: Shard) -> list[StreamState]:
        states = []
        for group in self._groups:
            for name in (*(shard.jobs(group, kind) for kind in STREAM_KINDS), shard.dead(group)):
                age_ms, length, pending = await self._script(keys=[name], args=[group])
                # Dead letters wait for an operator, not for a worker.
                oldest_s = 0.0 if name == shard.dead(group) else age_ms / 1000
                states.append(StreamState(name, int(length), int(pending), oldest_s))
        return states

    async def redis(self) -> RedisState:
        """Return a summary of INFO, and the round trip time of a PING."""
        began = time.perf_counter()
        await self._redis.ping()
        round_trip_ms = 1000 * (time.perf_counter() - began)
        return summarize_info(await self._info_of_masters(), round_trip_ms)

    async def _info_of_masters(self) -> list[Mapping[str, Any]]:
        if not isinstance(self._redis, RedisCluster):
            return [await self._redis.info()]
        answer = await self._redis.info(target_nodes=RedisCluster.PRIMARIES)
        # With several masters, redis-py returns a dict by node name; with one master, the bare answer.
        return [answer] if "run_id" in answer else list(answer.values())


def summarize_info(infos: Sequence[Mapping[str, Any]], round_trip_ms: float) -> RedisState:
    """Combine INFO of several servers: the oldest version, the fullest memory, and any problem of any server."""
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
    return ", ".join(name for name, enabled in kinds if enabled) or "none"


def set_stream_metrics(states: Iterable[StreamState]) -> None:
    metrics.REDIS_UP.set(1)
    for state in states:
        metrics.STREAM_LENGTH.labels(state.name).set(state.length)
        metrics.OLDEST.labels(state.name).set(state.oldest_s)
        metrics.PENDING.labels(state.name).set(state.pending)


def clear_stream_metrics() -> None:
    """Remove the stream metrics while Redis does not answer: a missing value is better than an outdated one."""
    metrics.REDIS_UP.set(0)
    for gauge in (metrics.STREAM_LENGTH, metrics.OLDEST, metrics.PENDING):
        gauge.clear()
