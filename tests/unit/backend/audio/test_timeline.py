"""Gaps become silence, jumps do not, and nothing else is inserted."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.audio.timeline import TOLERANCE_S, Timeline

PACKET_S = 0.02
MAX_GAP_S = 100.0


def begins(timeline: Timeline, times: list[float], position_s: float = 0.0) -> list[float]:
    """Where packets of 20 ms with these timestamps begin in the audio."""
    placed = []
    for time_s in times:
        position_s += timeline.gap_before(time_s, position_s)
        placed.append(position_s)
        position_s += PACKET_S
    return placed


@given(st.lists(st.sampled_from([0.0, 0.0, 0.15, 0.4, 8.0, 99.0]), min_size=1, max_size=50))
def test_every_packet_begins_at_its_timestamp(gaps: list[float]) -> None:
    times = list(accumulate(gaps[1:], lambda at, gap: at + PACKET_S + gap, initial=gaps[0]))
    assert begins(Timeline(MAX_GAP_S), times) == pytest.approx(times, abs=1e-6)


@given(st.lists(st.floats(-0.04, 0.04), min_size=1, max_size=200))
def test_jitter_of_timestamps_inserts_nothing(jitter: list[float]) -> None:
    times = [PACKET_S * count + error for count, error in enumerate(jitter)]
    assert begins(Timeline(MAX_GAP_S), times) == pytest.approx([PACKET_S * count for count in range(len(times))])


def test_a_slow_clock_is_corrected_by_small_steps() -> None:
    times = [PACKET_S * 1.001 * count for count in range(50_000)]
    late = [time - place for time, place in zip(times, begins(Timeline(MAX_GAP_S), times), strict=True)]
    assert max(late) <= TOLERANCE_S + PACKET_S


@given(st.sampled_from([-1e9, -3_600.0, -1.5, 101.0, 36_000.0, 1e12]), st.sampled_from([0.0, 0.5, 8.0]))
def test_after_a_jump_the_sound_continues_and_later_gaps_are_filled(jump: float, gap: float) -> None:
    times = [0.0, jump + PACKET_S, jump + 2 * PACKET_S, jump + 3 * PACKET_S + gap]
    assert begins(Timeline(MAX_GAP_S), times) == pytest.approx([0, 0.02, 0.04, 0.06 + gap], abs=1e-3)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=30))
def test_any_timestamps_insert_at_most_one_gap_for_each_packet(times: list[float]) -> None:
    timeline, position_s = Timeline(MAX_GAP_S), 0.0
    for time_s in times:
        gap_s = timeline.gap_before(time_s, position_s)
        assert 0 <= gap_s <= MAX_GAP_S
        position_s += gap_s + PACKET_S


def test_times_may_begin_anywhere_if_the_stream_does_not_begin_at_zero() -> None:
    assert begins(Timeline(MAX_GAP_S, None, position_s=5.0), [3_600.0, 3_601.0], 5.0) == pytest.approx([5.0, 6.0])


def test_a_second_stream_begins_at_the_end_of_the_first() -> None:
    assert begins(Timeline(MAX_GAP_S, position_s=5.0), [2.0, 2.02], 5.0) == pytest.approx([7.0, 7.02])
