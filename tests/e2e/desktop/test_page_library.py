"""A recording that is dropped on the page, its export in two languages, and the sessions that the browser keeps."""

import re
from pathlib import Path

from backend.local.system import System
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.audio.media_files import encode
from tests.testkit.desktop.browser import drive, silence, write
from tests.testkit.desktop.subtitles import check_subtitles


def letters(text: str) -> str:
    return "".join(text.split())


async def test_a_dropped_recording_is_exported_in_two_languages_and_its_session_is_reopened_and_deleted(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    clip = next(clip for clip in speech_clips if clip.id == "aishell-BAC009S0724W0121")
    recording, quiet = encode(artifacts / "dropped.flac", clip.pcm()), artifacts / "library.wav"
    write(silence(1.0), quiet)
    more = ("--recording", str(recording), "--language", "zh", "--target", "en")
    report = await drive(browser, "library", system.urls[0], quiet, artifacts, *more)
    assert report["violations"] == []
    assert not report["sideways"]
    assert report["requested"] == {"language": "zh-Hans", "translate_to": "en", "hotwords": "选项卡"}
    assert "Guangzhou" in " ".join(report["translations"])
    shown = letters(" ".join([*report["texts"], *report["translations"]]))
    assert letters(report["bilingual"]["dropped.both.en.txt"]) == shown
    cues = check_subtitles(report["bilingual"], "dropped.both.en", len(clip.pcm()) / RATE)
    # Each cue has a part of both texts.
    assert sorted(letters(" ".join(cue.text for cue in cues))) == sorted(shown)
    assert all(re.search("[一-鿿].*[a-z]", cue.text) for cue in cues)
    normal, large, kept = report["sizes"]
    assert large == kept == 2 * normal
    assert report["started"] == []
    assert report["reopened"] == report["texts"] != []
    assert report["remaining"] == [0, 0]
    assert report["consoleErrors"] == []
