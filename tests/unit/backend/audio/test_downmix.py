"""No mix cancels speech that its channels contain, and nothing else is changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.audio.downmix import Downmixer, channel_weights, replace_non_finite

RATE = 16_000
STEREO = [0.5, 0.5]
# The part of a stream in which the mixer has not yet decided.
BEGIN = RATE // 10


def speech(seconds: float = 2.0, seed: int = 1) -> NDArray[np.float32]:
    """[n] noise that swells and fades four times a second, as syllables do."""
    noise = np.random.default_rng(seed).normal(0, 0.1, int(seconds * RATE))
    swell = np.sin(2 * np.pi * 2 * np.arange(len(noise)) / RATE) ** 2
    return np.asarray(noise * swell, np.float32)


def mix(*channels: NDArray[np.float32], weights: list[float] | None = None) -> NDArray[np.float32]:
    return Downmixer(RATE, weights or STEREO).mix(np.stack(channels, axis=1))


def energy(waveform: NDArray[np.float32]) -> float:
    return float(np.square(waveform[BEGIN:], dtype=np.float64).mean())


def residue(mixed: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """Energy of what is not the wanted signal, relative to it."""
    gain = float(mixed[BEGIN:] @ wanted[BEGIN:]) / float(wanted[BEGIN:] @ wanted[BEGIN:])
    return energy((mixed - gain * wanted).astype(np.float32)) / energy((gain * wanted).astype(np.float32))


@settings(max_examples=40)
@given(
    polarities=st.lists(st.sampled_from([1, -1]), min_size=2, max_size=6),
    gains=st.lists(st.floats(0.5, 1.0), min_size=6, max_size=6),
    seed=st.integers(0, 99),
)
def test_speech_of_any_polarity_is_at_least_as_loud_as_independent_channels_in_a_mean(
    polarities: list[int], gains: list[float], seed: int
) -> None:
    voice = speech(seed=seed)
    channels = [np.float32(sign * gain) * voice for sign, gain in zip(polarities, gains, strict=False)]
    mixed = mix(*channels, weights=[1 / len(channels)] * len(channels))
    assert energy(mixed) > 0.45 * sum(map(energy, channels)) / len(channels) ** 2
    assert residue(mixed, voice) < 0.1


def test_a_voice_inverted_between_channels_is_kept_in_a_mix_with_another_sound() -> None:
    voice, music = speech(seed=1), 0.4 * speech(seed=2)
    mixed = mix(voice + music, music - voice)
    assert residue(mixed, voice) < 0.3


def test_equal_and_independent_channels_are_averaged() -> None:
    left, right = speech(seed=1), speech(seed=2)
    np.testing.assert_allclose(mix(left, left), left, atol=1e-6)
    np.testing.assert_allclose(mix(left, right), (left + right) / 2, atol=1e-6)
    np.testing.assert_allclose(mix(left, 0 * left), left / 2, atol=1e-6)


def test_a_second_speaker_in_the_other_channel_is_kept_after_inverted_speech() -> None:
    first, second = speech(seed=1), speech(seed=2)
    left, right = np.concatenate([first, 0 * second]), np.concatenate([-first, second])
    mixed = mix(left, right)
    assert energy(mixed[len(first) + RATE // 2 :]) > 0.1 * energy(second[RATE // 2 :])


def test_a_channel_that_becomes_inverted_is_noticed_without_a_click() -> None:
    time = np.arange(2 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    mixed = mix(tone, np.where(time < 1, tone, -tone).astype(np.float32))
    steps = np.abs(np.diff(mixed))
    assert energy(mixed[RATE:]) > 0.9 * energy(tone)
    # The input itself jumps where it is inverted, which is not the mixer's doing.
    assert np.delete(steps, RATE - 1).max() < 1.1 * np.abs(np.diff(tone)).max()


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3_000), max_size=20), st.booleans())
def test_the_result_does_not_depend_on_how_the_stream_is_split(sizes: list[int], invert: bool) -> None:
    voice = speech(1.0)
    channels = np.stack([voice, -voice if invert else speech(1.0, seed=2)], axis=1)
    mixer, at, pieces = Downmixer(RATE, STEREO), 0, []
    for size in [*sizes, len(channels)]:
        pieces.append(mixer.mix(channels[at : at + size]))
        at += size
    np.testing.assert_allclose(np.concatenate(pieces), Downmixer(RATE, STEREO).mix(channels), atol=1e-6)


def test_silence_stays_silence() -> None:
    assert not mix(np.zeros(RATE, np.float32), np.zeros(RATE, np.float32)).any()


@pytest.mark.parametrize(
    ("names", "loudest"),
    [(["FL", "FR"], 0), (["FL", "FR", "FC", "LFE", "BL", "BR"], 2), (["LFE"], 0), (["UNSD1", "UNSD2", "UNSD3"], 0)],
)
def test_weights_sum_to_one_and_favour_the_centre(names: list[str], loudest: int) -> None:
    weights = channel_weights(names)
    assert sum(weights) == pytest.approx(1)
    assert int(np.argmax(weights)) == loudest


@given(st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=50))
def test_what_is_not_a_number_becomes_silence_and_the_rest_is_kept(values: list[float]) -> None:
    waveform = np.array(values, np.float32)
    cleaned = replace_non_finite(waveform)
    finite = np.isfinite(waveform)
    assert np.array_equal(cleaned[finite], waveform[finite])
    assert not cleaned[~finite].any()
