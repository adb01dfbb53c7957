"""Recordings of every kind, whole and broken, real ones in real files; and what the command says of them."""

import os
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection, serve

from backend.cli.files.media.errors import MediaError, TruncatedAudioError
from backend.cli.files.media.recording import open_recording
from backend.local.processes import free_port
from backend.messages.jobs import BYTES_PER_SECOND
from backend.messages.protocol import Done, Ready, Translation, to_json
from tests.testkit.audio.media_files import CODECS, encode, noise, truncate, video_without_audio
from tests.testkit.streams.jobs import final
from tests.testkit.system.command import NOVA, nova

SECONDS = 6.0


def read(path: Path) -> tuple[bytes, MediaError | None]:
    """All that can be read of a file, and what was wrong with it."""
    pcm = bytearray()
    try:
        with open_recording(path) as recording:
            for block in iter(recording.read, b""):
                pcm += block
    except MediaError as error:
        return bytes(pcm), error
    return bytes(pcm), None


def loudness(pcm: bytes) -> float:
    return float(np.abs(np.frombuffer(pcm, "<i2").astype(float)).mean())


def empty(folder: Path) -> Path:
    (folder / "empty.wav").touch()
    return folder / "empty.wav"


def only_a_header(folder: Path) -> Path:
    path = encode(folder / "header.wav", noise(1))
    head, _, _ = path.read_bytes().partition(b"data")
    path.write_bytes(head + b"data" + bytes(4))
    return path


def prose(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text("Call me Ishmael. Some years ago, never mind how long precisely.\n" * 40)
        return folder / name

    return write


def of_unknown_codec(folder: Path) -> Path:
    path = encode(folder / "unknown.wav", noise(1))
    data = bytearray(path.read_bytes())
    data[20:22] = b"\x99\x99"
    path.write_bytes(data)
    return path


def film(folder: Path) -> Path:
    return video_without_audio(folder / "film.mp4")


def without_its_index(folder: Path) -> Path:
    return truncate(encode(folder / "index.m4a", noise(SECONDS)))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (empty, "empty_file"),
        (only_a_header, "empty_file"),
        (prose("notes.txt"), "not_media"),
        (prose("notes.mp3"), "not_media"),
        (of_unknown_codec, "not_media"),
        (film, "no_audio"),
        (lambda folder: folder, "unreadable"),
        (lambda folder: folder / "missing.wav", "unreadable"),
        (lambda folder: folder / ("long" * 100), "unreadable"),
        (without_its_index, "truncated_audio"),
    ],
)
def test_an_unusable_file_is_reported_with_the_reason(make: Callable[[Path], Path], code: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    pcm, error = read(path)
    assert pcm == b""
    assert error is not None
    assert error.code == code
    assert str(path) in error.message


@pytest.mark.parametrize("suffix", CODECS)
def test_a_complete_file_is_read_to_its_end_without_an_error(suffix: str, tmp_path: Path) -> None:
    pcm, error = read(encode(tmp_path / f"whole{suffix}", noise(SECONDS)))
    assert error is None
    assert len(pcm) / BYTES_PER_SECOND == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("suffix", sorted(set(CODECS) - {".m4a"}))
@pytest.mark.parametrize("share", [0.3, 0.75])
def test_a_truncated_file_is_read_to_that_point_and_reported(suffix: str, share: float, tmp_path: Path) -> None:
    pcm, error = read(truncate(encode(tmp_path / f"cut{suffix}", noise(SECONDS)), share))
    assert isinstance(error, TruncatedAudioError)
    heard_s = len(pcm) / BYTES_PER_SECOND
    assert heard_s == pytest.approx(share * SECONDS, abs=1)  # a page of Ogg holds a second
    assert f"ends at {heard_s:.1f} s" in error.message
    assert loudness(pcm[-BYTES_PER_SECOND:]) > 500


def test_stereo_at_another_rate_is_mixed_and_resampled(tmp_path: Path) -> None:
    left = np.full(44_100, 8_000, np.int16)
    pcm, error = read(encode(tmp_path / "stereo.flac", np.stack([left, np.zeros_like(left)], axis=1), 44_100))
    assert error is None
    assert len(pcm) == pytest.approx(BYTES_PER_SECOND, abs=100)
    assert loudness(pcm) == pytest.approx(4_000, rel=0.02)


def test_audio_that_starts_later_than_the_video_keeps_its_times(tmp_path: Path) -> None:
    pcm, error = read(encode(tmp_path / "late.mkv", noise(2), starts_s=1.5, video=True))
    assert error is None
    assert len(pcm) / BYTES_PER_SECOND == pytest.approx(3.5, abs=0.1)
    assert loudness(pcm[: int(1.3 * BYTES_PER_SECOND)]) == 0
    assert loudness(pcm[int(1.7 * BYTES_PER_SECOND) :]) > 500


def test_a_video_longer_than_its_audio_is_not_truncated(tmp_path: Path) -> None:
    assert read(encode(tmp_path / "film.webm", noise(2), video=True))[1] is None


def test_a_wav_written_to_a_pipe_has_no_declared_length(tmp_path: Path) -> None:
    path = encode(tmp_path / "piped.wav", noise(1))
    head, _, body = path.read_bytes().partition(b"data")
    path.write_bytes(head + b"data" + struct.pack("<I", 0xFFFF_FFFF) + body[4:])
    assert read(path)[1] is None


def test_a_file_name_that_looks_like_a_protocol_is_a_file(tmp_path: Path) -> None:
    assert read(encode(tmp_path / "whole.wav", noise(1)).rename(tmp_path / "http:10:30.wav"))[1] is None


@given(st.binary(min_size=1, max_size=4_000))
def test_random_bytes_are_refused_with_a_reason(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "something")
        path.write_bytes(data)
        pcm, error = read(path)
    assert pcm or error


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from(sorted(CODECS)),
    hits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=40)), max_size=8),
)
@example(suffix=".m4a", hits=[(0.9742525002604335, b"\x00")])  # the index loses its only entry
def test_a_damaged_file_gives_audio_or_an_error(suffix: str, hits: list[tuple[float, bytes]], tmp_path: Path) -> None:
    whole = tmp_path / f"whole{suffix}"
    data = bytearray(whole.read_bytes() if whole.exists() else encode(whole, noise(1)).read_bytes())
    for place, junk in hits:
        at = int(place * len(data))
        data[at : at + len(junk)] = junk
    damaged = tmp_path / f"damaged{suffix}"
    damaged.write_bytes(data)
    pcm, error = read(damaged)
    assert pcm or error
    assert len(pcm) <= 60 * BYTES_PER_SECOND


