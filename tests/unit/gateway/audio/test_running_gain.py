"""The gain for quiet audio, on synthetic signals of known level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.audio.running_gain import MAX_GAIN_DB, TARGET_DB, RunningGain, levels_db

FULL_SCALE = 32_768
Windows = NDArray[np.int16]


def noise(decibels: float, count: int) -> Windows:
    """[count, 512] windows of white noise with this RMS."""
    deviation = FULL_SCALE * 10 ** (decibels / 20)
    return np.random.default_rng(1).normal(0, deviation, (count, 512)).round().astype(np.int16)


def words(decibels: float, pause_db: float, count: int = 6) -> Windows:
    """Bursts of 0.4 s with pauses of 0.4 s between them, like words over a noise floor."""
    return np.concatenate([noise(level, 12) for _ in range(count) for level in (pause_db, decibels)])


def gains_db(windows: Windows) -> NDArray[np.float64]:
    gains: NDArray[np.float64] = 20 * np.log10(RunningGain().factors(windows, levels_db(windows)))
    return gains


@pytest.mark.parametrize("decibels", [-36, -46, -56, -60, -66])
def test_quiet_words_reach_the_target_within_their_first_windows(decibels: float) -> None:
    windows = words(decibels, decibels - 15)
    amplified = levels_db(windows) + gains_db(windows)
    for start in range(12, len(windows), 24):
        np.testing.assert_allclose(amplified[start : start + 12], TARGET_DB, atol=1.5)


@pytest.mark.parametrize("decibels", [-6, -16, -25])
def test_words_of_normal_level_stay_unchanged(decibels: float) -> None:
    spoken = gains_db(words(decibels, decibels - 20))[12:]
    assert spoken[:12].tolist() == [0] * 12


@pytest.mark.parametrize("decibels", [-90, -70, -50, -30])
def test_constant_noise_is_not_amplified_after_its_beginning(decibels: float) -> None:
    assert not gains_db(noise(decibels, 400))[100:].any()


def test_digital_silence_is_not_amplified() -> None:
    assert not gains_db(np.zeros((300, 512), np.int16)).any()


def test_a_constant_offset_does_not_count_as_level() -> None:
    windows = words(-56, -70)
    np.testing.assert_allclose(levels_db(windows + np.int16(3_000)), levels_db(windows), atol=0.5)


def test_a_click_does_not_change_the_gain_of_the_words_after_it() -> None:
    windows = words(-56, -70)
    clicked = windows.copy()
    clicked[60, 100:110] = 30_000
    gains = gains_db(clicked)
    np.testing.assert_allclose(gains[61:72], gains_db(windows)[61:72], atol=1)
    assert gains[60] < 1


@given(st.floats(-80, 0), st.floats(1, 60))
def test_amplified_audio_is_never_clipped(decibels: float, depth: float) -> None:
    windows = words(decibels, decibels - depth, count=2).clip(-29_000, 29_000).astype(np.int16)
    gains = np.array(RunningGain().factors(windows, levels_db(windows)))
    assert (gains >= 1).all()
    assert (gains <= 10 ** (MAX_GAIN_DB / 20) * 1.001).all()
    assert np.abs(windows * gains[:, np.newaxis]).max() <= 29_001


@given(st.lists(st.integers(0, 60), max_size=10))
def test_the_gain_does_not_depend_on_how_the_audio_is_split(sizes: list[int]) -> None:
    windows, gain, at, parts = words(-50, -62), RunningGain(), 0, []
    for size in [*sizes, len(words(-50, -62))]:
        part = windows[at : at + size]
        parts.append(gain.factors(part, levels_db(part)))
        at += size
    np.testing.assert_allclose(np.concatenate(parts), RunningGain().factors(windows, levels_db(windows)), rtol=1e-5)
