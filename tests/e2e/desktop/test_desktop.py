"""The windows of the desktop client in a real browser, with a recording as the microphone, on a real system.

frontend/e2e/fake-shell.mjs replaces Electron's shell. test_shell.py tests the real one.
"""

from pathlib import Path

from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.text.edits import WordErrors
from backend.text.normalize import letters
from tests.testkit.audio.clips import Clip, decode
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import BROWSER_RATE, LEAD_S, TAIL_S, drive, drive_and_lose, microphone
from tests.testkit.system.plans import system_plan


def english(speech_clips: list[Clip]) -> Clip:
    """Four seconds, clearly spoken."""
    clips = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt"]
    return next((clip for clip in clips if clip.id == "ls-367-130732-0001"), clips[0])


def seconds_of(clip: Clip) -> float:
    """The clip without the silence around it."""
    return len(decode(clip.path, BROWSER_RATE)) / BROWSER_RATE


def errors_in(clip: Clip, text: str) -> float:
    """Word error rate, in percent."""
    score = WordErrors(clip.language)
    score.add(clip.text, text)
    return score.percent


async def test_the_setup_tests_server_and_microphone_and_stores_the_choices(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    wav = artifacts / "desk-tour.wav"
    microphone(english(speech_clips), wav)
    report = await drive(browser, "tour", system.urls[0], wav, artifacts)
    assert report["serverResult"].startswith("Connected.")
    assert report["microphoneResult"] == "Your microphone works."
    assert report["restored"] == {
        "dictionary": "Nova Voice\nkube cuttle -> kubectl",
        "keys": "Ctrl + Shift + F8",
        "lines": "3",
        "command": "next line, new line",
        "language": "es",
        "mode": "true",
    }
    assert len(report["found"]) == 1
    assert report["chinese"] == "设置"
    assert report["consoleErrors"] == []
    for picture in ("setup", "dictation", "settings", "subtitles", "history", "opened", "zh"):
        for theme in ("light", "dark"):
            single, double = (artifacts / f"desk-tour-{picture}-{theme}-{scale}x.png" for scale in (1, 2))
            assert double.stat().st_size > single.stat().st_size > 10_000


async def test_dictated_text_is_shown_in_the_bubble_and_typed_when_the_key_is_released(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    clip, wav = english(speech_clips), artifacts / "desk-dictation.wav"
    microphone(clip, wav)
    held = LEAD_S + seconds_of(clip) + 0.3
    told = ("--seconds", str(held), "--language", "en")
    report = await drive(browser, "dictate", system.urls[0], wav, artifacts, *told)
    text = "".join(piece["text"] for piece in report["typed"])
    assert errors_in(clip, text) <= 40, text
    assert report["typed"][-1]["at"] - report["releasedAt"] < 5_000
    assert any(bubble["tentative"] for bubble in report["bubbles"])
    assert report["hidden"]
    assert text.split(".")[0][:40] in report["found"][0]
    assert report["consoleErrors"] == []


async def test_subtitles_follow_a_change_of_language_and_lose_nothing_when_the_gateway_dies_in_a_sentence(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    first = english(speech_clips)
    others = [clip for clip in speech_clips if clip.language == "es"] or [first]
    second = next((clip for clip in others if clip.id == "ast-es-privacy-unident"), others[0])
    wav = artifacts / "desk-captions.wav"
    seconds = microphone(first, wav, second)
    change_at = LEAD_S + seconds_of(first) + 1.2
    lose_at = LEAD_S + seconds_of(first) + TAIL_S + 1.5
    languages = ("--language", first.language, "--then", second.language)
    times = ("--seconds", str(seconds + 0.5), "--change-at", str(change_at), "--lose-at", str(lose_at))
    where = (browser, "subtitles", system.urls[0], wav, artifacts)
    report = await drive_and_lose(*where, system.named("gateway-1"), *languages, *times)
    texts = [utterance["committed"] for utterance in report["utterances"]]
    assert all(utterance["state"] == "final" for utterance in report["utterances"])
    assert errors_in(first, texts[0]) <= 40, texts
    # The model errs in up to six of the eleven words, but writes something for each. Lost speech would make it shorter.
    again = " ".join(texts[1:])
    assert errors_in(second, again) <= 70, texts
    assert len(letters(again)) >= 0.8 * len(letters(second.text)), texts
    assert report["streamed"].split("\n")[-1].strip() == list(report["seen"].values())[-1].strip()
    said = "".join(report["seen"].values())
    assert said.replace(" ", "") == "".join(texts).replace(" ", ""), "the overlay has shown every line"


async def test_an_unavailable_server_a_lost_microphone_and_a_required_key_are_reported_without_losing_text(
    browser: str, system: System, speech_clips: list[Clip], artifacts: Path
) -> None:
    clip, wav = english(speech_clips), artifacts / "desk-trouble.wav"
    microphone(clip, wav)
    strict = {"GATEWAY_AUTH": "keys", "GATEWAY_ORIGINS": system.urls[0]}
    plan = system_plan(artifacts / "logs-desk-trouble", environment=strict)
    async with running(plan, silent) as other:
        locked = stream_url(other.urls[0])
        told = ("--seconds", str(LEAD_S + seconds_of(clip)), "--language", "en", "--locked", locked)
        report = await drive(browser, "failures", system.urls[0], wav, artifacts, *told)
    away, unplugged, refused = report["unavailable"], report["unplugged"], report["locked"]
    assert "kept" in away["status"]
    assert "cannot be reached" in away["notices"][0]
    assert away["typed"] == ""
    assert errors_in(clip, report["restored"]["typed"]) <= 40, report["restored"]["typed"]
    assert "was disconnected" in unplugged["notices"][0]
    assert unplugged["typed"] != ""
    assert "API key is required" in refused["status"]
    assert refused["tone"] == "error"
