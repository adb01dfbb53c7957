"""Short kill storms: each utterance gets one final, even if a process is killed. `make storm` runs a long storm."""

from pathlib import Path

import pytest

from tests.chaos.storm import Options, Report, storm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SHORT = {"minutes": 0.3, "sessions": 8, "kill_every_s": 1.2, "seed": 3}
ALL_KINDS = {"gateway", "stt_worker", "translation_worker", "redis"}


async def run_storm(artifacts: Path, name: str, **options: object) -> Report:
    return await storm(Options(**options), artifacts / name, print)  # type: ignore[arg-type]


async def test_undisturbed_sessions_give_exactly_the_reference_utterances(artifacts: Path) -> None:
    report = await run_storm(artifacts, "calm", minutes=0.2, sessions=4, kill_every_s=1e6, stagger_s=1.0)
    assert report.wrong == []
    assert report.expected == report.finals == report.identical > 4
    assert report.uncovered_ms == 0
    assert report.kills == {}


@pytest.mark.parametrize(("redis", "stagger_s"), [("aof", 2.0), ("memory", 5.0), ("cluster", 2.0)])
async def test_a_final_is_delivered_once_after_any_process_is_killed(
    artifacts: Path, redis: str, stagger_s: float
) -> None:
    report = await run_storm(artifacts, f"storm-{redis}", redis=redis, stagger_s=stagger_s, **SHORT)
    assert report.wrong == []
    assert set(report.kills) == ALL_KINDS
    assert report.reconnects > 0


async def test_sessions_with_all_features_lose_nothing_when_processes_are_killed(
    artifacts: Path, shared_folder: Path
) -> None:
    """Labels, turns, interruptions, noise reduction, one wanted voice, words, translations and rooms."""
    options = {"minutes": 0.5, "sessions": 8, "kill_every_s": 3.0, "seed": 3, "stt_workers": 2}
    report = await run_storm(artifacts, "storm-features", features=True, redis="aof", **options)
    assert report.wrong == []
    assert report.missing == report.duplicated == report.out_of_order == 0
    assert set(report.kills) <= ALL_KINDS
    assert report.reconnects > 0
    used = {"EarlyFinal", "Interrupt", "SpeechIgnored", "TurnEnd", "labels", "words"}
    assert {name for name, count in report.features.items() if count} >= used, report.features
