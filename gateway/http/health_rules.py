"""Rules that decide whether a system is healthy, with reasons in words. Pure: all state and the time are arguments."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from backend.streams.observe.heartbeats import reads_recordings
from backend.streams.observe.state import RedisState, StreamState

Status = Literal["healthy", "degraded", "unhealthy"]
# A process's heartbeat.
Process = Mapping[str, Any]

# Processes send a heartbeat every two seconds, and the register forgets them after ten. In between they are reported.
SILENT_S = 6.0
# Share of Redis's memory limit from which the system is degraded.
MEMORY_WARNING = 0.9


@dataclass(frozen=True, slots=True)
class HealthReport:
    """`reasons` why a system is not healthy, worst first; `notes` that do not affect the status."""

    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    status: Status


def assess_health(
    redis: RedisState, streams: Sequence[StreamState], processes: Sequence[Process], max_wait_s: float, now: float
) -> HealthReport:
    """The health of a system whose Redis answers. `now` is Unix time.

    A system is unhealthy if it recognizes nothing or Redis accepts no jobs. It is degraded if it does less than it
    should or needs an operator's attention, such as when a final has waited longer than `max_wait_s`.
    """
    unhealthy = (*_redis_failures(redis), *_missing_workers(processes, "stt"))
    degraded = (
        *_missing_workers(processes, "translation"),
        *_redis_warnings(redis),
        *_waiting_finals(streams, max_wait_s),
        *_unread_recordings(streams, processes),
        *_dead_letters(streams),
        *_silent_processes(processes, now),
        *_failing_recognizers(processes),
    )
    status: Status = "unhealthy" if unhealthy else "degraded" if degraded else "healthy"
    return HealthReport((*unhealthy, *degraded), tuple(_notes(redis, processes)), status)


def _missing_workers(processes: Sequence[Process], kind: str) -> Iterator[str]:
    if not any(process["kind"] == kind for process in processes):
        yield f"no {kind} worker sends heartbeats"


def _redis_failures(redis: RedisState) -> Iterator[str]:
    if redis.refuses_writes:
        yield "Redis cannot write its append-only file and therefore accepts no jobs"
    if redis.memory_limit_bytes and redis.memory_bytes >= redis.memory_limit_bytes:
        yield "Redis is full and therefore accepts no jobs"


def _redis_warnings(redis: RedisState) -> Iterator[str]:
    if redis.cannot_save:
        yield "Redis could not save its last snapshot, and may stop accepting jobs"
    limit = redis.memory_limit_bytes
    if limit and MEMORY_WARNING * limit <= redis.memory_bytes < limit:
        yield f"Redis uses {redis.memory_bytes / limit:.0%} of its memory limit"
    if redis.evicts:
        yield "Redis evicts jobs when it is full: set its maxmemory-policy to noeviction"


def _waiting_finals(streams: Sequence[StreamState], max_wait_s: float) -> Iterator[str]:
    for stream in streams:
        if stream.is_final and stream.oldest_s > max_wait_s:
            yield f"{stream.name}: the oldest entry has waited for {stream.oldest_s:.0f} s"


def _unread_recordings(streams: Sequence[StreamState], processes: Sequence[Process]) -> Iterator[str]:
    """Recordings that were submitted before all workers were replaced by those of an earlier release."""
    for kind, name in (("stt", ":audio:"), ("translation", ":transcript:")):
        length = sum(stream.length for stream in streams if stream.is_recording and name in stream.name)
        if length and reads_recordings(processes, kind) is False:
            yield f"no {kind} worker reads recordings, and {length} of their jobs wait"


def _dead_letters(streams: Sequence[StreamState]) -> Iterator[str]:
    for stream in streams:
        if stream.is_dead and stream.length:
            yield f"{stream.name}: {stream.length} dead letter{'' if stream.length == 1 else 's'}; see `nova dead list`"


def _silent_processes(processes: Sequence[Process], now: float) -> Iterator[str]:
    for process in processes:
        if (silent_s := now - process.get("seen", now)) > SILENT_S:
            yield f"{process['kind']} {process['name']} has sent no heartbeat for {silent_s:.0f} s"


def _failing_recognizers(processes: Sequence[Process]) -> Iterator[str]:
    """Models whose latest calls failed. Other models of a worker get their jobs, as far as they can.

    The system is not unhealthy, even if there is no other one: a single damaged job may be the cause.
    """
    for process in processes:
        for recognizer in process.get("recognizers") or ():
            if recognizer["state"] == "failing":
                yield f"the model {recognizer['model']} of {process['name']} fails: {recognizer.get('error')}"


def _notes(redis: RedisState, processes: Sequence[Process]) -> Iterator[str]:
    versions = sorted({str(process.get("version", "unknown")) for process in processes})
    if len(versions) > 1:
        yield f"several versions are running: {', '.join(versions)}"
    if redis.persistence == "none":
        yield "Redis stores nothing on disk: session logs and dead letters are lost when it stops"
    for process in processes:
        if process.get("draining"):
            yield f"{process['kind']} {process['name']} is draining: it accepts nothing new"
