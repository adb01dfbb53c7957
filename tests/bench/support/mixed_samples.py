"""Samples of an enrolment that contain two voices: in turns of several lengths, or at the same time. Pure."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tests.bench.support.conversations import Samples
from tests.testkit.audio.clips import RATE

# Samples of an enrolment, and the length of each.
SAMPLES, SAMPLE_S = 3, 6

Mix = Callable[[Samples, Samples], Samples]


def in_turns(own_s: float, other_s: float) -> Mix:
    """The speakers take turns without a pause."""

    def mix(own: Samples, other: Samples) -> Samples:
        a, b = (round(seconds * RATE) for seconds in (own_s, other_s))
        rounds = range(-(-SAMPLE_S * RATE // (a + b)))
        parts = [part for n in rounds for part in (own[n * a : (n + 1) * a], other[n * b : (n + 1) * b])]
        return np.concatenate(parts)[: SAMPLE_S * RATE]

    return mix


def at_once(level_db: float) -> Mix:
    """Both speak. `level_db`: level of the first one above the second one."""
    return lambda own, other: own + other * np.float32(10 ** (-level_db / 20))


MIXES: Mapping[str, Mix] = {
    "turns of 1 s": in_turns(1, 1),
    "turns of 1.5 s": in_turns(1.5, 1.5),
    "turns of 2 s and 1 s": in_turns(2, 1),
    "turns of 3 s and 1 s": in_turns(3, 1),
    "turns of 2.5 s": in_turns(2.5, 2.5),
    "turns of 0.5 s": in_turns(0.5, 0.5),
    "overlap, 0 dB": at_once(0),
    "overlap, 3 dB": at_once(3),
    "overlap, 6 dB": at_once(6),
    "overlap, 10 dB": at_once(10),
}


def sample_of(speech: Samples, number: int, seconds: float = SAMPLE_S) -> Samples:
    """The piece of this number."""
    size = round(seconds * RATE)
    return speech[number * size : (number + 1) * size]


def mixed_enrolment(own: Samples, other: Samples, mix: Mix) -> list[Samples]:
    """Three samples, each with both voices."""
    return [mix(sample_of(own, n), sample_of(other, n)) for n in range(SAMPLES)]


def single_enrolments(speech: Samples, most: int) -> list[list[Samples]]:
    """At most `most` enrolments of one voice. Less speech gives shorter samples."""
    seconds = min(SAMPLE_S, len(speech) / RATE / SAMPLES)
    count = min(most, int(len(speech) / RATE / (SAMPLES * seconds) + 1e-6))
    return [[sample_of(speech, SAMPLES * k + n, seconds) for n in range(SAMPLES)] for k in range(count)]


def pairs(speakers: Sequence[str], count: int) -> list[tuple[str, str]]:
    """`count` pairs of different speakers, in which each speaker comes first equally often."""
    steps = [step for step in (1, 3, 2, *range(4, len(speakers))) if step < len(speakers)]
    return [(own, speakers[(n + step) % len(speakers)]) for step in steps for n, own in enumerate(speakers)][:count]
