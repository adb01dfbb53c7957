"""Whether the samples of an enrolment are of one voice. Pure.

A sample with two voices that take turns quickly, or speak at the same time, is described by one vector like any other,
and so are its pieces. Its windows of 1.5 s differ more from each other than those of one voice.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from backend.audio.voice_vectors import VoiceVector

# Mean similarity of the windows, below which the samples have several voices: just below the lowest one of one half of
# the speakers in `python -m tests.bench.mixed_voices`.
MIN_WINDOW_SIMILARITY = 0.63


def window_similarity(samples: Sequence[Sequence[VoiceVector]]) -> float | None:
    """The mean similarity of the windows [samples, windows] within each sample, over all samples.

    None if no sample is long enough, or workers of an earlier release have described them all.
    """
    means = [mean for windows in samples if (mean := _within(windows)) is not None]
    return float(np.mean(means)) if means else None


def _within(windows: Sequence[VoiceVector]) -> float | None:
    similarities = [float(one @ other) for one, other in combinations(windows, 2)]
    return float(np.mean(similarities)) if similarities else None
