"""WAV files that are read without FFmpeg: the same sound, and all others are left to FFmpeg."""

import io
import struct
import wave
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from backend.cli.files.media.errors import NoTrackError
from backend.cli.files.media.ffmpeg_track import opened_by_ffmpeg
from backend.cli.files.media.plain_wav import opened_plain_wav
from backend.cli.files.media.recording import Recording, open_recording

NOISE = np.random.default_rng(7).integers(-32_768, 32_768, 30_001).astype("<i2")


def wav(samples: bytes, rate: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    """A file with these samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate, 0, "NONE", ""))
        writer.writeframes(samples)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data


def everything(recording: Recording) -> bytes:
    """All blocks."""
    return b"".join(iter(recording.read, b""))


def is_plain(path: Path) -> bool:
    with opened_plain_wav(path, None) as opened:
        return opened is not None


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("separate", [False, True])
def test_the_blocks_are_those_of_ffmpeg(tmp_path: Path, rate: int, separate: bool) -> None:
    path = tmp_path / "noise.wav"
    path.write_bytes(wav(NOISE.tobytes(), rate))
    with opened_by_ffmpeg(path, None, separate=separate) as opened, closing(Recording(path, opened)) as recording:
        wanted = everything(recording)
        facts = [opened.tracks, opened.track, opened.declared_s, opened.length_s, opened.channels, opened.is_raw]
    assert is_plain(path)
    with open_recording(path, separate=separate) as recording:
        assert everything(recording) == wanted
        assert recording.position_s == pytest.approx(len(NOISE) / rate, abs=0.001)
    with opened_plain_wav(path, None) as plain:
        assert plain
        assert [plain.tracks, plain.track, plain.declared_s, plain.length_s, plain.channels, plain.is_raw] == facts


def test_chunks_around_the_samples_are_skipped(tmp_path: Path) -> None:
    path, data = tmp_path / "noise.wav", wav(NOISE.tobytes())
    path.write_bytes(data[:12] + chunk(b"LIST", b"INFOINAM" + bytes(8)) + data[12:] + chunk(b"LIST", b"INFO"))
    assert is_plain(path)
    with open_recording(path) as recording:
        assert everything(recording) == NOISE.tobytes()


WAV = wav(NOISE.tobytes())
OTHERS = {
    "two channels": wav(NOISE[:-1].tobytes(), channels=2),
    "8 bits": wav(NOISE.tobytes(), width=1),
    "24 bits": wav(NOISE.tobytes() * 3, width=3),
    "another format": WAV[:20] + b"\x06\0" + WAV[22:],
    "a truncated file": WAV[:-100],
    "half a sample": WAV[:40] + struct.pack("<I", 2 * len(NOISE) - 1) + WAV[44:],
    "an unknown length": WAV[:40] + b"\xff\xff\xff\xff" + WAV[44:],
    "no samples": wav(b""),
    "sound after the samples": WAV + NOISE.tobytes(),
    "more samples": WAV + chunk(b"data", NOISE.tobytes()),
    "two formats": WAV[:36] + WAV[12:],
    "a wrong rate": WAV[:28] + b"\1\0\0\0" + WAV[32:],
    "no header": NOISE.tobytes(),
    "nothing": b"",
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_other_files_are_left_to_ffmpeg(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.wav"
    path.write_bytes(data)
    assert not is_plain(path)


def test_there_is_one_track(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    path.write_bytes(WAV)
    with pytest.raises(NoTrackError), open_recording(path, 2):
        pass
