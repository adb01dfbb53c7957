"""Recordings in, right words out: `nova transcribe` and `nova mic` against the real system."""

import contextlib
import json
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.local.processes import free_port
from backend.local.system import System
from backend.text.edits import WordErrors
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.audio.media_files import encode, truncate
from tests.testkit.system.command import NOVA, nova

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def english(speech_clips: list[Clip]) -> list[Clip]:
    """Four English recordings of a few seconds."""
    several = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt" and len(clip.text) > 30]
    return several[:4]


@pytest.fixture(scope="module")
def talk(english: list[Clip], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recordings one after the other."""
    return encode(tmp_path_factory.mktemp("talk") / "talk.flac", joined(english))


def joined(clips: list[Clip]) -> NDArray[np.int16]:
    pause = np.zeros(RATE, np.int16)
    return np.concatenate([piece for clip in clips for piece in (clip.pcm(), pause)])


def errors(reference: str, heard: str) -> float:
    score = WordErrors()
    score.add(reference, heard)
    return score.percent


def seconds(clock: str) -> float:
    hours, minutes, rest = clock.replace(",", ".").split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def environment_of(process: Path) -> bytes:
    with contextlib.suppress(OSError):  # it has just ended, or is not ours
        return (process / "environ").read_bytes()
    return b""


def test_a_long_recording_is_printed_in_order_with_nothing_else_on_stdout(
    system: System, english: list[Clip], tmp_path: Path
) -> None:
    long = encode(tmp_path / "long.flac", joined(english * 4))  # more utterances than may be in flight at once
    done = nova("transcribe", long, "--server", system.urls[0], "--language", "en", timeout_s=200)
    assert (done.returncode, done.stderr) == (0, "")
    assert errors(" ".join(clip.text for clip in english * 4), done.stdout) < 25


def test_json_has_word_times_within_the_utterance(system: System, english: list[Clip]) -> None:
    done = nova("transcribe", english[0].path, "--server", system.urls[0], "--format", "json", "--words")
    utterances = json.loads(done.stdout)["utterances"]
    assert {utterance["language"] for utterance in utterances} == {"en"}
    assert "".join(word["word"] for utterance in utterances for word in utterance["words"]).split() == [
        word for utterance in utterances for word in utterance["text"].split()
    ]
    for utterance in utterances:
        starts = [word["start_ms"] for word in utterance["words"]]
        assert starts == sorted(starts)
        assert utterance["start_ms"] <= starts[0]
        assert utterance["words"][-1]["end_ms"] <= utterance["end_ms"] + 100


def test_subtitles_cover_the_talk_within_the_limits_of_cues(system: System, talk: Path, tmp_path: Path) -> None:
    done = nova("transcribe", talk, "--server", system.urls[0], "-f", "srt", "-o", tmp_path / "out", timeout_s=200)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"  wrote {tmp_path / 'out' / 'talk.srt'}\n")
    blocks = [block.splitlines() for block in (tmp_path / "out" / "talk.srt").read_text().strip().split("\n\n")]
    times = [[seconds(clock) for clock in block[1].split(" --> ")] for block in blocks]
    assert [int(block[0]) for block in blocks] == list(range(1, len(blocks) + 1))
    assert all(1 <= len(block[2:]) <= 2 and max(map(len, block[2:])) <= 42 for block in blocks)
    assert all(0.833 <= end - start <= 7 for start, end in times)
    assert all(before[1] + 0.083 <= after[0] for before, after in pairwise(times))


def test_the_speech_model_writes_english(system: System, speech_clips: list[Clip]) -> None:
    clip = next((clip for clip in speech_clips if clip.language == "fr" and len(clip.text) > 30), None)
    if clip is None:
        pytest.skip("no recorded French")
    options = ("--server", system.urls[0], "--language", "fr", "--format", "json")
    english, french = (
        json.loads(nova("transcribe", clip.path, *options, *more).stdout)["utterances"]
        for more in (("--task", "translate"), ())
    )
    assert {utterance["language"] for utterance in english} == {"en"}
    assert {utterance["language"] for utterance in french} == {"fr"}
    words = {word.strip(".,").lower() for utterance in english for word in utterance["text"].split()}
    assert {"the", "of", "to", "and"} & words
    assert not words & {"le", "les", "des", "est", "une"}


def test_chinese_speech_gives_a_subtitle_file_per_language(
    system: System, speech_clips: list[Clip], tmp_path: Path
) -> None:
    clip = next((clip for clip in speech_clips if clip.language == "zh" and clip.kind != "bad-ref"), None)
    if clip is None:
        pytest.skip("no recorded Chinese")
    done = nova(
        "transcribe", clip.path, "--server", system.urls[0], "-l", "zh", "-t", "en", "-f", "vtt", "-o", tmp_path
    )
    files = [tmp_path / f"{clip.path.stem}{end}" for end in (".vtt", ".en.vtt")]
    assert (done.returncode, done.stderr) == (0, "".join(f"  wrote {file}\n" for file in files))
    spoken_text, translated = (file.read_text() for file in files)
    assert spoken_text.startswith("WEBVTT\n\n")
    assert any("\u4e00" <= character <= "\u9fff" for character in spoken_text)
    assert not any("\u4e00" <= character <= "\u9fff" for character in translated)
    assert len(translated.split("-->")[-1].split()) > 3


def test_an_unsupported_pair_keeps_the_text_and_reports_what_to_install(system: System, english: list[Clip]) -> None:
    done = nova("transcribe", english[0].path, "--server", system.urls[0], "-l", "en", "-t", "es")
    assert done.returncode == 1
    assert errors(english[0].text, done.stdout) < 40
    assert "(translation_unavailable)" in done.stderr


def test_a_truncated_recording_is_transcribed_to_that_point(
    system: System, english: list[Clip], tmp_path: Path
) -> None:
    whole = encode(tmp_path / "whole.flac", english[0].pcm())
    cut = truncate(encode(tmp_path / "cut.flac", np.concatenate([english[0].pcm(), english[1].pcm()])), 0.6)
    done = nova("transcribe", cut, tmp_path / "missing.wav", whole, "--server", system.urls[0], "-l", "en")
    assert done.returncode == 1
    assert "is truncated: it ends at" in done.stderr
    assert "(truncated_audio)" in done.stderr
    assert "(unreadable)" in done.stderr
    of_cut, of_whole = done.stdout.removeprefix(f"==> {cut} <==\n").split(f"==> {whole} <==\n")
    assert errors(english[0].text, of_whole) < 40
    assert of_cut.split()[:3] == of_whole.split()[:3]


def test_a_recording_without_speech_has_no_text(system: System, tmp_path: Path) -> None:
    silence = encode(tmp_path / "silence.wav", np.zeros(5 * RATE, np.int16))
    done = nova("transcribe", silence, "--server", system.urls[0])
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"  {silence}: no speech was found\n"


def test_without_a_server_a_private_one_is_started_and_stopped(english: list[Clip], whisper_tiny: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    done = nova(
        "transcribe",
        english[0].path,
        environment={"NOVA_SERVER": nowhere, "STT_MODEL": str(whisper_tiny)},
        timeout_s=120,
    )
    assert done.returncode == 0
    assert "starting a private one" in done.stderr
    assert len(done.stdout.split()) >= 3
    inherited = f"NOVA_SERVER={nowhere}".encode()
    assert not [process for process in Path("/proc").glob("[0-9]*") if inherited in environment_of(process)]


def test_nova_mic_captions_a_recording_in_real_time(system: System, english: list[Clip]) -> None:
    began = time.monotonic()
    done = nova("mic", "--file", english[0].path, "--server", system.urls[0], "-l", "en")
    assert done.returncode == 0
    assert time.monotonic() - began > len(english[0].pcm()) / RATE
    assert errors(english[0].text, done.stdout) < 40


def test_ctrl_c_stops_the_audio_and_waits_for_the_last_final(system: System, talk: Path) -> None:
    command = [*NOVA, "mic", "--file", str(talk), "--server", system.urls[0], "-l", "en"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(6)
        process.send_signal(signal.SIGINT)
        heard, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert len(heard.split()) >= 3
    assert said.split("\n") == ["  listening; press Ctrl-C to stop", ""]


def test_nova_doctor_finds_the_running_system(system: System) -> None:
    port = system.urls[0].rpartition(":")[2]
    done = nova("doctor", "--json", "--port", port, environment={"HF_ENDPOINT": "http://127.0.0.1:1"})
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert done.returncode == 0
    assert checks["server"]["ok"]
    assert "stt: whisper-base" in checks["server"]["found"]
    assert port in checks["port"]["found"]
