"""The recordings that the documentation names, with the same sentence in each."""

import wave
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from backend.load.clips import decode
from tests.testkit.audio.clips import Clip
from tests.testkit.audio.media_files import encode

RATE = 16_000
FORMATS = {"interview.mp3": "", "speech.mp3": "", "speech.wav": "", "talk.mp3": "", "talk.mp4": "aac", "talk.wav": ""}


def write_recordings(clip: Clip, folder: Path) -> None:
    """Write the clip in each format, a call with it on both channels, and a film with two audio tracks."""
    folder.mkdir(exist_ok=True)
    for name, codec in FORMATS.items():
        encode(folder / name, clip.pcm(), codec=codec)
    _write_film(folder / "film.mkv", clip.pcm())
    _write_call(folder / "call.wav", clip.pcm())
    (folder / "speech.pcm").write_bytes(clip.pcm().tobytes())
    fast = decode(clip.path, 24_000)
    encode(folder / "speech-24k.wav", np.concatenate([fast, np.zeros(24_000, np.int16)]), 24_000)


def _write_call(path: Path, samples: NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.repeat(samples, 2).tobytes())


def _write_film(path: Path, samples: NDArray[np.int16]) -> None:
    """A film with the clip in both audio tracks."""
    with av.open(str(path), "w") as container:
        for stream in [container.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in range(2)]:
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, 0
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
