from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_worker.recognizers.pytorch.alignment import attention_path, cheapest_path, median_filter


def total_cost(costs: np.ndarray, path: list[tuple[int, int]]) -> float:
    return float(sum(costs[cell] for cell in path))


def cheapest_total(costs: np.ndarray) -> float:
    """The cost of the best path, by the recurrence that defines it."""
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    for i in range(rows):
        for j in range(columns):
            total[i + 1, j + 1] = costs[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    return float(total[-1, -1])


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_the_path_is_monotonic_and_the_cheapest(rows: int, columns: int, seed: int) -> None:
    costs = np.random.default_rng(seed).normal(size=(rows, columns))
    path = cheapest_path(costs)
    assert (path[0], path[-1]) == ((0, 0), (rows - 1, columns - 1))
    assert {(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(path)} <= {(0, 1), (1, 0), (1, 1)}
    assert total_cost(costs, path) == pytest.approx(cheapest_total(costs))


def test_tokens_are_placed_where_the_attention_is() -> None:
    spans = {0: (0, 2), 1: (2, 10), 2: (10, 25), 3: (25, 40)}
    weights = np.full((2, 4, 40), 1e-3, np.float32)
    for token, (start, end) in spans.items():
        weights[:, token, start:end] = 1.0
    path = attention_path(weights, range(1, 4), 3)
    starts = [min(frame for token, frame in path if token == number) for number in range(3)]
    assert starts[1:] == [10, 25]


def test_the_median_ignores_a_single_frame() -> None:
    values = np.zeros((1, 20), np.float32)
    values[0, 7] = 1.0
    values[0, 12:] = 2.0
    assert median_filter(values, 7)[0].tolist() == [0.0] * 12 + [2.0] * 8


def test_short_audio_is_not_filtered() -> None:
    values = np.array([[1.0, 5.0, 2.0]], np.float32)
    assert median_filter(values, 7) is values
