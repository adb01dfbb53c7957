"""Every benchmark runs, and writes plausible values. Speed is not checked here."""

from pathlib import Path

import pytest

from tests.e2e.bench.conftest import run_bench


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
def test_every_protocol_gets_the_text_of_the_native_one(tmp_path: Path) -> None:
    result = run_bench("doors", tmp_path, "--model", "null", "--recordings", "--clips", "2", "--logs", str(tmp_path))
    rows = {row["protocol"]: row for row in result["rows"]}
    assert rows.keys() == {"native file", "openai upload", "native file, words", "deepgram upload"}
    assert all(row["final n"] == 2 and row["final p50 s"] > 0 for row in rows.values())
    assert result["differences"] == []
    assert result["wrong"] == []


def test_calls_have_the_word_errors_of_the_native_protocol_with_the_same_sound(
    whisper_tiny: Path, tmp_path: Path
) -> None:
    result = run_bench("telephone", tmp_path, "--model", str(whisper_tiny), "--clips", "2", timeout_s=300)
    rows = {row["way"]: row for row in result["rows"]}
    assert len(rows) == 7
    assert result["decoded"] == 4, "the samples of calls are those of the native protocol"
    assert {row["words"] for row in rows.values()} == {rows["native, 16 kHz"]["words"]}
    assert all(row["- same sound"] == 0 for row in rows.values())
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


def test_every_reader_of_a_room_receives_every_caption(tmp_path: Path) -> None:
    result = run_bench("rooms", tmp_path, "--readers", "25", "--events", "20", "--events-per-s", "10")
    assert result["wrong"] == []
    assert result["delivery_ms"]["count"] == 25 * 20
    assert 0 < result["delivery_ms"]["p50"] <= result["delivery_ms"]["p99"]


def test_noise_reduction_is_compared_with_the_audio_as_it_is(
    whisper_tiny: Path, shared_folder: Path, tmp_path: Path
) -> None:
    options = ("--model", str(whisper_tiny), "--clips", "2", "--level", "5", "--sounds", "1")
    result = run_bench("denoise", tmp_path, *options, timeout_s=300)
    assert [(row["noise"], row["speech above it dB"]) for row in result["rows"]] == [
        ("none", "-"),
        ("noise", "5"),
        ("music", "5"),
    ]
    assert all(row["words"] > 5 and 0 <= row["on WER %"] < 150 for row in result["rows"])
    assert [(row["denoise"], row["words in sessions"]) for row in result["phantoms"]] == [("off", 0), ("on", 0)]
    assert result["ms_per_s"] > 0
    assert result["wrong"] == []


def test_hotwords_are_measured_with_names_that_are_said_and_others(
    whisper_tiny: Path, shared_folder: Path, tmp_path: Path
) -> None:
    rows = run_bench("hotwords", tmp_path, "--model", str(whisper_tiny), "--clips", "2", timeout_s=300)["rows"]
    assert [row["hotwords"] for row in rows] == [
        *("none", "those that are said", "those, and 15 others", "15 others"),
        *("none", "15 others"),
    ]
    assert all(row["words"] > 5 and row["WER %"] < 150 for row in rows)
    assert rows[0]["names recognized"].endswith(" of 1")
    assert rows[0]["invented"] == 0
