"""Speakers on the page, in a real browser: two voices, names, exports, and the text of one voice only."""

import json
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from backend.local.system import System, running
from tests.testkit.audio.clips import RATE, Clip, shared_clips
from tests.testkit.audio.media_files import encode
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import drive, microphone, silence, write
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(400)
# The first one is enrolled as Anna.
ENROLLED, OTHER = "ls2609", "ls2033"


def clips_of(speaker: str) -> list[Clip]:
    return [clip for clip in shared_clips() if clip.speaker == speaker and 4 <= len(clip.pcm()) / RATE <= 8]


def in_turn() -> list[Clip]:
    """Two clips of each of the two speakers, beginning with the one who is not enrolled."""
    return [clip for pair in zip(clips_of(OTHER)[:2], clips_of(ENROLLED)[:2], strict=True) for clip in pair]


def spoken(clips: list[Clip], path: Path) -> Path:
    """Write a recording of clips with a second of silence after each."""
    return encode(path, np.concatenate([part for clip in clips for part in (clip.pcm(), np.zeros(RATE, np.int16))]))


async def enrol(url: str, name: str, recording: bytes) -> None:
    async with httpx.AsyncClient(timeout=120) as http:
        query = {"name": name, "consent": "true", "language": "en"}
        answer = await http.post(f"{url}/v1/speakers", params=query, content=recording)
    assert answer.status_code == 201, answer.text


def speakers(lines: list[Any]) -> list[str]:
    """The speakers of consecutive lines."""
    return [name for name, _ in groupby(speaker for speaker, _ in lines)]


@pytest.fixture
async def voice_system(whisper_tiny: Path, artifacts: Path, shared_folder: Path) -> AsyncIterator[System]:
    environment = {**NO_LOAD_LIMIT, "STT_VOICE_MODEL": str(shared_folder / "models" / "campplus_zh_en_192.onnx")}
    logs = artifacts / "logs-page-speakers"
    plan = system_plan(logs, stt_model=str(whisper_tiny), quick_claims=False, environment=environment)
    async with running(plan, silent) as system:
        yield system


async def test_the_page_names_speakers_and_can_leave_out_all_but_one(
    browser: str, voice_system: System, artifacts: Path
) -> None:
    turns, wav = in_turn(), artifacts / "page-speakers.wav"
    url = voice_system.urls[0]
    await enrol(url, "Anna", spoken(clips_of(ENROLLED)[2:6], artifacts / "anna.flac").read_bytes())
    seconds = microphone(turns[0], wav, *turns[1:])
    recording = spoken(turns, artifacts / "two-voices.flac")
    more = ("--seconds", str(seconds + 0.5), "--language", "en", "--recording", str(recording), "--voice", "Anna")
    report = await drive(browser, "speakers", url, wav, artifacts, *more, within_s=300)
    (artifacts / "page-speakers.json").write_text(json.dumps(report, indent=1))
    assert report["violations"] == {}
    assert report["voices"] == ["Everyone", "Anna"]
    assert speakers(report["shown"]) == ["Speaker 1", "Anna", "Speaker 1", "Anna"]
    assert report["announced"][-1].startswith("Anna: ")
    assert report["focused"] == "Rename Eva"
    texts = [text for _, text in report["shown"]]
    assert report["renamed"] == report["reloaded"]
    assert [text for _, text in report["renamed"]] == texts
    assert speakers(report["renamed"]) == ["Eva", "Anna", "Eva", "Anna"]
    files = report["downloads"]
    assert files["txt"].splitlines() == [f"{speaker}: {text}" for speaker, text in report["renamed"]]
    assert files["srt"].count("Eva: ") == files["srt"].count("Anna: ") == 2
    assert files["vtt"].count("<v Eva>") >= 2
    assert {said["speaker"] for said in json.loads(files["json"])["utterances"]} == {"Eva", "Anna"}
    assert {speaker for speaker, _ in report["only"]} == {"Anna"}
    assert report["ignored"] == [" · other voices ignored"]
    assert report["consoleErrors"] == []


async def test_without_the_model_of_voices_the_switch_is_off_and_says_why(browser: str, artifacts: Path) -> None:
    recording = artifacts / "page-no-speakers.wav"
    write(silence(1.0), recording)
    async with running(system_plan(artifacts / "logs-page-no-speakers"), silent) as system:
        report = await drive(browser, "no-speakers", system.urls[0], recording, artifacts, within_s=60)
    assert report["violations"] == []
    assert report["isDisabled"] is True
    assert report["isOn"] is False
    assert "nova models pull campplus" in report["hint"]
    assert report["hasChoice"] is False, "no voice is enrolled"
    assert report["consoleErrors"] == []
