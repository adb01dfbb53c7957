"""A session in progress with real speech is shared: readers on another gateway, a moderator, the desktop client."""

from pathlib import Path
from typing import Any

import pytest

from backend.local.system import running
from tests.testkit.audio.clips import Clip, shortest_clip
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import drive, microphone, silence, write
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(600)


async def test_a_session_in_progress_is_read_and_moderated_on_another_gateway(
    browser: str, whisper_base: Path, opus_zh_en: Path, speech_clips: list[Clip], artifacts: Path
) -> None:
    if not any(clip.language == "zh" for clip in speech_clips):
        pytest.skip("there is no Chinese speech")
    spoken = artifacts / "shared-session.wav"
    microphone(shortest_clip(speech_clips, 2.0, "zh"), spoken)
    models: dict[str, Any] = {
        "stt_model": str(whisper_base),
        "translation_models": str(opus_zh_en),
        "translation_workers": 1,
    }
    plan = system_plan(artifacts / "logs-shared", gateways=2, environment=NO_LOAD_LIMIT, **models)
    async with running(plan, silent) as system:
        first, second = system.urls
        report = await drive(
            browser, "shared-session", first, spoken, artifacts, "--language", "zh", "--readers", second, within_s=500
        )
    assert report["violations"] == {}
    assert report["consoleErrors"] == []
    assert report["before"]
    assert {language for _, language in report["shown"]} == {"zh", "en"}
    # Lines of the time before English was read are as they were spoken.
    assert "en" in {language for _, language in report["switched"]}
    assert report["held"]
    assert "Corrected by a moderator." in report["corrected"]
    assert report["ended"] == "link_ended"


async def test_the_desktop_client_shares_its_subtitles(browser: str, artifacts: Path) -> None:
    quiet = artifacts / "share-desktop.wav"
    write(silence(1.0), quiet)
    async with running(system_plan(artifacts / "logs-share-desktop", environment=NO_LOAD_LIMIT), silent) as system:
        report = await drive(browser, "share-desktop", system.urls[0], quiet, artifacts)
    # Voice typing is not for readers.
    assert report == {"typing": 0, "states": ["waiting", "link_ended"], "note": True, "consoleErrors": []}
