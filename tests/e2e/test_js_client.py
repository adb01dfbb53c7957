"""The JavaScript client package in Node.js, against the real system."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from backend.local.system import System
from backend.text.normalize import normalized_words
from tests.paths import FRONTEND
from tests.testkit.audio.clips import Clip
from tests.testkit.session import speak

TIMEOUT_S = 120.0


async def transcribe(node: str, url: str, clip: Clip, pcm: Path, *options: str) -> Any:
    """Send a clip with the JavaScript client; returns its events, and the finals that a listener received."""
    await asyncio.to_thread(pcm.write_bytes, clip.pcm().tobytes())
    process = await asyncio.create_subprocess_exec(
        *(node, "e2e/client.mjs", "--url", url, "--pcm", str(pcm), "--language", clip.language, *options),
        cwd=FRONTEND,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


async def test_the_javascript_client_gets_the_same_words_as_the_python_client(
    node: str, system: System, speech_clips: list[Clip], tmp_path: Path
) -> None:
    english = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt"]
    clip = next((clip for clip in english if clip.id == "ls-367-130732-0001"), english[0])
    report = await transcribe(node, system.urls[0], clip, tmp_path / "clip.pcm")
    expected = await speak(system.urls[0], clip.pcm(), speed=4.0, language=clip.language)
    types = [event["type"] for event in report["events"]]
    assert (types[0], types[-1]) == ("ready", "done")
    assert types.index("partial") < types.index("final")
    finals = [event["text"] for event in report["events"] if event["type"] == "final"]
    assert report["finals"] == finals
    assert normalized_words(" ".join(finals)) == normalized_words(expected.text()) != []


async def test_the_javascript_client_gets_translations(
    node: str, system: System, speech_clips: list[Clip], tmp_path: Path
) -> None:
    clip = next((clip for clip in speech_clips if clip.language == "zh"), None)
    if clip is None:
        pytest.skip("no Chinese clip")
    report = await transcribe(node, system.urls[0], clip, tmp_path / "clip.pcm", "--translate-to", "en")
    translations = [event for event in report["events"] if event["type"] == "translation" and event["is_final"]]
    assert translations[0]["language"] == "en"
    assert translations[0]["text"] != ""
