"""Align tokens with audio by the attention of the decoder, as openai-whisper does (`whisper/timing.py`)."""

import numpy as np
from numpy.typing import NDArray


def attention_path(weights: NDArray[np.float32], aligned: range, width: int) -> list[tuple[int, int]]:
    """Return pairs of token and frame, from the attention [heads, tokens, frames] after the softmax.

    `aligned`: the tokens of the path, whose first has the number 0 there. The attention is normalized over all tokens.
    `width`: that of the median filter over frames, odd.
    """
    mean, deviation = weights.mean(axis=1, keepdims=True), weights.std(axis=1, keepdims=True)
    smooth = median_filter((weights - mean) / np.maximum(deviation, 1e-9), width)
    return cheapest_path(-smooth.mean(axis=0)[aligned.start : aligned.stop].astype(np.float64))


def median_filter(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """The median of `width` neighbours along the last axis. Short arrays are returned as they are."""
    half = width // 2
    if values.shape[-1] <= half:
        return values
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(half, half)], mode="reflect")
    filtered: NDArray[np.float32] = np.median(np.lib.stride_tricks.sliding_window_view(padded, width, axis=-1), axis=-1)
    return filtered


def cheapest_path(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Dynamic time warping: the cheapest monotonic path from the first to the last cell of [rows, columns].

    Cells of one antidiagonal do not depend on each other, so each is one operation on arrays.
    """
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    came = np.zeros((rows + 1, columns + 1), np.int8)
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        j = diagonal - i
        before = np.stack([total[i, j], total[i, j + 1], total[i + 1, j]])
        came[i + 1, j + 1] = before.argmin(axis=0)
        total[i + 1, j + 1] = costs[i, j] + before.min(axis=0)
    return _trace(came)


def _trace(came: NDArray[np.int8]) -> list[tuple[int, int]]:
    """Follow the moves back from the last cell: 0 is diagonal, 1 is to the next row, 2 to the next column."""
    i, j = came.shape[0] - 1, came.shape[1] - 1
    path = []
    while i > 0 and j > 0:
        path.append((i - 1, j - 1))
        move = came[i, j]
        i, j = i - (move != 2), j - (move != 1)
    return path[::-1]
