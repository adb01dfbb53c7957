"""Removes noise from speech: GTCRN.

Rong and others, "GTCRN: A Speech Enhancement Model Requiring Ultralow Computational Resources", 2024. The model reads
one spectrum after the other and returns its state, which it needs with the next one. The dimensions of its inputs are
fixed, so it cannot process several pieces of audio, or several spectra, in one call.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.errors import ModelError
from stt_worker.noise.spectra import FREQUENCIES, to_samples, to_spectra
from stt_worker.onnx_session import open_onnx

# The state before the first spectrum is zero: inputs, their shapes, and the outputs for the next call.
_STATE = {"conv_cache": (2, 1, 16, 16, 33), "tra_cache": (2, 3, 1, 1, 16), "inter_cache": (2, 1, 33, 16)}
_OUTPUTS = ("enh", *(f"{name}_out" for name in _STATE))


class Gtcrn:
    """GTCRN on the CPU, with one thread for each call. Calls from several threads are safe."""

    def __init__(self, file: Path) -> None:
        """Load the model. Raises ModelError if it cannot be loaded, or is another model."""
        self._session = open_onnx(file)
        shapes = {one.name: tuple(one.shape) for one in self._session.get_inputs()}
        if shapes != {"mix": (1, FREQUENCIES, 1, 2), **_STATE}:
            raise ModelError(f"{file} is not the streaming model of GTCRN: its inputs are {shapes}")

    def denoise(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """This audio [n], 16 kHz, with less noise, at the same times."""
        if not len(samples):
            return samples
        spectra = to_spectra(samples)
        parts = np.stack([spectra.real, spectra.imag], axis=-1)
        state = {name: np.zeros(shape, np.float32) for name, shape in _STATE.items()}
        clean = np.empty_like(spectra)
        for i, part in enumerate(parts):
            spectrum, *after = self._session.run(_OUTPUTS, {"mix": part[np.newaxis, :, np.newaxis], **state})
            state = dict(zip(_STATE, after, strict=True))
            clean[i] = spectrum[0, :, 0, 0] + 1j * spectrum[0, :, 0, 1]
        return to_samples(clean, len(samples))
