"""Batches fit into a time budget, and grow only while the stream is full."""

from hypothesis import given
from hypothesis import strategies as st

from backend.streams.worker.batch_sizer import BatchSizer


def test_entries_of_unknown_cost_are_taken_one_at_a_time() -> None:
    assert BatchSizer(8, 0.6).size == 1


def test_a_batch_fits_into_the_time_budget() -> None:
    sizer = BatchSizer(8, 0.6)
    sizer.record_duration(0.2, 1)
    sizer.record_read(1)
    assert sizer.size == 3


def test_an_entry_that_exceeds_the_budget_is_taken_alone() -> None:
    sizer = BatchSizer(8, 0.6)
    sizer.record_duration(5.0, 1)
    assert sizer.size == 1


def test_batches_grow_while_the_stream_is_full_and_shrink_at_once_afterwards() -> None:
    sizer = BatchSizer(8, 0.6)
    sizer.record_duration(0.6, 1)
    counts = []
    for _ in range(5):
        counts.append(sizer.size)
        sizer.record_read(sizer.size)
    assert counts == [1, 2, 4, 8, 8]
    sizer.record_read(3)
    assert sizer.size == 1


@given(
    st.integers(1, 64),
    st.floats(0.01, 5),
    st.lists(st.tuples(st.floats(0.0001, 10), st.integers(1, 64), st.integers(0, 64))),
)
def test_the_size_is_between_one_and_the_maximum(
    most: int, budget_s: float, history: list[tuple[float, int, int]]
) -> None:
    sizer = BatchSizer(most, budget_s)
    for seconds, count, found in history:
        sizer.record_duration(seconds, count)
        sizer.record_read(found)
        assert 1 <= sizer.size <= most
