"""The page in a real browser with a recording for a microphone: what is spoken appears, first faint, then firm."""

import json
from pathlib import Path
from typing import Any

from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.text.edits import WordErrors
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import drive, drive_and_lose, microphone, silence, write
from tests.testkit.system.plans import system_plan


async def speak_to_page(browser: str, system: System, clip: Clip, artifacts: Path, name: str, *more: str) -> Any:
    """Open the page, press Start, speak, press Stop. Return what was shown, with times."""
    recording = artifacts / f"{name}.wav"
    seconds = microphone(clip, recording)
    told = ("--seconds", str(seconds + 0.5), "--language", clip.language)
    report = await drive(browser, "transcribe", system.urls[0], recording, artifacts, *told, *more)
    (artifacts / f"{name}.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))
    assert report["consoleErrors"] == [], "errors in the console of the browser"
    return report


def shown_first(report: Any, field: str) -> float:
    """Return the time in milliseconds when this field of an utterance was first not empty."""
    for moment in report["timeline"]:
        if any(utterance[field] for utterance in moment["utterances"]):
            return float(moment["t"])
    raise AssertionError(f"never shown: {field}")


def first_final(report: Any) -> float:
    """Return the time in milliseconds when the first utterance was final."""
    for moment in report["timeline"]:
        if any(utterance["state"] == "final" for utterance in moment["utterances"]):
            return float(moment["t"])
    raise AssertionError("there was no final")


async def test_the_page_shows_partials_before_finals(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    wanted = "ls-367-130732-0002"  # eleven seconds, clearly spoken
    english = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt"]
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


async def test_no_word_is_lost_when_a_gateway_dies_in_the_middle_of_a_word(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    english = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt"]
    clip = next((clip for clip in english if clip.id == "ls-367-130732-0002"), english[0])
    recording = artifacts / "page-resume.wav"
    seconds = microphone(clip, recording)
    lose_at = min(4.0, seconds / 2)
    told = ("--seconds", str(seconds + 0.5), "--lose-at", str(lose_at), "--language", clip.language)
    report = await drive_and_lose(
        browser, "resume", system.urls[0], recording, artifacts, system.named("gateway-1"), *told
    )
    assert report["lost"][0]["backAt"], "the page listens again"
    score = WordErrors("en")
    score.add(clip.text, " ".join(utterance["committed"] for utterance in report["utterances"]))
    assert score.percent <= 40, report["utterances"]
    assert all(utterance["state"] == "final" for utterance in report["utterances"])


async def test_a_chinese_clip_appears_with_its_english_translation(
    browser: str, system: System, shared_folder: Path, speech_clips: list[Clip], artifacts: Path
) -> None:
    clip = next(clip for clip in speech_clips if clip.id == "aishell-BAC009S0724W0121")
    report = await speak_to_page(browser, system, clip, artifacts, "page-zh", "--target", "en", "--dark")
    text = "".join(utterance["committed"] for utterance in report["utterances"])
    assert any("一" <= character <= "鿿" for character in text), text
    translation = " ".join(line["text"] for u in report["utterances"] for line in u["translations"])
    assert "Guangzhou" in translation
    assert shown_first(report, "tentative") < first_final(report)


async def test_the_page_asks_for_an_api_key_only_once(browser: str, artifacts: Path) -> None:
    recording = artifacts / "page-key.wav"
    write(silence(1.0), recording)
    plan = system_plan(artifacts / "logs-page-key", environment={"GATEWAY_AUTH": "keys"})
    async with running(plan, silent) as system:
        told = ("--key", system.key)
        report = await drive(browser, "api-key", system.urls[0], recording, artifacts, *told, within_s=60)
    assert "An API key is required" in report["refused"]
    assert report["hasFocus"], "Enter in the field submits the key"
    assert report["violations"] == []
    assert report["problems"] == []
    assert report["consoleErrors"] == []


async def test_the_page_connects_to_its_gateway_and_to_listed_servers_only(browser: str, artifacts: Path) -> None:
    recording = artifacts / "page-connections.wav"
    write(silence(1.0), recording)
    plan = system_plan(artifacts / "logs-page-connections", environment={"GATEWAY_PAGE_SERVERS": "ws://127.0.0.2:9"})
    async with running(plan, silent) as system:
        allowed = [stream_url(system.urls[0]), "ws://127.0.0.1:9/v1/stream", "ws://127.0.0.2:9/v1/stream"]
        blocked = ["ws://127.0.0.3:9/v1/stream", "ws://127.0.0.2:10/v1/stream", "wss://voice.invalid/v1/stream"]
        told = [part for address in (*allowed, *blocked) for part in ("--to", address)]
        report = await drive(browser, "connections", system.urls[0], recording, artifacts, *told, within_s=60)
    assert report["allowed"] == {**dict.fromkeys(allowed, True), **dict.fromkeys(blocked, False)}
