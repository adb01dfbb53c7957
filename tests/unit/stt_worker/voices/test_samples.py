"""An utterance, measured as a sample of a voice."""

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.voices.samples import MAX_WINDOWS, WINDOW, measure_sample


class LengthModel:
    """Describes audio by its length."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def embedding(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        self.lengths.append(len(samples))
        return np.array([1.0, 0.0], np.float32)


def noise(seconds: float) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32)


@pytest.mark.parametrize(("seconds", "windows"), [(1.4, 0), (1.5, 1), (3.0, 3), (6.0, 7), (60.0, MAX_WINDOWS)])
def test_windows_of_1_5_s_overlap_by_half(seconds: float, windows: int) -> None:
    model = LengthModel()
    sample = measure_sample(noise(seconds), model)
    assert sample is not None
    assert len(sample.windows) == windows
    assert model.lengths[len(model.lengths) - windows :] == [WINDOW] * windows


def test_pauses_are_in_no_window() -> None:
    silence = np.zeros(2 * SAMPLE_RATE, np.float32)
    with_pauses, without = LengthModel(), LengthModel()
    spoken = measure_sample(np.concatenate([noise(2.0), silence, noise(2.0), silence, noise(2.0)]), with_pauses)
    joined = measure_sample(noise(6.0), without)
    assert spoken is not None
    assert joined is not None
    assert len(spoken.windows) == len(joined.windows)


def test_audio_that_is_shorter_than_a_frame_is_no_sample() -> None:
    assert measure_sample(noise(0.01), LengthModel()) is None
