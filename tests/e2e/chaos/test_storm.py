"""Short kill storms: each utterance gets one final, even if a process is killed. `make storm` runs a long storm."""

from pathlib import Path

import pytest

from tests.chaos.storm import Options, Report, storm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SHORT = {"minutes": 0.3, "sessions": 8, "kill_every_s": 1.2, "seed": 3}


async def run_storm(artifacts: Path, name: str, **options: object) -> Report:
    return await storm(Options(**options), artifacts / name, print)  # type: ignore[arg-type]


async def test_undisturbed_sessions_give_exactly_the_reference_utterances(artifacts: Path) -> None:
    report = await run_storm(artifacts, "calm", minutes=0.2, sessions=4, kill_every_s=1e6)
    assert report.wrong == []
    assert report.expected == report.finals == report.identical > 4
    assert report.uncovered_ms == 0
    assert report.kills == {}


async def test_a_final_is_delivered_once_after_any_process_is_killed(artifacts: Path) -> None:
    report = await run_storm(artifacts, "storm", **SHORT)
    assert report.wrong == []
    assert set(report.kills) == {"gateway", "stt_worker", "translation_worker"}
    assert report.reconnects > 0


@pytest.mark.parametrize("redis", ["aof", "memory", "cluster"])
async def test_a_final_is_delivered_once_after_redis_is_killed(artifacts: Path, redis: str) -> None:
    report = await run_storm(artifacts, f"storm-{redis}", redis=redis, **SHORT)
    assert report.wrong == []
    assert report.kills["redis"] > 0
    assert sum(report.kills.values()) > report.kills["redis"]
