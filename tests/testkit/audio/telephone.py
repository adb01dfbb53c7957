"""Speech as telephone networks carry it: 8 kHz, mu-law (ITU-T G.711)."""

import av
import numpy as np
from numpy.typing import NDArray

_BIAS, _CLIP = 132, 32_635


def at_8_khz(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """[n] at 16 kHz as [m] at 8 kHz."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None, :], format="s16", layout="mono")
    frame.sample_rate = 16_000
    resampler = av.AudioResampler(format="s16", layout="mono", rate=8_000)
    return np.concatenate([out.to_ndarray().ravel() for one in (frame, None) for out in resampler.resample(one)])


def mulaw(pcm: NDArray[np.int16]) -> bytes:
    """[n] at 16 kHz as mu-law of 8 kHz."""
    samples = at_8_khz(pcm).astype(np.int32)
    magnitude = np.minimum(np.abs(samples), _CLIP) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    return bytes((~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8))
