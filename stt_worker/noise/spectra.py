"""Divides audio into the spectra that the noise model reads, and joins its spectra to audio. Pure.

Frames of 32 ms at 16 kHz overlap by half. The window is the square root of a periodic Hann window in both directions,
so the products of the two add up to 1, and spectra that are not changed give the same audio.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

# Samples of a frame and of the step between frames, and the frequencies of a spectrum.
FRAME, STEP = 512, 256
FREQUENCIES = FRAME // 2 + 1


def to_spectra(samples: NDArray[np.float32]) -> NDArray[np.complex64]:
    """The spectra [frames, 257] of audio [n], at least one sample. It is mirrored at both ends, as in training."""
    whole_steps = np.pad(samples, (0, -len(samples) % STEP))
    mirrored = np.pad(whole_steps, FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, FRAME)[::STEP]
    spectra: NDArray[np.complex64] = np.fft.rfft(frames * _window()).astype(np.complex64)
    return spectra


def to_samples(spectra: NDArray[np.complex64], count: int) -> NDArray[np.float32]:
    """The first `count` samples of the audio with these spectra [frames, 257]."""
    frames = (np.fft.irfft(spectra, FRAME) * _window()).astype(np.float32)
    joined = np.zeros((len(frames) + 1) * STEP, np.float32)
    joined[:-STEP] += frames[:, :STEP].ravel()
    joined[STEP:] += frames[:, STEP:].ravel()
    return joined[FRAME // 2 :][:count]


@cache
def _window() -> NDArray[np.float32]:
    return np.sqrt(np.hanning(FRAME + 1)[:-1]).astype(np.float32)
