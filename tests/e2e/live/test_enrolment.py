"""Enrolled voices on a real system: Whisper, the model of voices, and recordings of three speakers."""

import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from backend.local.system import System, running
from backend.messages.protocol import Final, SpeechIgnored
from tests.conftest import run_in_thread
from tests.testkit.audio.clips import RATE, clips_of, with_pauses
from tests.testkit.cli import silent
from tests.testkit.session import speak
from tests.testkit.system.command import nova
from tests.testkit.system.plans import voice_plan

pytestmark = pytest.mark.timeout(300)
ANNA, BEN = "ls2609", "ls2033"
LONGEST_S = 8.5


@pytest.fixture(scope="module")
def voice_system(whisper_tiny: Path, artifacts: Path, shared_folder: Path) -> Iterator[System]:
    with run_in_thread(running(voice_plan(artifacts / "enrolment", whisper_tiny, shared_folder), silent)) as up:
        yield up


TURN = round(2.5 * RATE)


def in_turns(own: NDArray[np.int16], other: NDArray[np.int16]) -> NDArray[np.int16]:
    """A turn of 2.5 s of each voice. In shorter ones, the recognizer finds no words."""
    return np.concatenate([own[:TURN], other[:TURN]])


def wav(file: Path, pcm: NDArray[np.int16]) -> Path:
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(pcm.tobytes())
    return file


def speakers(system: System, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return nova("speakers", *arguments, "--server", system.urls[0], timeout_s=200)


def requested(system: System, path: str) -> httpx.Response:
    return httpx.get(f"{system.urls[0]}{path}")


async def test_an_enrolled_speaker_is_named_and_can_be_the_only_one(voice_system: System, tmp_path: Path) -> None:
    own, other = clips_of(ANNA, longest_s=LONGEST_S), clips_of(BEN, longest_s=LONGEST_S)
    files = [str(wav(tmp_path / f"{n}.wav", clip.pcm())) for n, clip in enumerate(own[:3])]
    done = speakers(voice_system, "enrol", "Anna", *files, "--consent")
    assert done.returncode == 0, done.stderr
    listed = requested(voice_system, "/v1/speakers").json()
    assert [found["name"] for found in listed] == ["Anna"]
    assert "embedding" not in listed[0]

    audio = with_pauses([own[3], other[0]])
    ledger = await speak(voice_system.urls[0], audio, language="en", speakers=True, known_speakers=["Anna"])
    change_ms = 1_000 * (len(own[3].pcm()) + RATE // 2) // RATE
    labels = [(final.start_ms < change_ms, final.speaker) for final in ledger.received(Final) if final.text]
    assert set(labels) == {(True, "Anna"), (False, "1")}

    ledger = await speak(voice_system.urls[0], audio, language="en", only_speaker="Anna")
    assert {final.start_ms < change_ms for final in ledger.received(Final) if final.text} == {True}
    assert ledger.utterances == sorted(ledger.utterances)
    assert {event.reason for event in ledger.received(SpeechIgnored)} == {"other_voice"}

    assert speakers(voice_system, "remove", "Anna").returncode == 0
    assert requested(voice_system, "/v1/speakers/Anna").status_code == 404


def test_what_must_be_refused_is_refused(voice_system: System, tmp_path: Path) -> None:
    own, other = clips_of(ANNA, longest_s=LONGEST_S), clips_of(BEN, longest_s=LONGEST_S)
    two_people = wav(tmp_path / "two.wav", with_pauses([own[0], other[0], own[1], other[1]]))
    short = wav(tmp_path / "short.wav", with_pauses(own[:1]))
    for file, reason in ((two_people, "not of one voice"), (short, "3 good samples of speech are needed")):
        refused = speakers(voice_system, "enrol", "Anna", str(file), "--consent")
        assert refused.returncode == 2
        assert reason in refused.stderr
    without_consent = speakers(voice_system, "enrol", "Anna", str(short))
    assert "consent" in without_consent.stderr
    assert requested(voice_system, "/v1/speakers").json() == []


def test_samples_that_all_contain_two_voices_are_refused_with_how_each_was_judged(
    voice_system: System, tmp_path: Path
) -> None:
    pairs = zip(clips_of(ANNA, longest_s=LONGEST_S)[:4], clips_of(BEN, longest_s=LONGEST_S)[:4], strict=True)
    silence = np.zeros(2 * RATE, np.int16)
    mixes = [part for own, other in pairs for part in (in_turns(own.pcm(), other.pcm()), silence)]
    recording = wav(tmp_path / "mixed.wav", np.concatenate(mixes)).read_bytes()
    query = {"name": "Anna", "consent": "true", "language": "en"}
    answer = httpx.post(f"{voice_system.urls[0]}/v1/speakers", params=query, content=recording, timeout=200)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "enrolment_refused")
    assert "several voices" in body["message"]
    assert len(body["judged"]) >= 3
    assert all(one["end_ms"] > one["start_ms"] for one in body["judged"])
    assert requested(voice_system, "/v1/speakers").json() == []


def test_a_system_without_the_model_refuses_at_once(null_system: System, tmp_path: Path) -> None:
    refused = speakers(
        null_system,
        "enrol",
        "Anna",
        str(wav(tmp_path / "one.wav", with_pauses(clips_of(ANNA, longest_s=LONGEST_S)[:1]))),
        "--consent",
    )
    assert refused.returncode == 2
    assert "nova models pull campplus" in refused.stderr
