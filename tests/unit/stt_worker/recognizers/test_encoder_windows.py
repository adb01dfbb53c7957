"""Windows hold their audio with a margin, and every piece of audio is in one batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_worker.recognizers.encoder_windows import FRAMES_PER_SECOND, LONGEST, EncoderWindows, group_batches

RULES = st.one_of(
    st.just(EncoderWindows()), st.builds(EncoderWindows, st.integers(1, 30), st.integers(1, 30), st.floats(0, 10))
)


@pytest.mark.parametrize(
    ("seconds", "frames"), [(0.0, 800), (4.0, 800), (4.01, 1000), (8.0, 1200), (21.9, 2600), (25.0, 3000), (30, 3000)]
)
def test_the_smallest_window_with_four_seconds_of_silence_is_chosen(seconds: float, frames: int) -> None:
    assert EncoderWindows().fit(seconds) == frames


@given(RULES, st.floats(0, 30), st.floats(0, 10))
def test_no_smaller_window_holds_the_audio_and_its_margin(rule: EncoderWindows, seconds: float, more_s: float) -> None:
    frames = rule.fit(seconds, more_s)
    needed = (seconds + rule.margin_s + more_s) * FRAMES_PER_SECOND
    assert frames in rule.sizes
    assert frames >= needed or frames == LONGEST
    assert all(smaller < needed for smaller in rule.sizes if smaller < frames)


@given(RULES)
def test_the_longest_window_holds_audio_up_to_its_full_length(rule: EncoderWindows) -> None:
    assert list(rule.sizes) == sorted(set(rule.sizes))
    assert rule.fit(29.9) == rule.sizes[-1] == LONGEST
    with pytest.raises(ValueError, match=r"30\.1 s of audio"):
        rule.fit(30.1)


def test_windows_are_parsed_from_a_setting() -> None:
    assert EncoderWindows.parse("6,2,2.5") == EncoderWindows(6, 2, 2.5)
    assert EncoderWindows.parse("auto") == EncoderWindows()
    for nonsense in ("0,5,3", "31,5,3", "10,0,3", "10,5", "ten,5,3"):
        with pytest.raises(ValueError, match="does not describe encoder windows"):
            EncoderWindows.parse(nonsense)


@given(st.lists(st.integers(0, 3)), st.integers(1, 5))
def test_every_index_is_in_one_batch_and_a_batch_has_one_layout(layouts: list[int], most: int) -> None:
    planned = group_batches(layouts, most)
    assert sorted(place for batch in planned for place in batch) == list(range(len(layouts)))
    for batch in planned:
        assert 1 <= len(batch) <= most
        assert batch == sorted(batch)
        assert len({layouts[place] for place in batch}) == 1


def test_batches_are_as_few_as_the_layouts_allow() -> None:
    assert group_batches(["a", "b", "a", "a", "b"], 2) == [[0, 2], [3], [1, 4]]
