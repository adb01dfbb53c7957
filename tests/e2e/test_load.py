"""`nova load` with a private system."""

import json
import sys
from pathlib import Path

import pytest

from tests.testkit.audio.clips import Clip, write_manifest
from tests.testkit.system.command import nova

SESSIONS, SECONDS = 3, 4


@pytest.fixture
def manifest(speech_clips: list[Clip], tmp_path: Path) -> Path:
    """A few short English clips."""
    english = [clip for clip in speech_clips if clip.language == "en" and clip.kind != "bad-ref"]
    return write_manifest(sorted(english, key=lambda clip: len(clip.text))[:4], tmp_path / "manifest.jsonl")


def test_every_clip_gets_its_final_and_the_report_has_all_figures(manifest: Path, tmp_path: Path) -> None:
    file = tmp_path / "load.json"
    size = ("--sessions", str(SESSIONS), "--seconds", str(SECONDS), "--stagger", "0.1")
    done = nova("load", "--model", "null", "--manifest", manifest, "--language", "en", *size, "--json", file)
    report = json.loads(file.read_text())
    score = report["score"]
    assert done.returncode == (3 if score["late"] else 0), done.stderr
    assert "final latency" in done.stdout
    assert (score["sessions"], score["missing"], score["errors"], score["refused"]) == (SESSIONS, [], {}, {})
    assert score["finals"] >= SESSIONS
    assert score["spoken_s"] > SESSIONS * SECONDS
    assert 0 < score["final_s"]["p50"] <= score["final_s"]["max"]
    assert score["word_error_percent"] is None, "the null recognizer returns checksums, not words"
    assert report["machine"]["versions"]["nova-voice"]
    if sys.platform == "linux":
        assert set(report["usage"]) == {"redis", "gateway-1", "stt_worker-1", "generator"}
        assert all(usage["cpu_s"] > 0 and usage["peak_mb"] > 1 for usage in report["usage"].values())


def test_without_a_server_every_session_is_refused(manifest: Path) -> None:
    nowhere = ("--url", "ws://127.0.0.1:9/v1/stream", "--seconds", "1", "--stagger", "0")
    done = nova("load", "--manifest", str(manifest), *nowhere)
    assert done.returncode == 1
    assert "4 sessions refused: nothing answers at --server" in done.stderr
