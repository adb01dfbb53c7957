"""Batches fit into a time budget, and grow only while the stream is full."""

from hypothesis import given
from hypothesis import strategies as st

from backend.streams.worker.batch_sizer import BatchSizer, RecordingSizer


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


def sizes_with(seconds: list[float]) -> list[int]:
    """Sizes of successive batches of a model that takes `seconds[n - 1]` for n entries."""
    sizer, sizes = RecordingSizer(8, 0.6), []
    for _ in range(6):
        sizes.append(sizer.size)
        sizer.record_duration(seconds[sizer.size - 1], sizer.size)
    return sizes


def test_batches_of_recordings_grow_if_they_take_hardly_longer_than_an_entry() -> None:
    gpu = [1.0 + 0.05 * n for n in range(8)]
    assert sizes_with(gpu) == [1, 2, 4, 8, 8, 8]


def test_batches_of_recordings_stay_small_where_their_time_grows_with_their_size() -> None:
    cpu = [1.0 * (n + 1) for n in range(8)]
    assert sizes_with(cpu) == [1, 2, 1, 2, 1, 2]


def test_batches_of_recordings_use_the_time_budget() -> None:
    assert sizes_with([0.1 * (n + 1) for n in range(8)]) == [1, 2, 4, 8, 4, 8]


@given(st.integers(1, 64), st.lists(st.tuples(st.floats(0.0001, 10), st.integers(1, 64))))
def test_the_size_of_batches_of_recordings_is_between_one_and_the_maximum(
    most: int, history: list[tuple[float, int]]
) -> None:
    sizer = RecordingSizer(most, 0.6)
    for seconds, count in history:
        sizer.record_duration(seconds, min(count, most))
        assert 1 <= sizer.size <= most
