"""Enrolment on the page, in a real browser: a voice is recorded with the microphone, listed, and deleted."""

import json
from contextlib import aclosing
from pathlib import Path

import httpx
import numpy as np
import pytest

from backend.local.system import System, running
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.redis.clients import client as redis_client
from tests.testkit.audio.clips import RATE, Clip, clips_of
from tests.testkit.audio.media_files import encode
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import drive, microphone, silence, write
from tests.testkit.system.plans import own_redis, system_plan

pytestmark = pytest.mark.timeout(500)


def anna() -> Clip:
    """Speech whose parts are alike: glitches of the simulated microphone under load do not make them "mixed"."""
    return clips_of("ls2609", shortest_s=7)[0]


def refused_samples(folder: Path) -> list[str]:
    """A good recording, 1.5 s of it before a silence, and all of it too quiet."""
    pcm = anna().pcm()
    parts = {
        "good": pcm,
        "short": np.concatenate([pcm[RATE : 5 * RATE // 2], np.zeros(2 * RATE, np.int16)]),
        "quiet": (pcm * 0.002).astype(np.int16),
    }
    return [str(encode(folder / f"voices-{name}.flac", part)) for name, part in parts.items()]


async def test_a_voice_is_enrolled_on_the_page_listed_and_deleted(
    browser: str, voice_system: System, artifacts: Path
) -> None:
    wav, url = artifacts / "page-voices.wav", voice_system.urls[0]
    # Each sample plays the recording from its beginning. The silence at its end is no speech.
    seconds = 3 * (microphone(anna(), wav) - 1.5)
    files = [part for file in refused_samples(artifacts) for part in ("--recording", file)]
    more = ("--seconds", str(seconds), "--language", "en", "--name", "Anna", *files)
    report = await drive(browser, "voices", url, wav, artifacts, *more, within_s=450)
    (artifacts / "page-voices.json").write_text(json.dumps(report, indent=1))
    assert report["violations"] == {}
    assert report["sideways"] == []
    status, reasons = report["refused"]
    assert reasons[0] == ""
    assert all(reasons[1:])
    assert "waiting" not in reasons
    assert "there is 1." in status
    assert report["verdicts"][0] == "good"
    assert len(set(report["verdicts"])) > 1
    assert len(report["samples"]) == 3
    assert report["enrolled"] == "Anna is enrolled."
    assert report["voices"] == [["Anna"], []]
    assert report["choices"] == ["Everyone", "Anna"]
    # The browser itself reports each refused request.
    assert [error for error in report["consoleErrors"] if "422" not in error] == []
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{url}/v1/speakers")).json() == []


async def test_without_the_model_of_voices_the_dialog_says_so(browser: str, artifacts: Path) -> None:
    recording = artifacts / "page-no-voices.wav"
    write(silence(1.0), recording)
    async with running(system_plan(artifacts / "logs-page-no-voices"), silent) as system:
        report = await drive(browser, "no-voices", system.urls[0], recording, artifacts, within_s=90)
    assert "nova models pull campplus" in report["unavailable"]
    assert report["canRecord"] is False
    assert report["violations"] == []
    assert report["consoleErrors"] == []


async def test_a_key_that_may_not_use_voices_is_refused_in_words(browser: str, artifacts: Path, tmp_path: Path) -> None:
    recording = artifacts / "page-voices-key.wav"
    write(silence(1.0), recording)
    async with own_redis(tmp_path) as url, aclosing(redis_client(url)) as redis:
        reader = await ApiKeys(redis).create("reader", ("read",), QuotaLimits())
        plan = system_plan(artifacts / "logs-voices-key", redis_url=url, environment={"GATEWAY_AUTH": "keys"})
        async with running(plan, silent) as system:
            for key, expected in ((reader, "does not allow"), ("", "requires an API key")):
                told = ("--key", key)
                report = await drive(browser, "no-voices", system.urls[0], recording, artifacts, *told, within_s=90)
                assert expected in report["status"]
                assert report["violations"] == []
