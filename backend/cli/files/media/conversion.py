"""Converts decoded frames of any layout, sample format and rate to 16 kHz."""

from collections.abc import Sequence

import av
import numpy as np

from backend.audio.downmix import Channels, Downmixer, Waveform, channel_weights, replace_non_finite
from backend.audio.resampler import Resampler, Samples


class FrameConverter:
    """Converts one stream, in pieces of 250 ms. Its layout, format and rate may change, as in recorded broadcasts.

    Samples that are not numbers become silence. All channels are mixed to one, except those that cancel each other.
    With `channels`, as many channels of the stream stay apart; those that it does not have are silent.
    """

    def __init__(self, channels: int | None = None) -> None:
        self._separate = channels
        self._form: tuple[str, str, int] | None = None

    def convert(self, frame: av.AudioFrame) -> bytes:
        """The pieces that this frame completes: s16le, interleaved if there are several channels."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        rest = b""
        if form != self._form:
            rest = self.flush()
            self._form = form
            self._open(frame)
        # Times are counted elsewhere, and this converter would reject those of damaged files.
        frame.pts = None
        return rest + self._convert(frame)

    def drain(self) -> bytes:
        """The samples that wait for the end of a piece. The filters continue with the next frame."""
        if not self._form:
            return b""
        rest = self._convert(None)
        self._to_float = self._pieces()
        return rest

    def flush(self) -> bytes:
        """The rest of the samples. The next frame begins a new stream."""
        if not self._form:
            return b""
        self._form = None
        return self._convert(None) + _interleaved([resampler.flush() for resampler in self._resamplers])

    def _convert(self, frame: av.AudioFrame | None) -> bytes:
        # Packed, because PyAV miscounts the planes of eight channels.
        packed = [piece.to_ndarray().astype(np.float32, copy=False) for piece in self._to_float.resample(frame)]
        pieces = [replace_non_finite(piece).clip(-1, 1).reshape(-1, self._channels) for piece in packed]
        return b"".join(map(self._resample, pieces))

    def _open(self, frame: av.AudioFrame) -> None:
        names = [channel.name for channel in frame.layout.channels]
        self._channels = len(names)
        self._layout, self._rate = frame.layout, frame.sample_rate
        self._to_float = self._pieces()
        self._downmixer = Downmixer(frame.sample_rate, channel_weights(names))
        self._resamplers = [Resampler(frame.sample_rate) for _ in range(self._separate or 1)]

    def _pieces(self) -> av.AudioResampler:
        # A frame may have only 20 ms, and numpy takes as long for it as for a whole piece.
        return av.AudioResampler("flt", self._layout, self._rate, frame_size=self._rate // 4)

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
