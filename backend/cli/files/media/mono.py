"""Converts decoded frames of any layout, sample format and rate to 16 kHz mono."""

import av
import numpy as np

from backend.audio.downmix import Downmixer, channel_weights, replace_non_finite
from backend.audio.resampler import Resampler


class MonoConverter:
    """Converts one stream. Its layout, format and rate may change, as they do in recorded broadcasts.

    Samples that are not numbers become silence, and channels that cancel each other are not mixed.
    """

    def __init__(self) -> None:
        self._form: tuple[str, str, int] | None = None

    def convert(self, frame: av.AudioFrame) -> bytes:
        """The s16le samples that this frame completes."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        rest = b""
        if form != self._form:
            rest = self.flush()
            self._form = form
            self._open(frame)
        # Times are counted elsewhere, and this converter would reject those of damaged files.
        frame.pts = None
        # Packed, because PyAV miscounts the planes of eight channels.
        packed = [piece.to_ndarray().astype(np.float32, copy=False) for piece in self._to_float.resample(frame)]
        channels = [replace_non_finite(piece).clip(-1, 1).reshape(-1, self._channels) for piece in packed]
        mono = [self._downmixer.mix(piece) if self._channels > 1 else piece[:, 0] for piece in channels]
        return rest + b"".join(self._resampler.resample(piece).tobytes() for piece in mono)

    def flush(self) -> bytes:
        """The samples that are still in the filters."""
        return self._resampler.flush().tobytes() if self._form else b""

    def _open(self, frame: av.AudioFrame) -> None:
        names = [channel.name for channel in frame.layout.channels]
        self._channels = len(names)
        self._to_float = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
        self._downmixer = Downmixer(frame.sample_rate, channel_weights(names))
        self._resampler = Resampler(frame.sample_rate)
