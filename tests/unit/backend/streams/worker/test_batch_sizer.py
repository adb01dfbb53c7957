"""A worker takes as much at once as its budget allows, and more only while the lane is full."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.streams.worker.batch_sizer import BatchSizer


def test_what_is_not_known_yet_is_tried_one_at_a_time() -> None:
    assert BatchSizer(8, 0.6).count == 1


def test_a_batch_takes_about_what_the_budget_allows() -> None:
    appetite = BatchSizer(8, 0.6)
    appetite.took(0.2, 1)
    appetite.found(1)
    assert appetite.count == 3


def test_an_entry_that_takes_longer_than_the_budget_is_taken_alone() -> None:
    appetite = BatchSizer(8, 0.6)
    appetite.took(5.0, 1)
    assert appetite.count == 1


def test_batches_grow_while_the_lane_is_full_and_shrink_at_once_when_it_is_not() -> None:
    appetite = BatchSizer(8, 0.6)
    appetite.took(0.6, 1)
    counts = []
    for _ in range(5):
        counts.append(appetite.count)
        appetite.found(appetite.count)
    assert counts == [1, 2, 4, 8, 8]
    appetite.found(3)
    assert appetite.count == 1


@given(
    st.integers(1, 64),
    st.floats(0.01, 5),
    st.lists(st.tuples(st.floats(0.0001, 10), st.integers(1, 64), st.integers(0, 64))),
)
def test_it_is_always_at_least_one_and_never_more_than_allowed(
    most: int, budget_s: float, history: list[tuple[float, int, int]]
) -> None:
    appetite = BatchSizer(most, budget_s)
    for seconds, count, found in history:
        appetite.took(seconds, count)
        appetite.found(found)
        assert 1 <= appetite.count <= most
