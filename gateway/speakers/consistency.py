"""Whether the samples of an enrolment are of one voice. Pure.

A sample with two voices that take turns quickly, or speak at the same time, is described by one vector like any other,
and so are its pieces. Its windows of 1.5 s differ more from each other than those of one voice.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

from backend.audio.voice_vectors import VoiceVector

# Similarity below which the samples have several voices. It refuses one single voice of one half of the speakers in
# `python -m tests.bench.mixed_voices`.
MIN_WINDOW_SIMILARITY = 0.56
# Windows that are compared with each other, which is 6 s of speech: the longer a sample, the less similar are the two
# windows that differ most.
MAX_COMPARED = 7


def window_similarity(samples: Sequence[Sequence[VoiceVector]]) -> float | None:
    """The similarity of the two windows that differ most in 6 s of a sample [samples, windows]: the mean of all.

    None if no sample is long enough, or workers of an earlier release have described them all.
    """
    lowest = [low for windows in samples for group in _groups(windows) if (low := _lowest(group)) is not None]
    return float(np.mean(lowest)) if lowest else None


def _groups(windows: Sequence[VoiceVector]) -> list[Sequence[VoiceVector]]:
    """Groups of consecutive windows, of equal size."""
    count = -(-len(windows) // MAX_COMPARED)
    edges = [len(windows) * n // count for n in range(count + 1)] if count else []
    return [windows[start:end] for start, end in pairwise(edges)]


def _lowest(windows: Sequence[VoiceVector]) -> float | None:
    return min((float(one @ other) for one, other in combinations(windows, 2)), default=None)
