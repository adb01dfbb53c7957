"""The page in a real browser with a recording for a microphone: what is spoken appears, first faint, then firm."""

from __future__ import annotations

import asyncio
import json
import os
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.cli.system import System, running
from backend.load.wer import WordErrors
from tests.testkit.services import null_plan
from tests.testkit.speech import Clip, decode

FRONTEND = Path(__file__).parent.parent.parent / "frontend"
BROWSER_RATE = 48_000
LEAD_S, TAIL_S = 0.7, 2.0
"""Silence around the clip, so that the browser is listening when it begins and the endpoint comes before Stop."""


def microphone(clip: Clip, path: Path, *more: Clip) -> float:
    """Write clips as a browser's microphone would give them, 48 kHz mono 16 bit; returns their length in seconds."""
    parts = [silence(LEAD_S)]
    for said in (clip, *more):
        parts += [decode(said.path, BROWSER_RATE), silence(TAIL_S)]
    samples = np.concatenate(parts)
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(BROWSER_RATE)
        wav.writeframes(samples.astype("<i2").tobytes())
    return len(samples) / BROWSER_RATE


def silence(seconds: float) -> NDArray[np.int16]:
    """As a browser's microphone gives it."""
    return np.zeros(round(BROWSER_RATE * seconds), np.int16)


async def speak_to_page(browser: str, system: System, clip: Clip, artifacts: Path, name: str, *more: str) -> Any:
    """Open the page, press Start, speak, press Stop; what was shown when."""
    recording = artifacts / f"{name}.wav"
    seconds = microphone(clip, recording)
    process = await asyncio.create_subprocess_exec(
        "node", "e2e/speak.mjs", "--url", system.urls[0], "--wav", str(recording), "--seconds", str(seconds + 0.5),
        "--out", str(artifacts), "--language", clip.language, "--screenshot", name, *more,
        cwd=FRONTEND, env={**os.environ, "CHROMIUM": browser},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, errors.decode()
    report = json.loads(output)
    (artifacts / f"{name}.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))
    assert report["complaints"] == [], "the browser's console complained"
    return report


def shown_first(report: Any, field: str) -> float:
    """When something first stood in this field of an utterance, in milliseconds."""
    for moment in report["timeline"]:
        if any(utterance[field] for utterance in moment["utterances"]):
            return float(moment["t"])
    raise AssertionError(f"never shown: {field}")


def first_final(report: Any) -> float:
    """When the first utterance was final, in milliseconds."""
    for moment in report["timeline"]:
        if any(utterance["state"] == "final" for utterance in moment["utterances"]):
            return float(moment["t"])
    raise AssertionError("there was no final")


async def test_the_spoken_words_appear_on_the_page_partials_before_finals(
    browser: str, system: System, spoken: list[Clip], artifacts: Path
) -> None:
    wanted = "ls-367-130732-0002"  # eleven seconds, clearly spoken
    english = [clip for clip in spoken if clip.language == "en" and clip.kind == "utt"]
    clip = next((clip for clip in english if clip.id == wanted), english[0])
    report = await speak_to_page(browser, system, clip, artifacts, "page-en")
    text = " ".join(utterance["committed"] for utterance in report["utterances"])
    score = WordErrors("en")
    score.add(clip.text, text)
    assert score.percent <= 40, text
    assert shown_first(report, "tentative") < first_final(report)
    assert all(utterance["state"] == "final" for utterance in report["utterances"])
    assert report["copied"].strip() == "\n".join(utterance["committed"] for utterance in report["utterances"])
    subtitles = {Path(name).suffix: text for name, text in report["downloads"].items()}
    assert set(subtitles) == {".txt", ".srt", ".vtt", ".json"}
    assert subtitles[".srt"].startswith("1\n00:00:")
    assert subtitles[".vtt"].startswith("WEBVTT\n")
    assert [said["text"] for said in json.loads(subtitles[".json"])["utterances"]] == [
        utterance["committed"] for utterance in report["utterances"]
    ]
    for state in ("speaking", "done"):
        assert (artifacts / f"page-en-{state}.png").stat().st_size > 10_000


async def test_a_gateway_that_dies_in_the_middle_of_a_word_takes_no_word_with_it(
    browser: str, system: System, spoken: list[Clip], artifacts: Path
) -> None:
    english = [clip for clip in spoken if clip.language == "en" and clip.kind == "utt"]
    clip = next((clip for clip in english if clip.id == "ls-367-130732-0002"), english[0])
    recording = artifacts / "page-resume.wav"
    seconds = microphone(clip, recording)
    gateway = system.named("gateway-1")
    process = await asyncio.create_subprocess_exec(
        "node", "e2e/resume.mjs", "--url", system.urls[0], "--wav", str(recording), "--seconds", str(seconds + 0.5),
        "--lose-at", str(min(4.0, seconds / 2)), "--out", str(artifacts), "--language", clip.language,
        "--screenshot", "page-resume", cwd=FRONTEND, env={**os.environ, "CHROMIUM": browser},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(90):
        assert await process.stdout.readline() == b"lose\n"
        assert gateway.process is not None
        gateway.process.kill()
        process.stdin.write(b"done\n")
        report = json.loads((await process.stdout.read()).splitlines()[-1])
        assert await process.wait() == 0
    assert report["lost"][0]["backAt"], "the page listens again"
    score = WordErrors("en")
    score.add(clip.text, " ".join(utterance["committed"] for utterance in report["utterances"]))
    assert score.percent <= 40, report["utterances"]
    assert all(utterance["state"] == "final" for utterance in report["utterances"])


async def test_a_chinese_clip_appears_with_its_english_translation(
    browser: str, system: System, shared: Path, spoken: list[Clip], artifacts: Path
) -> None:
    clip = next(clip for clip in spoken if clip.id == "aishell-BAC009S0724W0121")
    report = await speak_to_page(browser, system, clip, artifacts, "page-zh", "--target", "en", "--dark")
    text = "".join(utterance["committed"] for utterance in report["utterances"])
    assert any("一" <= character <= "鿿" for character in text), text
    translation = " ".join(line["text"] for u in report["utterances"] for line in u["translations"])
    assert "Guangzhou" in translation
    assert shown_first(report, "tentative") < first_final(report)


async def test_who_has_a_key_is_let_in_by_the_page_and_need_not_give_it_twice(browser: str, artifacts: Path) -> None:
    recording = artifacts / "page-key.wav"
    with wave.open(str(recording), "wb") as wav:
        wav.setparams((1, 2, BROWSER_RATE, 0, "NONE", ""))
        wav.writeframes(bytes(2 * BROWSER_RATE))
    plan = null_plan(artifacts / "logs-page-key", environment={"GATEWAY_AUTH": "keys"})
    async with running(plan, lambda line: None) as system:
        process = await asyncio.create_subprocess_exec(
            "node", "e2e/key.mjs", "--url", system.urls[0], "--wav", str(recording), "--key", system.key,
            "--out", str(artifacts), "--screenshot", "page-key", cwd=FRONTEND, env={**os.environ, "CHROMIUM": browser},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    report = json.loads(output)
    assert "a key is needed" in report["refused"]
    assert report["problems"] == []
    assert report["complaints"] == []
