"""Benchmarks that fail if the machine is too busy for their load, or that compare times. They run alone."""

from pathlib import Path

import pytest

from tests.bench.peers.servers import ENVIRONMENT
from tests.e2e.bench.conftest import run_bench


@pytest.mark.slow
def test_latency_is_measured_on_hard_clips(whisper_tiny: Path, tmp_path: Path) -> None:
    options = ("--model", str(whisper_tiny), "--sessions", "2", "--seconds", "12", "--clips", "8", "--no-ttfs")
    result = run_bench("latency", tmp_path, *options)
    (row,) = result["rows"]
    assert row["run"] == "2 sessions"
    assert row["finals"] > 0
    assert 0 < row["first partial p50"] <= row["first partial p95"]
    assert 0 < row["final p50"] <= row["final p95"]
    assert 0 < result["difficulty_percent"] < 50
    assert result["wrong"] == []


@pytest.mark.slow
@pytest.mark.skipif(ENVIRONMENT.is_dir(), reason="with the other systems installed it takes minutes")
def test_without_other_systems_the_comparison_measures_this_one_and_names_the_others(
    whisper_tiny: Path, tmp_path: Path
) -> None:
    options = ("--model", str(whisper_tiny), "--sessions", "1", "--seconds", "12", "--clips", "8")
    result = run_bench("peers", tmp_path, *options)
    (row,) = result["rows"]
    assert (row["system"], row["missing"]) == ("Nova Voice", 0)
    assert row["finals"] > 0
    assert 0 < row["final p50"] <= row["final p95"]
    assert row["cores"] > 0
    assert [line.split()[0] for line in result["skipped"]] == ["RealtimeSTT", "WhisperLive"]
    assert result["wrong"] == []


def test_overhead_is_measured_with_and_without_previews(tmp_path: Path) -> None:
    runs = run_bench("overhead", tmp_path, "--sessions", "4", "--seconds", "8")["runs"]
    assert [run["previews"] for run in runs] == [False, True]
    assert all(run["wrong"] == [] for run in runs)
    assert all(0 < run["overhead_ms"]["p50"] <= run["overhead_ms"]["p99"] for run in runs)


# Seconds of work for each second of audio, and the longest entry of a recording in seconds.
RECORDING_COST, LONGEST_ENTRY_S = 0.01, 28.0


@pytest.mark.timeout(300)
def test_a_recording_delays_live_finals_by_one_entry_at_most_and_progresses(tmp_path: Path) -> None:
    size = ("--sessions", "3", "--window", "15", "--longest", "6", "--rounds", "1", "--recording", "40")
    result = run_bench("recordings", tmp_path, *size, "--killed", "60", "--cost", str(RECORDING_COST), timeout_s=280)
    assert result["wrong"] == []
    without, during = result["without"], result["during"]
    assert min(without["count"], during["count"]) >= 3
    # One entry, and half a second for other programs on the machine.
    assert during["p50"] - without["p50"] < RECORDING_COST * LONGEST_ENTRY_S + 0.5
    assert result["recording_speed"] > 1
    assert result["by_workers"]["2"] > 1.2 * result["by_workers"]["1"] > 0
    assert result["killed"]["kills"] == 3
    assert result["killed"]["finals"] > 3