# --- the command


def test_unreadable_files_start_no_server_and_give_status_1(tmp_path: Path) -> None:
    done = nova("transcribe", empty(tmp_path), prose("notes.txt")(tmp_path), tmp_path / "missing.wav")
    assert done.returncode == 1
    assert done.stdout == ""
    *problems, summary = done.stderr.splitlines()
    assert [line[line.rindex("(") :] for line in problems] == ["(empty_file)", "(not_media)", "(unreadable)"]
    assert summary.startswith("nova: 3 of 3 recordings are missing or incomplete: ")


def test_a_missing_server_is_reported(tmp_path: Path) -> None:
    where = f"127.0.0.1:{free_port()}"
    done = nova("transcribe", encode(tmp_path / "talk.wav", noise(1)), "--server", where)
    assert done.returncode == 1
    assert f"no Nova Voice server answers at ws://{where}" in done.stderr
    assert "(no_server)" in done.stderr


@contextmanager
def serving(handle: Callable[[ServerConnection], None]) -> Iterator[str]:
    with serve(handle, "127.0.0.1", 0) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"127.0.0.1:{listening.socket.getsockname()[1]}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def breaking_server() -> Iterator[str]:
    """A server that gives one final, takes a second of audio, and is gone."""

    def break_off(socket: ServerConnection) -> None:
        socket.recv()
        socket.send(to_json(Ready(session="s")))
        socket.send(to_json(final(1, "As far as this.", end_ms=900)))
        for _ in range(4):
            socket.recv()
        socket.close(1012, "draining")

    with serving(break_off) as where:
        yield where


def test_a_server_of_another_kind_is_reported(tmp_path: Path) -> None:
    with serving(lambda socket: socket.send(socket.recv())) as where:
        done = nova("transcribe", encode(tmp_path / "talk.wav", noise(1)), "--server", where)
    assert done.returncode == 1
    assert "is not a Nova Voice server (no_server)" in done.stderr


def test_when_a_session_fails_its_finals_are_kept_and_the_next_file_is_transcribed(
    breaking_server: str, tmp_path: Path
) -> None:
    talks = [encode(tmp_path / name, noise(30)) for name in ("one.wav", "two.wav")]
    done = nova("transcribe", *talks, "--server", breaking_server)
    assert done.returncode == 1
    assert done.stdout == "".join(f"==> {talk} <==\nAs far as this.\n" for talk in talks)
    *problems, summary = done.stderr.splitlines()
    assert [line[line.rindex("(") :] for line in problems] == ["(disconnected)"] * 2
    assert summary.endswith(f"{talks[0]}, {talks[1]}")


def test_a_transcript_that_cannot_be_written_is_reported(breaking_server: str, tmp_path: Path) -> None:
    (tmp_path / "talk.txt").mkdir()
    talk = encode(tmp_path / "talk.wav", noise(30))
    done = nova("transcribe", talk, "--server", breaking_server, "-o", tmp_path, "--overwrite")
    assert done.returncode == 1
    assert "(unwritable)" in done.stderr


