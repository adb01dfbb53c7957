"""Five minutes of speech on the page, with a real model: progress, paragraphs, and files that other programs read."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.local.system import System
from backend.text.edits import WordErrors
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.audio.media_files import encode
from tests.testkit.desktop.browser import drive, silence, write
from tests.testkit.desktop.subtitles import check_subtitles

SECONDS = 300
# Longer than an utterance may be, so that the server cuts each of them in continuous speech.
SPEECH_S = 45
PAUSE_S = 2.0
# As loud as speech. Samples before and after it are left out.
LOUD = 500


def trimmed(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """A clip without the silence at both ends."""
    (loud,) = np.nonzero(np.abs(pcm) > LOUD)
    return pcm[loud[0] : loud[-1] + 1]


def monologues(clips: list[Clip], path: Path) -> tuple[str, int]:
    """Write five minutes of continuous speech with a few pauses. Returns the words, and the number of monologues."""
    english = [clip for clip in clips if clip.language == "en" and clip.kind == "utt"]
    parts, words, count = [], [], 0
    length, spoken, at = 0, 0, 0
    while length + spoken < SECONDS * RATE:
        clip = english[at % len(english)]
        pcm, at = trimmed(clip.pcm()), at + 1
        parts.append(pcm)
        words.append(clip.text)
        spoken += len(pcm)
        if spoken > SPEECH_S * RATE:
            parts.append(np.zeros(round(PAUSE_S * RATE), np.int16))
            length, spoken, count = length + spoken + len(parts[-1]), 0, count + 1
    encode(path, np.concatenate(parts))
    return " ".join(words), count + (spoken > 0)


def check_progress(progress: list[Any]) -> None:
    """Check that the bar advances in both phases to the end, without a step back."""
    transcribed = [share for phase, share in progress if phase == "transcribing"]
    assert [phase for phase, _ in progress if phase == "uploading"]
    assert len(set(transcribed)) > 5
    assert all(before <= after for before, after in pairwise(transcribed))
    # The results of several utterances may come at once, the last ones together with the end.
    assert transcribed[-1] > 0.5


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_recording_of_five_minutes_becomes_paragraphs_and_valid_subtitles(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    recording, quiet = artifacts / "interview.flac", artifacts / "recording.wav"
    words, spoken = monologues(speech_clips, recording)
    write(silence(1.0), quiet)
    more = ("--recording", str(recording), "--language", "en")
    report = await drive(browser, "recording", system.urls[0], quiet, artifacts, *more, within_s=800)
    (artifacts / "recording.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))
    check_progress(report["progress"])
    downloads = report["downloads"]
    cues = check_subtitles(downloads, "interview", SECONDS + SPEECH_S)
    finals = json.loads(downloads["interview.json"])["utterances"]
    paragraphs = downloads["interview.txt"].splitlines()
    assert report["utterances"] == len(paragraphs)
    assert spoken <= len(paragraphs) < len(finals)
    assert " ".join(cue.text for cue in cues).split() == " ".join(paragraphs).split()
    score = WordErrors("en")
    score.add(words, " ".join(paragraphs))
    assert score.percent <= 30, paragraphs
    assert report["reloaded"] == report["utterances"]
    assert report["sessions"] == ["interview.flac"]
    assert report["consoleErrors"] == []
