"""The length that a file declares."""

import io
import struct
from pathlib import Path

import pytest

from backend.cli.files.media.declared_length import MAX_CHUNKS, _clock_s, has_uncounted_sound, is_wav, wav_s

EMPTY = b"junk" + bytes(4)
# One channel of 16-bit samples at 8 kHz, and one second of them.
FORMAT = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8_000, 16_000, 2, 16)
SOUND = b"data" + struct.pack("<I", 16_000) + bytes(16_000)


def riff(*chunks: bytes) -> bytes:
    """A WAV file with these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ("00:01:02.500000000", 62.5),
        ("1:00:00", 3_600.0),
        ("abc", None),
        ("", None),
        ("0:0:inf", None),
        ("0:0:nan", None),
    ],
)
def test_a_tag_that_is_no_time_says_nothing(tag: str, seconds: float | None) -> None:
    assert _clock_s(tag) == seconds


def test_a_wav_file_may_have_many_chunks_before_its_sound() -> None:
    assert wav_s(io.BytesIO(riff(FORMAT, EMPTY * (MAX_CHUNKS - 2), SOUND))) == 1.0


def test_a_wav_file_of_empty_chunks_is_not_read_to_its_end(tmp_path: Path) -> None:
    path, data = tmp_path / "chunks.wav", riff(FORMAT, EMPTY * (MAX_CHUNKS - 1), SOUND)
    path.write_bytes(data)
    assert not is_wav(path)
    file = io.BytesIO(data)
    assert wav_s(file) is None
    assert file.tell() < 9 * MAX_CHUNKS


@pytest.mark.parametrize(("count", "uncounted"), [(MAX_CHUNKS - 1, True), (MAX_CHUNKS, False)])
def test_not_all_of_many_chunks_after_the_sound_are_examined(tmp_path: Path, count: int, uncounted: bool) -> None:
    path = tmp_path / "chunks.wav"
    path.write_bytes(riff(FORMAT, SOUND, EMPTY * count, b"\xff" * 100))
    assert has_uncounted_sound(path) == uncounted
