"""`nova ingest` against the real system: a live stream of real speech that is dropped once, and what it refuses."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from backend.local.system import System
from backend.text.edits import WordErrors
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.audio.media_files import encode
from tests.testkit.servers.caption_services import SECRET, caption_service
from tests.testkit.servers.live_stream import live_stream
from tests.testkit.system.command import NOVA, nova

pytestmark = pytest.mark.timeout(240)
CUE = re.compile(r"(\d+)\n(\d\d):(\d\d):(\d\d),(\d{3}) --> .*\n((?:.+\n)+)\n")
MAX_ERROR_PERCENT = 30.0
# After the speech, so that a stream continues while the last words get their text.
TAIL_S = 60


@pytest.fixture(scope="module")
def halves(speech_clips: list[Clip]) -> list[Clip]:
    """Two English recordings of a few seconds."""
    several = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt" and len(clip.text) > 30]
    return sorted(several, key=lambda clip: len(clip.pcm()))[:2]


def programme(file: Path, clip: Clip, tail_s: float) -> tuple[bytes, float]:
    """A transport stream of a recording and silence after it, and its seconds."""
    pcm = np.concatenate([clip.pcm(), np.zeros(int(tail_s * RATE), np.int16)])
    return encode(file, pcm, codec="aac").read_bytes(), len(pcm) / RATE


@contextmanager
def running_ingest(*arguments: str | Path, command: str = "ingest") -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*NOVA, command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)


def cues(srt: Path) -> list[tuple[float, str]]:
    """Start in seconds and text of each cue. The file must be complete at any time."""
    text = srt.read_text(encoding="utf-8")
    found: list[tuple[float, str]] = []
    assert CUE.sub("", text) == ""
    for number, hours, minutes, seconds, thousandths, words in CUE.findall(text):
        assert int(number) == len(found) + 1
        start_s = 3600 * int(hours) + 60 * int(minutes) + int(seconds) + int(thousandths) / 1000
        found.append((start_s, " ".join(words.split())))
    return found


def error_percent(clip: Clip, text: str) -> float:
    errors = WordErrors()
    errors.add(clip.text, text)
    return errors.percent


def test_both_halves_of_a_stream_that_is_dropped_once_are_in_the_file_in_order(
    system: System, halves: list[Clip], tmp_path: Path
) -> None:
    first, second = halves
    srt, vtt = tmp_path / "live.srt", tmp_path / "live.vtt"
    programmes = [programme(tmp_path / "1.ts", first, 0.2), programme(tmp_path / "2.ts", second, TAIL_S)]
    with live_stream(programmes) as stream:
        arguments = (stream.url, "--srt", srt, "--vtt", vtt, "--server", system.urls[0], "-l", "en")
        with running_ingest(*arguments) as process:
            wait_until(lambda: len(stream.opened) == 2, process)
            again_s = stream.opened[1] - stream.opened[0]
            # The stream continues. The last words may still be without text: Ctrl-C waits for it.
            until = stream.opened[1] + len(second.pcm()) / RATE + 3
            wait_until(lambda: bool(cues(srt)) and time.monotonic() > until, process)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    print(err, srt.read_text(encoding="utf-8"))
    assert process.returncode == 0, err
    assert "has ended; reconnecting" in err
    assert "the source is back" in err
    written = cues(srt)
    starts = [start_s for start_s, _ in written]
    assert starts == sorted(starts)
    # The first words of the second half are not before its connection, which the transport stream delays a little.
    split_s = again_s - 1
    before = " ".join(text for start_s, text in written if start_s < split_s)
    after = " ".join(text for start_s, text in written if start_s >= split_s)
    assert error_percent(first, before) <= MAX_ERROR_PERCENT
    assert error_percent(second, after) <= MAX_ERROR_PERCENT
    assert min(start_s for start_s in starts if start_s >= split_s) <= again_s + 4
    assert " ".join(out.split()) == " ".join(text for _, text in written)
    assert vtt.read_text(encoding="utf-8").startswith("WEBVTT\n\n00:00:0")
    assert vtt.read_text(encoding="utf-8").count("-->") == len(written)


def test_ctrl_c_waits_for_the_last_final_of_a_file_in_json_lines(
    system: System, halves: list[Clip], tmp_path: Path
) -> None:
    long = encode(tmp_path / "long.flac", np.concatenate([halves[0].pcm(), np.zeros(TAIL_S * RATE, np.int16)]))
    with running_ingest(long, "--jsonl", "--server", system.urls[0], "-l", "en") as process:
        assert process.stderr is not None
        while "reading" not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(len(halves[0].pcm()) / RATE)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    finals = [json.loads(line) for line in out.splitlines()]
    assert {final["type"] for final in finals} == {"final"}
    assert error_percent(halves[0], " ".join(final["text"] for final in finals)) <= MAX_ERROR_PERCENT
    assert finals[-1]["end_ms"] <= 1000 * len(halves[0].pcm()) / RATE + 3_000


def test_a_stream_reaches_a_room_and_from_there_and_from_the_stream_services_for_viewers(
    system: System, halves: list[Clip], tmp_path: Path
) -> None:
    vtt, server = tmp_path / "room.vtt", ("--server", system.urls[0])
    with caption_service("zoom", last=5) as zoom, caption_service("youtube", [503]) as youtube:
        follow = ("talk-in-a-room", *server, "--youtube", youtube.url, "--vtt", vtt)
        with running_ingest(*follow, command="follow") as following:
            assert following.stderr is not None
            while "reading the room" not in following.stderr.readline():
                assert following.poll() is None
            done = nova("ingest", halves[0].path, *server, "-l", "en", "--room", "talk-in-a-room", "--zoom", zoom.url)
            text = " ".join(done.stdout.split())
            wait_until(lambda: youtube.text == text, following)
            following.send_signal(signal.SIGINT)
            out, err = following.communicate(timeout=60)
    assert (done.returncode, following.returncode) == (0, 0), (done.stderr, err)
    assert error_percent(halves[0], text) <= MAX_ERROR_PERCENT
    assert zoom.text == text == " ".join(out.split())
    assert (zoom.errors, youtube.errors) == ([], [])
    assert vtt.read_text(encoding="utf-8").startswith("WEBVTT\n\n00:00:")
    assert "YouTube: HTTP 503; retrying" in err
    assert SECRET not in done.stdout + done.stderr + out + err


def test_a_room_that_cannot_be_read_is_reported() -> None:
    done = nova("follow", "talk", "--server", "http://127.0.0.1:1", "--zoom", f"https://zoom.invalid/x?id={SECRET}")
    assert done.returncode == 2
    assert "no Nova Voice server answers" in done.stderr
    assert SECRET not in done.stderr
    done = nova("follow", "talk", "--zoom", f"ftp://zoom.invalid/x?id={SECRET}")
    assert done.returncode == 2
    assert "give a URL that begins with https:// or http://" in done.stderr
    assert SECRET not in done.stderr


def test_a_source_that_cannot_be_read_is_reported_before_a_server_is_used(tmp_path: Path) -> None:
    done = nova("ingest", "rtsp://user:secret@127.0.0.1:1/live", "--srt", tmp_path / "a.srt")
    assert done.returncode == 2
    assert "nova: rtsp://127.0.0.1:1/live cannot be read: Connection refused" in done.stderr
    assert "secret" not in done.stderr
    assert "starting" not in done.stderr


def test_a_server_that_does_not_answer_is_reported(halves: list[Clip]) -> None:
    done = nova("ingest", halves[0].path, "--server", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "no Nova Voice server answers" in done.stderr
