"""Converts decoded frames of any layout, sample format and rate to 16 kHz."""

from collections.abc import Sequence

import av
import numpy as np

from backend.audio.downmix import Channels, Downmixer, Waveform, channel_weights, replace_non_finite
from backend.audio.resampler import Resampler, Samples


class FrameConverter:
    """Converts one stream. Its layout, format and rate may change, as they do in recorded broadcasts.

    Samples that are not numbers become silence. All channels are mixed to one, except those that cancel each other.
    With `channels`, as many channels of the stream stay apart; those that it does not have are silent.
    """

    def __init__(self, channels: int | None = None) -> None:
        self._separate = channels
        self._form: tuple[str, str, int] | None = None

    def convert(self, frame: av.AudioFrame) -> bytes:
        """The s16le samples that this frame completes, interleaved if there are several channels."""
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
        pieces = [replace_non_finite(piece).clip(-1, 1).reshape(-1, self._channels) for piece in packed]
        return rest + b"".join(map(self._resample, pieces))

    def flush(self) -> bytes:
        """The samples that are still in the filters."""
        return _interleaved([resampler.flush() for resampler in self._resamplers]) if self._form else b""

    def _open(self, frame: av.AudioFrame) -> None:
        names = [channel.name for channel in frame.layout.channels]
        self._channels = len(names)
        self._to_float = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
        self._downmixer = Downmixer(frame.sample_rate, channel_weights(names))
        self._resamplers = [Resampler(frame.sample_rate) for _ in range(self._separate or 1)]

    def _resample(self, piece: Channels) -> bytes:
        waveforms = zip(self._resamplers, self._waveforms(piece), strict=True)
        return _interleaved([resampler.resample(waveform) for resampler, waveform in waveforms])

    def _waveforms(self, piece: Channels) -> list[Waveform]:
        if self._separate is None:
            return [self._downmixer.mix(piece) if self._channels > 1 else piece[:, 0]]
        silence = np.zeros(len(piece), np.float32)
        return [piece[:, n].copy() if n < self._channels else silence for n in range(self._separate)]


def _interleaved(channels: Sequence[Samples]) -> bytes:
    return channels[0].tobytes() if len(channels) == 1 else np.stack(channels, axis=1).tobytes()
