"""Every bench runs, hears what it should, and writes figures that can be true. How fast is not asked here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def bench(name: str, file: Path, *asked: str) -> dict[str, Any]:
    """What a bench writes."""
    command = [sys.executable, "-m", f"tests.bench.{name}", *asked, "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert report["machine"]["versions"]["nova-voice"]
    return report


def test_efficiency_compares_ways_that_hear_about_the_same(whisper_tiny: Path, tmp_path: Path) -> None:
    asked = ("--model", str(whisper_tiny), "--seconds", "3", "--rounds", "1", "--at-once", "2")
    report = bench("efficiency", tmp_path / "efficiency.json", *asked)
    assert [row["way"] for row in report["rows"]] == ["bare", "recognizer", "pipeline", "one by one"]
    rates = [row["WER %"] for row in report["rows"]]
    assert max(rates) <= 50
    assert all(row["audio s / s"] > 0 and row["audio s / CPU s"] > 0 for row in report["rows"])
    assert report["decoding"] > 0
    assert report["batch"] >= 1
    assert report["wrong"] == []


def test_windows_that_are_longer_take_more_time(whisper_tiny: Path, tmp_path: Path) -> None:
    asked = ("--model", str(whisper_tiny), "--english", "--seconds", "3", "--rule", "30,5,3", "--rule", "6,2,3")
    report = bench("windows", tmp_path / "windows.json", *asked)
    longest, short = report["rows"]
    assert longest["windows"] == "30,5,3"
    assert longest["CPU s / audio s"] > short["CPU s / audio s"]
    assert max(longest["WER %"], short["WER %"]) <= 50


def test_sentences_are_translated_in_each_way(opus_zh_en: Path, tmp_path: Path) -> None:
    asked = ("--model", str(opus_zh_en), "--sentences", "5", "--rounds", "1")
    report = bench("translation", tmp_path / "translation.json", *asked)
    assert [row["way"] for row in report["rows"]] == ["one by one", "batches of 8", "batches of 32", "one call"]
    assert all(row["sentences / s"] > 0 for row in report["rows"])


def test_every_reader_gets_every_event(tmp_path: Path) -> None:
    asked = ("--readers", "40", "--events", "10", "--a-second", "50")
    report = bench("fanout", tmp_path / "fanout.json", *asked)
    assert report["wrong"] == []
    assert 0 < report["p50"] <= report["p99"]
    assert report["delivered_a_second"] > 0
