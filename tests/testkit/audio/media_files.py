"""Media files of all supported formats, complete and truncated."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

# Audio codec by file suffix.
CODECS = {".wav": "pcm_s16le", ".flac": "flac", ".mp3": "libmp3lame", ".m4a": "aac"}
CODECS |= dict.fromkeys((".ogg", ".webm", ".mkv"), "libopus")


def noise(seconds: float, rate: int = 16_000) -> NDArray[np.int16]:
    """[n] int16 samples that no codec can compress."""
    return np.random.default_rng(7).normal(0, 3_000, int(seconds * rate)).astype(np.int16)


def encode(
    path: Path,
    samples: NDArray[np.int16],
    rate: int = 16_000,
    *,
    starts_s: float = 0,
    again_s: float | None = None,
    video: bool = False,
    codec: str = "",
    options: Mapping[str, str] | None = None,
) -> Path:
    """Write [n] (mono) or [n, 2] (stereo) samples with a codec (default: that of the suffix), and optionally pictures.

    With `again_s`, the samples are written once more that many seconds later, without packets in between.
    """
    layout = "stereo" if samples.ndim == 2 else "mono"
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, round(starts_s * rate), Fraction(1, rate)
    codec = codec or CODECS[path.suffix]
    with av.open(str(path), "w", options=dict(options or {})) as container:
        pictures = _add_video(container) if video else None
        audio = container.add_stream(codec, rate=48_000 if codec == "libopus" else rate, layout=layout)
        assert isinstance(audio, AudioStream)
        if pictures:
            _write_pictures(container, pictures, 1 + starts_s + len(samples) / rate)
        form = audio.codec_context
        for later_s in (0.0,) if again_s is None else (0.0, again_s):
            resampler = av.AudioResampler(form.format, layout, form.sample_rate, frame_size=form.frame_size or 1_024)
            frame.pts = round((starts_s + later_s) * rate)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(audio.encode(piece))
        container.mux(audio.encode())
    return path


def video_without_audio(path: Path, seconds: float = 2) -> Path:
    """Write a file with only a video stream."""
    with av.open(str(path), "w") as container:
        _write_pictures(container, _add_video(container), seconds)
    return path


def truncate(path: Path, share: float = 0.5) -> Path:
    """Remove the end of a file, as a full disk or a lost connection does."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    return path


def _add_video(container: OutputContainer) -> av.VideoStream:
    video = container.add_stream("mpeg4" if container.format.name == "mp4" else "libvpx", rate=5)
    video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
    return video


def _write_pictures(container: OutputContainer, video: av.VideoStream, seconds: float) -> None:
    for _ in range(round(seconds * 5)):
        container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
    container.mux(video.encode())
