"""Speech as telephone networks carry it: 8 kHz, mu-law (ITU-T G.711)."""

import numpy as np
from numpy.typing import NDArray

from backend.audio.g711 import to_mulaw
from backend.audio.resampler import Resampler


def at_8_khz(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """[n] at 16 kHz as [m] at 8 kHz."""
    resampler = Resampler(16_000, 8_000)
    return np.concatenate([resampler.resample(pcm.astype(np.float32) / np.float32(32_768)), resampler.flush()])


def mulaw(pcm: NDArray[np.int16]) -> bytes:
    """[n] at 16 kHz as mu-law of 8 kHz."""
    return to_mulaw(at_8_khz(pcm))
