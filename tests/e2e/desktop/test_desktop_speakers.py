"""Speakers in the desktop client: names in its subtitles, and the text of one voice only."""

import json
from pathlib import Path

import pytest

from backend.local.system import System
from tests.e2e.desktop.conftest import ENROLLED, encoded, enrol, in_turn
from tests.testkit.audio.clips import clips_of
from tests.testkit.desktop.browser import drive, microphone

pytestmark = pytest.mark.timeout(400)


async def test_subtitles_name_speakers_and_the_settings_can_leave_out_all_but_one(
    browser: str, voice_system: System, artifacts: Path
) -> None:
    turns, wav = in_turn()[:2], artifacts / "desktop-speakers.wav"
    url = voice_system.urls[0]
    await enrol(url, "Anna", encoded(clips_of(ENROLLED)[2:6], artifacts / "anna-desktop.flac").read_bytes())
    seconds = microphone(turns[0], wav, *turns[1:])
    more = ("--seconds", str(seconds + 0.5), "--language", "en", "--voice", "Anna")
    report = await drive(browser, "subtitle-names", url, wav, artifacts, *more, within_s=300)
    (artifacts / "desktop-speakers.json").write_text(json.dumps(report, indent=1))
    assert report["names"] == ["Speaker 1: ", "Anna: "]
    assert set(report["drawn"]) == {"Speaker 1: ", "Anna: "}
    assert not any("Anna" in text for text in report["texts"])
    assert report["choices"] == ["Everyone", "Anna"]
    assert report["violations"] == []
    assert [line for line in report["only"] if "Speaker" in line] == []
    assert len(report["only"]) >= 1
    assert report["consoleErrors"] == []
