"""Whether a system is well, and if not, why, in words. Pure: what is known comes in, the time is an argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from backend.streams.observe.state import RedisState, StreamState

Status = Literal["healthy", "degraded", "unhealthy"]
Process = Mapping[str, Any]
"""What a process says of itself (its heartbeat)."""

SILENT_S = 6.0
"""A process that lives tells so every two seconds; after ten it is forgotten."""
FULL = 0.9
"""Of the memory that Redis may have."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How a system is."""

    reasons: tuple[str, ...]
    """Why it is not healthy, the worst first."""
    notes: tuple[str, ...]
    """Worth knowing; nothing is wrong."""
    status: Status


def judge(
    redis: RedisState, streams: Sequence[StreamState], processes: Sequence[Process], patience_s: float, now: float
) -> HealthReport:
    """The condition of a system whose Redis answers. `now` is Unix time.

    Unhealthy is one that recognizes nothing, or whose Redis takes no more work; degraded one that does less than it
    should, or that somebody should look after. `patience_s`: a final that waits for longer is worth a word.
    """
    bad = (*_redis_refuses(redis), *_nobody(processes, "stt"))
    poor = (
        *_nobody(processes, "translation"),
        *_redis_suffers(redis),
        *_waiting(streams, patience_s),
        *_dead(streams),
        *_silent(processes, now),
    )
    status: Status = "unhealthy" if bad else "degraded" if poor else "healthy"
    return HealthReport((*bad, *poor), tuple(_notes(redis, processes)), status)


def _nobody(processes: Sequence[Process], kind: str) -> Iterator[str]:
    if not any(process["kind"] == kind for process in processes):
        yield f"no {kind} worker sends heartbeats"


def _redis_refuses(redis: RedisState) -> Iterator[str]:
    if redis.refuses_writes:
        yield "Redis cannot write its append-only file, and so takes no more work"
    if redis.memory_limit_bytes and redis.memory_bytes >= redis.memory_limit_bytes:
        yield "Redis is full, and so takes no more work"


def _redis_suffers(redis: RedisState) -> Iterator[str]:
    if redis.cannot_save:
        yield "Redis could not save its last snapshot; it may take no more work"
    limit = redis.memory_limit_bytes
    if limit and FULL * limit <= redis.memory_bytes < limit:
        yield f"Redis uses {redis.memory_bytes / limit:.0%} of the memory that it may have"
    if redis.evicts:
        yield "Redis throws work away when it is full: its maxmemory-policy must be noeviction"


def _waiting(streams: Sequence[StreamState], patience_s: float) -> Iterator[str]:
    for lane in streams:
        if lane.is_final and lane.oldest_s > patience_s:
            yield f"{lane.name}: the oldest entry has waited for {lane.oldest_s:.0f} s"


def _dead(streams: Sequence[StreamState]) -> Iterator[str]:
    for lane in streams:
        if lane.is_dead and lane.length:
            yield f"{lane.name}: {lane.length} dead letter{'' if lane.length == 1 else 's'}; see `nova dead list`"


def _silent(processes: Sequence[Process], now: float) -> Iterator[str]:
    for process in processes:
        if (silent_s := now - process.get("seen", now)) > SILENT_S:
            yield f"{process['kind']} {process['name']} has not been heard of for {silent_s:.0f} s"


def _notes(redis: RedisState, processes: Sequence[Process]) -> Iterator[str]:
    versions = sorted({str(process.get("version", "unknown")) for process in processes})
    if len(versions) > 1:
        yield f"several versions run side by side: {', '.join(versions)}"
    if redis.persistence == "none":
        yield "Redis keeps nothing on disk: logs and dead letters end with it"
    for process in processes:
        if process.get("draining"):
            yield f"{process['kind']} {process['name']} drains: it takes nothing new"
