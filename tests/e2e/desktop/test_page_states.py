"""Every state of the page: accessible, readable at 400 %, kept across a reload; and recordings with their progress."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.local.system import System
from backend.text.edits import WordErrors
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.audio.media_files import encode
from tests.testkit.desktop.browser import drive, drive_and_lose, microphone, silence, write
from tests.testkit.desktop.subtitles import check_subtitles

pytestmark = pytest.mark.timeout(180)


def english(clips: list[Clip], preferred: str) -> Clip:
    """This clip if it is there, otherwise another English one."""
    found = [clip for clip in clips if clip.language == "en" and clip.kind == "utt"]
    return next((clip for clip in found if clip.id == preferred), found[0])


def talk(clips: list[Clip], seconds: float, path: Path) -> Path:
    """Write a recording of about this length."""
    spoken = [clip.pcm() for clip in clips if clip.language == "en" and clip.kind == "utt"][:12]
    once = np.concatenate([part for pcm in spoken for part in (pcm, np.zeros(RATE, np.int16))])
    return encode(path, np.resize(once, round(seconds * RATE)))


def check_progress(progress: list[Any]) -> None:
    """Check that the bar advances in both phases, without a step back."""
    transcribed = [share for phase, share in progress if phase == "transcribing"]
    assert [phase for phase, _ in progress if phase == "uploading"]
    assert len(transcribed) > 1
    assert all(before <= after for before, after in pairwise(transcribed))


@pytest.mark.parametrize("locale", ["", "ar"])
async def test_every_state_is_accessible_and_the_text_survives_edits_reloads_and_clear(
    locale: str, browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    recording, spoken = talk(speech_clips, 12, artifacts / "talk.flac"), artifacts / f"states{locale}.wav"
    seconds = microphone(english(speech_clips, "ls-367-130732-0000"), spoken)
    more = ("--seconds", str(seconds), "--language", "en", "--recording", str(recording), "--locale", locale)
    report = await drive(browser, "states", system.urls[0], spoken, artifacts, *more)
    assert report["violations"] == {}
    assert report["sideways"] == []
    assert report["direction"] == ("rtl" if locale == "ar" else "ltr")
    assert report["announced"] == [line["committed"] for line in report["spoken"]] != []
    assert report["warns"] == {"speaking": True, "idle": False}
    assert report["edited"][0] == "Edited by hand."
    assert report["fieldShare"] > 0.95
    assert report["reloaded"] == report["undone"] == report["edited"]
    assert report["cleared"] == []
    assert [found.splitlines()[0] for found in report["found"]] == ["Talk with Ana"]
    assert report["targets"] == ["", "en", "more"], "only the pairs that are installed"
    assert report["refused"] == "not_media"
    check_progress(report["progress"])
    check_subtitles(report["downloads"], "talk", 12)


async def test_with_long_words_the_page_is_accessible_at_320_pixels(
    browser: str, system: System, artifacts: Path
) -> None:
    recording = artifacts / "states-narrow.wav"
    write(silence(1.0), recording)
    # German has the longest words, and 320 pixels are the width of WCAG 2.2, success criterion 1.4.10.
    options = ("--size", "320x640", "--locale", "de")
    report = await drive(browser, "states", system.urls[0], recording, artifacts, "--brief", *options, within_s=60)
    assert report["violations"] == {}
    assert report["sideways"] == []


async def test_speech_is_complete_although_the_server_was_gone_when_start_was_pressed(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    clip = english(speech_clips, "ls-367-130732-0001")
    recording = artifacts / "page-gone.wav"
    seconds = microphone(clip, recording)
    more = ("--seconds", str(seconds + 0.5), "--language", clip.language)
    gateway = system.named("gateway-1")
    report = await drive_and_lose(browser, "gone", system.urls[0], recording, artifacts, gateway, *more)
    assert report["code"] == "connection_lost"
    assert report["shown"].startswith("The server cannot be reached.")
    assert report["violations"] == []
    score = WordErrors("en")
    score.add(clip.text, " ".join(utterance["committed"] for utterance in report["utterances"]))
    assert score.percent <= 40, report["utterances"]
    assert report["problems"] == []


async def test_the_audio_of_another_tab_is_transcribed(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    clip, recording = english(speech_clips, "ls-367-130732-0001"), artifacts / "tab-audio.wav"
    seconds = microphone(clip, recording)
    more = ("--language", clip.language, "--seconds", str(seconds + 2))
    report = await drive(browser, "tab-audio", system.urls[0], recording, artifacts, *more)
    assert {line["state"] for line in report["utterances"]} == {"final"}
    score = WordErrors(clip.language)
    score.add(clip.text, " ".join(line["committed"] for line in report["utterances"]))
    assert score.percent <= 40, report["utterances"]
    assert report["problems"] == report["consoleErrors"] == []
