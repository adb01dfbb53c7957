"""Describes voices as vectors, so that utterances of one speaker can be found: CAM++.

Wang and others, "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware Masking", 2023. Any
ONNX model works that takes Kaldi's filter bank features [1, frames, 80] and returns one vector.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.onnx_session import open_onnx

# Samples of a frame and of the step between frames, and the size of its Fourier transform.
FRAME, STEP, FFT = 400, 160, 512
BANDS, LOWEST_HZ = 80, 20.0
_PREEMPHASIS = np.float32(0.97)
# Longer audio describes a voice no better, and the model's time grows with it.
MAX_SECONDS = 10


class VoiceModel:
    """A model of voices on the CPU, with one thread for each call. Calls from several threads are safe."""

    def __init__(self, file: Path) -> None:
        """Load the model. Raises ModelError if it cannot be loaded."""
        self._session = open_onnx(file)
        self._input = self._session.get_inputs()[0].name

    def embedding(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The voice in this audio [n], 16 kHz, at least one frame, as a vector of length 1."""
        features = filter_bank(samples)
        features -= features.mean(axis=0)
        (vectors,) = self._session.run(None, {self._input: features[np.newaxis]})
        vector: NDArray[np.float32] = vectors[0] / max(float(np.linalg.norm(vectors[0])), 1e-9)
        return vector


def filter_bank(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log mel features [frames, 80] as Kaldi computes them by default, without dither."""
    frames = np.lib.stride_tricks.sliding_window_view(samples * np.float32(32_768), FRAME)[::STEP].copy()
    frames -= frames.mean(axis=1, keepdims=True)
    frames -= _PREEMPHASIS * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectrum = np.fft.rfft(frames * _povey_window(), FFT)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    energies: NDArray[np.float32] = power @ _mel_weights()
    return np.log(np.maximum(energies, np.finfo(np.float32).eps))


@cache
def _povey_window() -> NDArray[np.float32]:
    return (np.hanning(FRAME) ** 0.85).astype(np.float32)


@cache
def _mel_weights() -> NDArray[np.float32]:
    """Weights [257, 80] of triangles that have the same width on the mel scale."""
    edges = np.linspace(_mel(LOWEST_HZ), _mel(SAMPLE_RATE / 2), BANDS + 2)
    bins = _mel(np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT)[:, np.newaxis]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    weights[-1] = 0.0  # Kaldi leaves out the highest frequency
    return weights


def _mel(hertz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1127.0 * np.log1p(np.asarray(hertz) / 700.0))
