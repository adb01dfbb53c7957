"""Short kill storms: whatever dies at whatever moment, every word arrives once. `make storm` runs a long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.storm import Options, Report, storm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SHORT = {"minutes": 0.3, "sessions": 8, "kill_every_s": 1.2, "seed": 3}
"""Claims are quick in a storm (storm.PATIENT), so that it ends soon."""


async def reported(artifacts: Path, name: str, **options: object) -> Report:
    return await storm(Options(**options), artifacts / name, print)  # type: ignore[arg-type]


async def test_undisturbed_sessions_hear_exactly_what_storms_are_measured_by(artifacts: Path) -> None:
    report = await reported(artifacts, "calm", minutes=0.2, sessions=4, kill_every_s=1e6)
    assert report.wrong == []
    assert report.utterances == report.finals == report.alike > 4
    assert report.uncovered_ms == 0
    assert report.kills == {}


async def test_no_word_is_lost_doubled_or_mixed_up_whichever_process_is_killed(artifacts: Path) -> None:
    report = await reported(artifacts, "storm", **SHORT)
    assert report.wrong == []
    assert set(report.kills) == {"gateway", "stt_worker", "translation_worker"}
    assert report.resumes > 0


@pytest.mark.parametrize("redis", ["aof", "memory", "cluster"])
async def test_no_word_is_lost_doubled_or_mixed_up_when_redis_is_killed_as_well(artifacts: Path, redis: str) -> None:
    report = await reported(artifacts, f"storm-{redis}", redis=redis, **SHORT)
    assert report.wrong == []
    assert report.kills["redis"] > 0
    assert sum(report.kills.values()) > report.kills["redis"]
