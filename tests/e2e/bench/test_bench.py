"""Every benchmark runs, and writes plausible values. Speed is not checked here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def run_bench(name: str, folder: Path, *options: str, timeout_s: float = 100) -> dict[str, Any]:
    """The JSON result of a benchmark."""
    file = folder / f"{name}.json"
    command = [sys.executable, "-m", f"tests.bench.{name}", *options, "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert result["machine"]["versions"]["nova-voice"]
    return result


def test_efficiency_compares_ways_of_about_equal_accuracy(whisper_tiny: Path, tmp_path: Path) -> None:
    options = ("--model", str(whisper_tiny), "--seconds", "3", "--rounds", "1", "--at-once", "2")
    result = run_bench("efficiency", tmp_path, *options)
    assert [row["way"] for row in result["rows"]] == ["bare", "recognizer", "pipeline", "one by one"]
    assert max(row["WER %"] for row in result["rows"]) <= 50
    assert all(row["audio s / s"] > 0 and row["audio s / CPU s"] > 0 for row in result["rows"])
    assert result["decoding"] > 0
    assert result["batch"] >= 1
    assert result["wrong"] == []


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
def test_every_protocol_gets_the_text_of_the_native_one(tmp_path: Path) -> None:
    result = run_bench("doors", tmp_path, "--model", "null", "--recordings", "--clips", "2", "--logs", str(tmp_path))
    rows = {row["protocol"]: row for row in result["rows"]}
    assert rows.keys() == {"native file", "openai upload", "native file, words", "deepgram upload"}
    assert all(row["final n"] == 2 and row["final p50 s"] > 0 for row in rows.values())
    assert result["differences"] == []
    assert result["wrong"] == []


def test_longer_windows_take_more_time(whisper_tiny: Path, tmp_path: Path) -> None:
    options = ("--model", str(whisper_tiny), "--english", "--seconds", "3", "--rule", "30,5,3", "--rule", "6,2,3")
    longest, short = run_bench("encoder_windows", tmp_path, *options)["rows"]
    assert longest["windows"] == "30,5,3"
    assert longest["CPU s / audio s"] > short["CPU s / audio s"]
    assert max(longest["WER %"], short["WER %"]) <= 50


def test_translation_is_measured_for_each_batch_size(opus_zh_en: Path, tmp_path: Path) -> None:
    rows = run_bench("translation", tmp_path, "--model", str(opus_zh_en), "--sentences", "5", "--rounds", "1")["rows"]
    assert [row["way"] for row in rows] == ["one by one", "batches of 8", "batches of 32", "one call"]
    assert all(row["sentences / s"] > 0 for row in rows)


def test_every_subscriber_receives_every_event(tmp_path: Path) -> None:
    result = run_bench("fanout", tmp_path, "--readers", "40", "--events", "10", "--events-per-s", "50")
    assert result["wrong"] == []
    assert 0 < result["latency_ms"]["p50"] <= result["latency_ms"]["p99"]
    assert result["deliveries_per_s"] > 0


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
    result = run_bench("recordings", tmp_path, *size, "--cost", str(RECORDING_COST), timeout_s=280)
    assert result["wrong"] == []
    without, during = result["without"], result["during"]
    assert min(without["count"], during["count"]) >= 3
    # One entry, and half a second for other programs on the machine.
    assert during["p50"] - without["p50"] < RECORDING_COST * LONGEST_ENTRY_S + 0.5
    assert result["recording_speed"] > 1
    assert result["by_workers"]["2"] > 1.2 * result["by_workers"]["1"] > 0
