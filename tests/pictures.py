"""Takes the pictures of the documentation: `python -m tests.pictures`, or some: `python -m tests.pictures page`.

A real system recognizes and translates the speech of ../shared in a browser. The pictures show what it prints, so read
them before they are committed: a recognition or translation error must not illustrate the documentation.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backend import models
from backend.local.system import System, running
from tests.paths import ROOT
from tests.testkit.audio.clips import decode, shared_clips
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import BROWSER_RATE, LEAD_S, TAIL_S, drive, silence, write
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

IMAGES = ROOT / "docs" / "images"
# Two Chinese sentences that Whisper base recognizes and OPUS-MT translates correctly: "Use the link in the next steps
# to learn how to use each tab." "For example, you can ..." The second one is shown only up to these words, because the
# translation of its end is not always right. Seconds in the recording.
CHINESE = "az-zh-CN-training-audio1"
SENTENCES = ((33.4, 38.6), (10.3, 15.6))
LAST_WORDS = ("--text", "例如,你可以为在美国中使用英语的呼叫中心创建项目。", "--translation", "For example, you can")
ENGLISH = "ls-367-130732-0001"
# Long enough for the translation of the first sentence, also on a busy machine.
PAUSE_S = 8.0
# Pictures by the driver in frontend/e2e that takes them: the end of the screenshot's name, and that of the picture.
PICTURES = {
    "picture": {"page": "page"},
    "overlay": {"overlay": "desk-overlay"},
    "dictate": {"bubble": "desk-bubble"},
    "tour": {
        "setup-light-1x": "desk-setup",
        "dictation-light-1x": "desk-dictation",
        "opened-light-1x": "desk-history",
        "subtitles-dark-1x": "desk-subtitles",
    },
}


def chinese(path: Path) -> float:
    """Write both sentences as microphone input. Returns the length in seconds."""
    clip = next(clip for clip in shared_clips() if clip.id == CHINESE)
    samples = decode(clip.path, BROWSER_RATE)
    first, second = (samples[round(start * BROWSER_RATE) : round(end * BROWSER_RATE)] for start, end in SENTENCES)
    return write(np.concatenate([silence(LEAD_S), first, silence(PAUSE_S), second, silence(TAIL_S)]), path)


def english(path: Path) -> float:
    """Write an English sentence as microphone input. Returns the length in seconds."""
    clip = next(clip for clip in shared_clips() if clip.id == ENGLISH)
    return write(np.concatenate([silence(LEAD_S), decode(clip.path, BROWSER_RATE), silence(TAIL_S)]), path)


async def take(browser: str, driver: str, system: System, folder: Path) -> None:
    """Run a driver, and copy its screenshots to the pictures of the documentation."""
    wav = folder / f"{driver}.wav"
    translated = driver in ("picture", "overlay")
    seconds = chinese(wav) if translated else english(wav)
    languages = ("--language", "zh", "--target", "en") if translated else ("--language", "en")
    options = () if driver == "tour" else ("--seconds", str(seconds + 6), *languages)
    options += LAST_WORDS if driver == "picture" else ()
    await drive(browser, driver, system.urls[0], wav, folder, *options)
    for ending, name in PICTURES[driver].items():
        shutil.copy(folder / f"{driver}-{ending}.png", IMAGES / f"{name}.png")
        print(IMAGES / f"{name}.png")


async def main(names: Sequence[str]) -> None:
    """Take the pictures with these names, by default all."""
    drivers = [driver for driver, taken in PICTURES.items() if not names or {*taken.values()} & {*names}]
    whisper, opus = str(models.fetch("whisper-base")), str(models.fetch("opus-zh-en"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        chosen: dict[str, Any] = {"stt_model": whisper, "translation_models": opus, "translation_workers": 1}
        plan = system_plan(folder, environment=NO_LOAD_LIMIT, **chosen)
        async with running(plan, silent) as system:
            for driver in drivers:
                await take(shutil.which("chromium") or "chromium", driver, system, folder)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
