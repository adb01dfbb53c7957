"""Files with several tracks, sound that starts late, and samples that are not numbers."""

from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from backend.cli.files.media import open_recording

RATE = 16_000


def tone(hertz: float, seconds: float = 1.0) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def write(path: Path, *tracks: NDArray[np.float32], default: int = 0, starts_s: tuple[float, ...] = (0.0, 0.0)) -> Path:
    """Write a Matroska file with one track of float samples for each array."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_f32le", rate=RATE, layout="mono") for _ in tracks]
        streams[default].disposition = Disposition.default
        for stream, samples, start_s in zip(streams, tracks, starts_s, strict=False):
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE, int(start_s * RATE)
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
    return path


def read(path: Path) -> NDArray[np.int16]:
    with open_recording(path) as recording:
        return np.frombuffer(b"".join(iter(recording.read, b"")), "<i2")


def pitch(samples: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.argmax(spectrum) * RATE / len(samples))


def test_the_default_track_is_read(tmp_path: Path) -> None:
    for default, hertz in enumerate((300.0, 700.0)):
        path = write(tmp_path / f"{default}.mkv", tone(300), tone(700), default=default)
        assert abs(pitch(read(path)) - hertz) < 5


def test_samples_that_are_not_numbers_are_silence(tmp_path: Path) -> None:
    damaged, expected = tone(300), tone(300)
    damaged[4_000:4_400:40], expected[4_000:4_400:40] = np.nan, 0
    damaged[9_000], expected[9_000] = np.inf, 0
    difference = read(write(tmp_path / "a.mkv", damaged)) - np.rint(expected * 32_767)
    assert np.abs(difference).max() <= 2


def test_sound_that_starts_late_keeps_its_time(tmp_path: Path) -> None:
    path = write(tmp_path / "late.mkv", tone(300, 5.0), tone(700), default=1, starts_s=(0.0, 3.0))
    samples = read(path)
    assert abs(int(np.flatnonzero(np.abs(samples) > 1_000)[0]) - 3 * RATE) < RATE // 10
