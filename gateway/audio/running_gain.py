"""Amplification of quiet audio for speech detection. Pure.

Both detectors were trained on speech of normal level. Without a gain, Silero misses 3 % of the speech windows at
-60 dBFS and 6 % at -66 dBFS, and takes quiet music for speech more often than loud music. A loudness meter (ITU-R
BS.1770, as in pyloudnorm) measures blocks of 400 ms and gates them over the whole programme, which is too late for
live audio. So the gain follows the levels of the last seconds.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from functools import cache
from math import log10

import numpy as np
from numpy.typing import NDArray

# Level to which loud parts are amplified, in dB of full scale (RMS of a window). Louder audio stays unchanged.
TARGET_DB = -26.0
MAX_GAIN_DB = 40.0
# A smaller difference between loud and quiet parts means constant noise. Amplifying it would only cost time.
_MIN_RANGE_DB = 6.0
# Windows of history: 3 s, which includes pauses between words.
_HISTORY = 94
# Ranks in the history of the loud and the quiet parts. The loud rank ignores two windows, such as a click.
_LOUD, _QUIET = _HISTORY - 3, _HISTORY // 10
# Lowest level: below one step of 16-bit audio.
_FLOOR_DB = -96.0
_FULL_SCALE_DB = 20 * log10(32_768)
_MIN_POWER = 10 ** ((_FLOOR_DB + _FULL_SCALE_DB) / 10)
# Amplified samples stay below this, because clipping sounds like noise.
_MAX_PEAK = 29_000.0


def levels_db(windows: NDArray[np.int16]) -> list[float]:
    """Level of each of [n, 512] windows in dB of full scale (RMS without a constant offset), at least -96."""
    # A frame has one to three windows. For so few, products of vectors take a third of the time of array operations.
    count, levels = windows.shape[1], []
    ones = _ones(count)
    for window in windows.astype(np.float32):
        squares, total = float(window.dot(window)), float(window.dot(ones))
        power = (squares - total * total / count) / count
        levels.append(10 * log10(max(power, _MIN_POWER)) - _FULL_SCALE_DB)
    return levels


def loud_level(levels: Iterable[float]) -> float:
    """The level that a quarter of the windows reach. It is that of vowels. Raises IndexError for no windows."""
    ordered = sorted(levels)
    return ordered[len(ordered) * 3 // 4]


@cache
def _ones(count: int) -> NDArray[np.float32]:
    return np.ones(count, np.float32)


class RunningGain:
    """The gain of one session. The result does not depend on how the audio is split into calls."""

    def __init__(self) -> None:
        self._history = deque([_FLOOR_DB] * _HISTORY)
        self._ordered = [_FLOOR_DB] * _HISTORY

    def factors(self, windows: NDArray[np.int16], levels: Sequence[float]) -> list[float]:
        """Process the next [n, 512] windows and their levels. Return the factor of each, at least 1."""
        decibels = [self._next_gain_db(level) for level in levels]
        if not any(decibels):
            return [1.0] * len(levels)
        peaks = np.maximum.reduce(np.abs(windows.astype(np.float32)), axis=1).tolist()
        return [
            min(10 ** (gain / 20), max(_MAX_PEAK / max(peak, 1.0), 1.0))
            for gain, peak in zip(decibels, peaks, strict=True)
        ]

    def _next_gain_db(self, level_db: float) -> float:
        del self._ordered[bisect_left(self._ordered, self._history.popleft())]
        self._history.append(level_db)
        insort(self._ordered, level_db)
        loud, quiet = max(self._ordered[_LOUD], level_db), self._ordered[_QUIET]
        return 0.0 if loud - quiet < _MIN_RANGE_DB else min(max(TARGET_DB - loud, 0.0), MAX_GAIN_DB)
