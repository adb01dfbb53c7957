"""A WAV file may contain another codec in place of samples, as players record it from a digital output."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest

from backend.cli.files.media.recording import open_recording

RATE = 48_000


def ac3(folder: Path, container: str, seconds: int = 2) -> bytes:
    """A tone as AC-3, without a container or in frames of S/PDIF (IEC 61937)."""
    tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(RATE * seconds) / RATE)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(tone, 2)[None, :], format="s16", layout="stereo")
    frame.sample_rate = RATE
    path = folder / "sound.ac3"
    with av.open(path, "w", format=container) as file:
        stream = file.add_stream("ac3", rate=RATE, layout="stereo")
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        for packed in (*resampler.resample(frame), None):
            file.mux(stream.encode(packed))
    return path.read_bytes()


@pytest.mark.parametrize(("container", "silence_s"), [("ac3", 0.0), ("spdif", 0.0), ("spdif", 0.1)])
def test_ac3_in_a_wav_file_is_decoded(tmp_path: Path, container: str, silence_s: float) -> None:
    path = tmp_path / "sound.wav"
    data = bytes(4 * round(RATE * silence_s)) + ac3(tmp_path, container)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(data[: len(data) // 4 * 4])
    with open_recording(path) as recording:
        samples = np.frombuffer(recording.read() + recording.read() + recording.read(), "<i2")[-4_000:]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) == pytest.approx(440 * len(samples) / 16_000, abs=1)
