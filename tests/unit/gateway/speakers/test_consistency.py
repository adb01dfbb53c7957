"""The similarity of the windows of an enrolment."""

import pytest

from gateway.speakers.consistency import MAX_COMPARED, MIN_WINDOW_SIMILARITY, window_similarity
from tests.testkit.streams.voices import voice


def test_windows_of_one_voice_are_similar_and_those_of_two_are_not() -> None:
    one = [[voice(7, 0.5, seed=n) for n in range(6)]]
    two = [[voice(speaker, 0.5, seed=n) for n, speaker in enumerate((7, 7, 8, 8, 7, 7))]]
    alike, different = window_similarity(one), window_similarity(two)
    assert alike is not None
    assert different is not None
    assert alike > MIN_WINDOW_SIMILARITY > different


def test_all_samples_count_and_different_samples_are_not_compared() -> None:
    samples = [[voice(speaker)] * 4 for speaker in (7, 8)]
    assert window_similarity(samples) == pytest.approx(1.0)
    assert window_similarity([samples[0], [voice(7), voice(8)]]) == pytest.approx(
        (1.0 + float(voice(7) @ voice(8))) / 2, abs=1e-6
    )


def test_windows_of_a_long_sample_are_compared_in_groups_so_that_its_length_does_not_matter() -> None:
    group = [voice(7)] * (MAX_COMPARED - 1) + [voice(8)]
    assert window_similarity([group * 3]) == pytest.approx(window_similarity([group]))
    steady = [voice(7)] * (2 * MAX_COMPARED) + [voice(8)]
    assert window_similarity([steady]) == pytest.approx((2.0 + float(voice(7) @ voice(8))) / 3, abs=1e-6)


def test_without_windows_there_is_no_similarity() -> None:
    assert window_similarity([]) is None
    assert window_similarity([[], [voice(7)]]) is None