def test_an_existing_transcript_is_kept_without_overwrite(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("mine")
    done = nova("transcribe", tmp_path / "talk.wav", "-o", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"nova: {tmp_path}/talk.txt exists: use --overwrite to replace it\n"
    assert (tmp_path / "talk.txt").read_text() == "mine"


@pytest.fixture
def complete_server() -> Iterator[str]:
    """A server that answers each session with one final: the seconds of audio that it received."""

    def answer(socket: ServerConnection) -> None:
        socket.recv()
        socket.send(to_json(Ready(session="s")))
        size = 0
        while isinstance(frame := socket.recv(), bytes):
            size += len(frame)
        socket.send(to_json(final(1, f"{size / BYTES_PER_SECOND:.1f} s.", end_ms=900)))
        socket.send(to_json(Done()))

    with serving(answer) as where:
        yield where


@pytest.mark.parametrize("suffix", [".webm", ".m4a"])
def test_a_recording_on_standard_input_is_read_completely(suffix: str, complete_server: str, tmp_path: Path) -> None:
    talk = encode(tmp_path / f"talk{suffix}", noise(2))
    command = [*NOVA, "transcribe", "-", "--server", complete_server]
    done = subprocess.run(command, input=talk.read_bytes(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0
    assert float(done.stdout.split()[0]) == pytest.approx(2, abs=0.1)
    assert done.stderr == b"  saving standard input to a temporary file\n"


def test_named_pipes_and_unusual_names_are_read_and_the_summary_names_what_failed(
    complete_server: str, tmp_path: Path
) -> None:
    talk, pipe = encode(tmp_path / "-talk\n1.wav", noise(1)), tmp_path / "pipe"
    foreign = tmp_path / os.fsdecode(b"\xff.wav")
    foreign.write_bytes(talk.read_bytes())
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(talk.read_bytes()))
    writer.start()
    files = (tmp_path, talk, pipe, foreign, tmp_path / "missing")
    done = nova("transcribe", "--server", complete_server, "-o", tmp_path / "out", "--", *files)
    writer.join()
    assert done.returncode == 1
    assert sorted(os.fsencode(path.name) for path in (tmp_path / "out").iterdir()) == [
        b"-talk\n1.txt",
        b"pipe.txt",
        b"\xff.txt",
    ]
    assert all(path.read_text() == "1.0 s.\n" for path in (tmp_path / "out").iterdir())
    assert done.stderr.splitlines()[-1].endswith(
        f"2 of 5 recordings are missing or incomplete: {tmp_path}, {files[-1]}"
    )


def test_a_translation_that_failed_leaves_no_file(tmp_path: Path) -> None:
    def answer(socket: ServerConnection) -> None:
        socket.recv()
        socket.send(to_json(Ready(session="s")))
        while isinstance(socket.recv(), bytes):
            pass
        socket.send(to_json(final(1, "Hello.", end_ms=900, translate_to=("es", "zh"))))
        socket.send(to_json(Translation(utterance=1, language="es", text="Hola.", is_final=True)))
        socket.send(to_json(Done()))

    with serving(answer) as where:
        talk = encode(tmp_path / "talk.wav", noise(1))
        done = nova("transcribe", talk, "-t", "es,zh", "-f", "srt", "-o", tmp_path / "out", "--server", where)
    assert done.returncode == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"talk.srt", "talk.es.srt"}
    *wrote, problem = done.stderr.splitlines()
    assert wrote == [f"  wrote {tmp_path}/out/{name}" for name in ("talk.srt", "talk.es.srt")]
    assert problem == f"nova: {talk}: translations into zh are missing (incomplete)"


def test_a_recording_without_speech_and_the_file_for_it_are_reported(tmp_path: Path) -> None:
    def answer(socket: ServerConnection) -> None:
        socket.recv()
        socket.send(to_json(Ready(session="s")))
        while isinstance(socket.recv(), bytes):
            pass
        socket.send(to_json(Done()))

    with serving(answer) as where:
        talk = encode(tmp_path / "talk.wav", noise(1))
        done = nova("transcribe", talk, "-o", tmp_path, "--server", where)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [f"  wrote {tmp_path}/talk.txt", f"  {talk}: no speech was found"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "FILE"),
        (["talk.wav", "--translate-to", "klingon"], "unknown language 'klingon'"),
        (["talk.wav", "--language", "xx"], "unknown language 'xx'"),
        (["talk.wav", "--format", "doc"], "'doc' is not one of"),
        (["talk.wav", "--server", "ws://host", "--model", "tiny"], "either --server or --model"),
        (["a.wav", "b.wav", "--format", "srt"], "one file per recording: use --output DIR"),
        (["a.wav", "-t", "es", "--format", "vtt"], "one file per language: use --output DIR"),
        (["a.wav", "--output", "a.srt"], "is not a directory"),
        (["x/a.wav", "y/a.wav", "--output", "."], "would be written to the same file"),
    ],
)
def test_wrong_usage_gives_status_2_before_anything_starts(arguments: list[str], said: str) -> None:
    done = nova("transcribe", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
