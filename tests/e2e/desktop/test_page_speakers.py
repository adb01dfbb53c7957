"""Speakers on the page, in a real browser: two voices, names, exports, and the text of one voice only."""

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from backend.local.system import System, running
from tests.e2e.desktop.conftest import ENROLLED, encoded, enrol, in_turn
from tests.testkit.audio.clips import clips_of
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import drive, microphone, silence, write
from tests.testkit.system.plans import system_plan

pytestmark = pytest.mark.timeout(400)


def speakers(lines: list[Any]) -> list[str]:
    """The speakers of consecutive lines."""
    return [name for name, _ in groupby(speaker for speaker, _ in lines)]


async def test_the_page_names_speakers_and_can_leave_out_all_but_one(
    browser: str, voice_system: System, artifacts: Path
) -> None:
    turns, wav = in_turn(), artifacts / "page-speakers.wav"
    url = voice_system.urls[0]
    await enrol(url, "Anna", encoded(clips_of(ENROLLED)[2:6], artifacts / "anna.flac").read_bytes())
    seconds = microphone(turns[0], wav, *turns[1:])
    recording = encoded(turns, artifacts / "two-voices.flac")
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
