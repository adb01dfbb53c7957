"""Health rules."""

from dataclasses import replace
from typing import Any

import pytest

from backend.streams.observe.state import RedisState, StreamState, summarize_info
from gateway.http.health_rules import Status, assess_health

NOW = 1_000.0
MAX_WAIT_S = 5.0
MEMORY: dict[str, Any] = {"memory_bytes": 10, "memory_limit_bytes": 100, "evicts": False}
DISK: dict[str, Any] = {"persistence": "aof", "refuses_writes": False, "cannot_save": False}
REDIS = RedisState(version="9.1.2", round_trip_ms=0.3, **MEMORY, **DISK)
STREAMS = (
    StreamState("nova:{0}:audio:final", length=3, pending=3),
    StreamState("nova:{0}:audio:preview", length=90, pending=0, oldest_s=60.0),
    StreamState("nova:{0}:audio:dead", length=0),
)


def process(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": f"{kind}-1", "version": "0.1.0", "seen": NOW - 1, **more}


ALL = (process("gateway"), process("stt"), process("translation"))


def test_a_system_without_problems_is_healthy_without_reasons_or_notes() -> None:
    report = assess_health(REDIS, STREAMS, ALL, MAX_WAIT_S, NOW)
    assert (report.status, report.reasons, report.notes) == ("healthy", (), ())


@pytest.mark.parametrize(
    ("redis", "status", "reason"),
    [
        (replace(REDIS, refuses_writes=True), "unhealthy", "append-only file"),
        (replace(REDIS, memory_bytes=100), "unhealthy", "full"),
        (replace(REDIS, memory_bytes=90), "degraded", "90%"),
        (replace(REDIS, cannot_save=True), "degraded", "snapshot"),
        (replace(REDIS, evicts=True), "degraded", "noeviction"),
    ],
)
def test_each_problem_of_redis_gives_a_reason(redis: RedisState, status: Status, reason: str) -> None:
    report = assess_health(redis, STREAMS, ALL, MAX_WAIT_S, NOW)
    assert report.status == status
    assert [reason in told for told in report.reasons] == [True]


@pytest.mark.parametrize(("missing", "status"), [("stt", "unhealthy"), ("translation", "degraded")])
def test_a_missing_kind_of_worker_is_reported(missing: str, status: Status) -> None:
    rest = [one for one in ALL if one["kind"] != missing]
    report = assess_health(REDIS, STREAMS, rest, MAX_WAIT_S, NOW)
    assert (report.status, report.reasons) == (status, (f"no {missing} worker sends heartbeats",))


def test_recordings_may_wait_as_long_as_a_worker_reads_them() -> None:
    waiting = StreamState("nova:{0}:audio:recording", length=12, oldest_s=600.0)
    streams = (*STREAMS, waiting)
    readers = (process("gateway"), process("stt"), process("stt", reads_recordings=True), process("translation"))
    assert assess_health(REDIS, streams, readers, MAX_WAIT_S, NOW).status == "healthy"
    report = assess_health(REDIS, streams, ALL, MAX_WAIT_S, NOW)
    assert report.status == "degraded"
    assert report.reasons == ("no stt worker reads recordings, and 12 of their jobs wait",)


@pytest.mark.parametrize(("waited_s", "status"), [(MAX_WAIT_S, "healthy"), (MAX_WAIT_S + 1, "degraded")])
def test_a_final_that_waits_too_long_is_degraded(waited_s: float, status: Status) -> None:
    streams = (replace(STREAMS[0], oldest_s=waited_s), *STREAMS[1:])
    assert assess_health(REDIS, streams, ALL, MAX_WAIT_S, NOW).status == status


def test_dead_letters_are_counted_and_the_reason_names_the_command() -> None:
    report = assess_health(REDIS, (StreamState("nova:{3}:audio:dead", length=2),), ALL, MAX_WAIT_S, NOW)
    assert report.status == "degraded"
    assert report.reasons == ("nova:{3}:audio:dead: 2 dead letters; see `nova dead list`",)


def test_a_process_without_recent_heartbeat_is_reported() -> None:
    processes = (*ALL, process("stt", name="frozen", seen=NOW - 8))
    report = assess_health(REDIS, STREAMS, processes, MAX_WAIT_S, NOW)
    assert (report.status, report.reasons) == ("degraded", ("stt frozen has sent no heartbeat for 8 s",))


def test_a_model_that_fails_is_reported_with_its_worker_and_its_error() -> None:
    ready = {"model": "base", "state": "ready", "failures": 7}
    failing = {"model": "tiny", "state": "failing", "failures": 3, "error": "RuntimeError('out of memory')"}
    processes = (*ALL, process("stt", name="host-7", recognizers=[failing, ready]))
    report = assess_health(REDIS, STREAMS, processes, MAX_WAIT_S, NOW)
    assert report.status == "degraded"
    assert report.reasons == ("the model tiny of host-7 fails: RuntimeError('out of memory')",)
    processes = (*ALL, process("stt", recognizers=[ready]))
    assert assess_health(REDIS, STREAMS, processes, MAX_WAIT_S, NOW).status == "healthy", "failures of the past"


def test_the_worst_reason_is_first() -> None:
    report = assess_health(replace(REDIS, evicts=True), STREAMS, ALL[2:], MAX_WAIT_S, NOW)
    assert report.status == "unhealthy"
    assert report.reasons[0].startswith("no stt worker")


def test_a_rolling_upgrade_gives_notes_but_no_reasons() -> None:
    processes = (process("gateway", draining=True), process("gateway", version="0.2.0"), *ALL[1:])
    report = assess_health(replace(REDIS, persistence="none"), STREAMS, processes, MAX_WAIT_S, NOW)
    assert report.status == "healthy"
    assert [note.partition(":")[0] for note in report.notes] == [
        "several versions are running",
        "Redis stores nothing on disk",
        "gateway gateway-1 is draining",
    ]


def test_several_masters_are_summarized_by_the_worst_value_of_each() -> None:
    first = {"valkey_version": "9.1.2", "used_memory": 80, "maxmemory": 100, "aof_enabled": 1}
    second = {"redis_version": "7.0.15", "used_memory": 500, "maxmemory": 1_000, "aof_last_write_status": "err"}
    third = {"redis_version": "8.0.0", "used_memory": 900, "rdb_last_bgsave_status": "err", "rdb_saves": 1}
    state = summarize_info([first, second, third], 0.25)
    assert (state.version, state.memory_bytes, state.memory_limit_bytes) == ("7.0.15", 80, 100)
    assert (state.refuses_writes, state.cannot_save, state.evicts) == (True, True, False)
    assert (state.persistence, summarize_info([third], 0.25).persistence) == ("aof", "rdb")
