"""Speakers in the desktop client: names in its subtitles, and the text of one voice only."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.local.system import System, running
from tests.e2e.desktop.test_page_speakers import ENROLLED, clips_of, enrol, in_turn, spoken
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import drive, microphone
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
async def voice_system(whisper_tiny: Path, artifacts: Path, shared_folder: Path) -> AsyncIterator[System]:
    environment = {**NO_LOAD_LIMIT, "STT_VOICE_MODEL": str(shared_folder / "models" / "campplus_zh_en_192.onnx")}
    logs = artifacts / "logs-desktop-speakers"
    plan = system_plan(logs, stt_model=str(whisper_tiny), quick_claims=False, environment=environment)
    async with running(plan, silent) as system:
        yield system


async def test_subtitles_name_speakers_and_the_settings_can_leave_out_all_but_one(
    browser: str, voice_system: System, artifacts: Path
) -> None:
    turns, wav = in_turn()[:2], artifacts / "desktop-speakers.wav"
    url = voice_system.urls[0]
    await enrol(url, "Anna", spoken(clips_of(ENROLLED)[2:6], artifacts / "anna-desktop.flac").read_bytes())
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
