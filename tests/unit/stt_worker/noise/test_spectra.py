"""The spectra of noise reduction, compared with the definition of the transform."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stt_worker.noise.spectra import FRAME, FREQUENCIES, STEP, to_samples, to_spectra


def noise(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, count).astype(np.float32)


def by_definition(frame: NDArray[np.float32]) -> NDArray[np.complex128]:
    """The Fourier transform of a frame, as sums, with the square root of a periodic Hann window: a sine."""
    n, k = np.arange(FRAME), np.arange(FREQUENCIES)
    windowed = frame * np.sin(np.pi * n / FRAME)
    spectrum: NDArray[np.complex128] = windowed @ np.exp(-2j * np.pi * np.outer(n, k) / FRAME)
    return spectrum


def test_a_spectrum_is_the_fourier_transform_of_a_windowed_frame() -> None:
    samples = noise(4 * STEP)
    spectra = to_spectra(samples)
    assert spectra.shape == (5, FREQUENCIES)
    assert np.allclose(spectra[2], by_definition(samples[STEP : STEP + FRAME]), atol=1e-4)
    mirrored = np.concatenate([samples[STEP:0:-1], samples[:STEP]])
    assert np.allclose(spectra[0], by_definition(mirrored), atol=1e-4)


@given(st.integers(1, 3_000), st.integers(0, 9))
def test_spectra_that_are_not_changed_give_the_same_audio(count: int, seed: int) -> None:
    samples = noise(count, seed)
    again = to_samples(to_spectra(samples), count)
    assert again.dtype == np.float32
    assert again.shape == samples.shape
    assert np.allclose(again, samples, atol=1e-5)


@pytest.mark.parametrize("place", [0, 1, 255, 256, 700, 1_023])
def test_a_sample_stays_at_its_time(place: int) -> None:
    samples = np.zeros(1_024, np.float32)
    samples[place] = 1.0
    assert int(np.argmax(to_samples(to_spectra(samples), 1_024))) == place
