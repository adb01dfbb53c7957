"""Whether a system is well is decided without a system."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backend.streams.observe.state import RedisState, StreamState, summarize_info
from gateway.http.health_rules import Status, judge

NOW = 1_000.0
PATIENCE_S = 5.0
REDIS = RedisState(
    version="9.1.2",
    round_trip_ms=0.3,
    memory_bytes=10,
    memory_limit_bytes=100,
    evicts=False,
    persistence="aof",
    refuses_writes=False,
    cannot_save=False,
)
LANES = (
    StreamState("nova:{0}:audio:final", length=3, pending=3),
    StreamState("nova:{0}:audio:preview", length=90, pending=0, oldest_s=60.0),
    StreamState("nova:{0}:audio:dead", length=0),
)


def process(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": f"{kind}-1", "version": "0.1.0", "seen": NOW - 1, **more}


ALL = (process("gateway"), process("stt"), process("translation"))


def test_a_system_in_which_nothing_is_wrong_is_healthy_without_a_word() -> None:
    condition = judge(REDIS, LANES, ALL, PATIENCE_S, NOW)
    assert (condition.status, condition.reasons, condition.notes) == ("healthy", (), ())


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
def test_what_ails_redis_is_said(redis: RedisState, status: Status, reason: str) -> None:
    condition = judge(redis, LANES, ALL, PATIENCE_S, NOW)
    assert condition.status == status
    assert [reason in told for told in condition.reasons] == [True]


@pytest.mark.parametrize(("missing", "status"), [("stt", "unhealthy"), ("translation", "degraded")])
def test_without_speech_workers_there_is_nothing_without_translators_less(missing: str, status: Status) -> None:
    rest = [one for one in ALL if one["kind"] != missing]
    condition = judge(REDIS, LANES, rest, PATIENCE_S, NOW)
    assert (condition.status, condition.reasons) == (status, (f"no {missing} worker sends heartbeats",))


@pytest.mark.parametrize(("waited_s", "status"), [(PATIENCE_S, "healthy"), (PATIENCE_S + 1, "degraded")])
def test_a_final_may_wait_for_so_long_and_no_longer(waited_s: float, status: Status) -> None:
    streams = (replace(LANES[0], oldest_s=waited_s), *LANES[1:])
    assert judge(REDIS, streams, ALL, PATIENCE_S, NOW).status == status


def test_dead_letters_are_counted_and_the_command_is_named() -> None:
    condition = judge(REDIS, (StreamState("nova:{3}:audio:dead", length=2),), ALL, PATIENCE_S, NOW)
    assert condition.status == "degraded"
    assert condition.reasons == ("nova:{3}:audio:dead: 2 dead letters; see `nova dead list`",)


def test_a_process_that_has_fallen_silent_is_named_before_it_is_forgotten() -> None:
    processes = (*ALL, process("stt", name="frozen", seen=NOW - 8))
    condition = judge(REDIS, LANES, processes, PATIENCE_S, NOW)
    assert (condition.status, condition.reasons) == ("degraded", ("stt frozen has not been heard of for 8 s",))


def test_the_worst_is_said_first() -> None:
    condition = judge(replace(REDIS, evicts=True), LANES, ALL[2:], PATIENCE_S, NOW)
    assert condition.status == "unhealthy"
    assert condition.reasons[0].startswith("no stt worker")


def test_an_upgrade_in_progress_is_worth_a_note_and_nothing_is_wrong() -> None:
    processes = (process("gateway", draining=True), process("gateway", version="0.2.0"), *ALL[1:])
    condition = judge(replace(REDIS, persistence="none"), LANES, processes, PATIENCE_S, NOW)
    assert condition.status == "healthy"
    assert [note.partition(":")[0] for note in condition.notes] == [
        "several versions run side by side",
        "Redis keeps nothing on disk",
        "gateway gateway-1 drains",
    ]


def test_of_several_masters_the_oldest_version_the_fullest_memory_and_the_worst_news_count() -> None:
    first = {"valkey_version": "9.1.2", "used_memory": 80, "maxmemory": 100, "aof_enabled": 1}
    second = {"redis_version": "7.0.15", "used_memory": 500, "maxmemory": 1_000, "aof_last_write_status": "err"}
    third = {"redis_version": "8.0.0", "used_memory": 900, "rdb_last_bgsave_status": "err", "rdb_saves": 1}
    state = summarize_info([first, second, third], 0.25)
    assert (state.version, state.memory_bytes, state.memory_limit_bytes) == ("7.0.15", 80, 100)
    assert (state.refuses_writes, state.cannot_save, state.evicts) == (True, True, False)
    assert (state.persistence, summarize_info([third], 0.25).persistence) == ("aof", "rdb")
