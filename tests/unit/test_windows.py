"""Windows hold their audio with a margin, and batches lose nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_worker.windows import FRAMES_PER_SECOND, MARGIN_SECONDS, WINDOWS, batches, window


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [(0.0, 1000), (7.0, 1000), (7.01, 1500), (12.0, 1500), (21.9, 2500), (27.0, 3000), (30, 3000)],
)
def test_a_window_is_the_smallest_that_leaves_three_seconds_of_silence(seconds: float, frames: int) -> None:
    assert window(seconds) == frames


@given(st.floats(0, 30 - MARGIN_SECONDS))
def test_a_window_holds_the_audio_and_its_margin_and_no_smaller_one_does(seconds: float) -> None:
    frames = window(seconds)
    needed = (seconds + MARGIN_SECONDS) * FRAMES_PER_SECOND
    assert frames in WINDOWS
    assert frames >= needed
    assert all(smaller < needed for smaller in WINDOWS if smaller < frames)


def test_the_longest_window_takes_audio_up_to_its_whole_length() -> None:
    assert window(29.9) == WINDOWS[-1]
    with pytest.raises(ValueError, match=r"30\.1 s of audio"):
        window(30.1)


@given(st.lists(st.integers(0, 3)), st.integers(1, 5))
def test_every_place_is_in_one_batch_and_a_batch_has_one_layout(layouts: list[int], most: int) -> None:
    planned = batches(layouts, most)
    assert sorted(place for batch in planned for place in batch) == list(range(len(layouts)))
    for batch in planned:
        assert 1 <= len(batch) <= most
        assert batch == sorted(batch)
        assert len({layouts[place] for place in batch}) == 1


def test_batches_are_as_few_as_the_layouts_allow() -> None:
    assert batches(["a", "b", "a", "a", "b"], 2) == [[0, 2], [3], [1, 4]]
