"""The output of `nova status`."""

from typing import Any

from rich.console import Console

from backend.cli.status import table

REDIS = {"ok": True, "version": "9.1.2", "round_trip_ms": 0.31, "persistence": "aof"}
REDIS |= {"memory_bytes": 3_200_000, "memory_limit_bytes": 2_000_000_000}
GATEWAY = {
    "kind": "gateway",
    "name": "a-rather-long-host-name-12345",
    "version": "0.2.0",
    "sessions": 12,
    "draining": True,
}
MODEL = {"model": "large-v3-turbo", "device": "cuda:0", "gpu": "NVIDIA H200", "compute_type": "float16"}
USE = {"batch": 8, "last_batch": 3, "load": 0.42, "real_time_factor": 0.031, "last_inference": 998.5}
STT = {"kind": "stt", "name": "host-7", **MODEL, **USE}
HEALTH: dict[str, Any] = {
    "status": "degraded",
    "reasons": ["nova:{0}:audio:final: the oldest entry has waited for 7 s"],
    "notes": ["several versions are running: 0.1.0, 0.2.0"],
    "redis": REDIS,
    "lanes": {
        "nova:{0}:audio:final": {"length": 4, "pending": 1, "oldest_s": 7.0},
        "nova:{1}:audio:final": {"length": 2, "pending": 2, "oldest_s": 0.5},
    },
    "workers": [{**GATEWAY, "sessions": 12, "draining": True}, STT],
    "pairs": ["200 languages"],
}


def shown(body: dict[str, Any], columns: int) -> list[str]:
    console = Console(width=columns, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as captured:
        console.print(table(body, 1_000.0))
    return captured.get().splitlines()


def test_the_tables_fit_into_80_columns() -> None:
    lines = shown(HEALTH, 80)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert lines[0] == "degraded"
    redis = ("Redis 9.1.2", "0.3 ms", "3.2 MB of 2.0 GB")
    for part in ("waited for 7 s", "0.1.0, 0.2.0", *redis, "0.2.0    12 sessions,", "draining"):
        assert part in text
    assert next(line for line in lines if line.startswith("stt")).split()[-4:] == ["42%", "x0.03", "1.5", "s"]


def test_each_model_of_a_worker_is_shown_with_its_state() -> None:
    recognizers = [{"model": "tiny", "state": "failing"}, {"model": "base", "state": "ready"}]
    (row,) = (
        line for line in shown({**HEALTH, "workers": [{**STT, "recognizers": recognizers}]}, 200) if "host-7" in line
    )
    assert "tiny (failing) + base on NVIDIA H200 float16" in row


def test_the_shards_of_a_stream_are_summed() -> None:
    (row,) = (line for line in shown(HEALTH, 80) if line.startswith("audio:final"))
    assert row.split() == ["audio:final", "6", "3", "7.0", "s"]


def test_without_an_answer_the_reason_is_shown() -> None:
    reasons = ["Redis: no answer"]
    nothing = {"status": "unhealthy", "reasons": reasons, "redis": {"ok": False}, "lanes": {}, "workers": []}
    assert [line.strip() for line in shown(nothing, 80)] == ["unhealthy", "Redis: no answer"]
