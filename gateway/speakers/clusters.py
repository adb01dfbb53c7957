"""Online clustering of voices. Pure.

Each voice is a vector of length 1. A speaker is the sum of the vectors of the speech that is theirs. The
thresholds are cosine similarities, tuned for CAM++ with half of the speakers of `python -m tests.bench.speakers`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

# From this similarity on, a voice is one that is known. It rises with the length of the speech, because long speech of
# one speaker is more similar: the value at 0 s, per second, and at most.
SAME, SAME_PER_SECOND, MAX_SAME = 0.42, 0.05, 0.62
# Two speakers who are this similar are one.
MERGED = 0.8
# Shorter speech sounds similar in many voices: it gets the most similar label, and changes no speaker.
MIN_SECONDS = 1.5
# Weight of one utterance at most, so that a speaker can still change after a monologue.
MAX_WEIGHT_S = 10.0


@dataclass(frozen=True, slots=True)
class Speaker:
    """`direction`: the weighted sum of the voices of this speaker. `seconds`: the length of that speech."""

    label: str
    direction: Vector
    seconds: float

    def similarity(self, voice: Vector) -> float:
        """The cosine similarity, -1 to 1."""
        return float(voice @ self.direction / max(float(np.linalg.norm(voice) * np.linalg.norm(self.direction)), 1e-9))

    def extended(self, direction: Vector, seconds: float) -> "Speaker":
        """The speaker, with more speech."""
        return Speaker(self.label, self.direction + direction, self.seconds + seconds)

    def lowest_similarity(self, seconds: float) -> float:
        """The similarity from which on speech of this length is the speaker's. The shorter speech of the two counts."""
        return min(SAME + SAME_PER_SECOND * min(seconds, self.seconds), MAX_SAME)


@dataclass(frozen=True, slots=True)
class Match:
    """The label of a voice, and its similarity to earlier speech of this speaker. None: there is none."""

    label: str
    similarity: float | None


class SpeakerClusters:
    """The speakers of one session. `count`: labels that were given; a label is never used again."""

    def __init__(self, speakers: Iterable[Speaker] = (), count: int = 0) -> None:
        self.speakers, self.count = tuple(speakers), count

    def assign(self, voice: Vector, seconds: float, max_speakers: int) -> Match:
        """Label a voice. `seconds`: the length of its speech."""
        similar = sorted(((one.similarity(voice), -n) for n, one in enumerate(self.speakers)), reverse=True)
        if not similar:
            return self._add(voice, seconds)
        similarity, place = similar[0][0], -similar[0][1]
        speaker = self.speakers[place]
        is_known = similarity >= speaker.lowest_similarity(seconds)
        if not is_known and seconds >= MIN_SECONDS and len(similar) < max_speakers:
            return self._add(voice, seconds)
        if is_known and seconds >= MIN_SECONDS:
            self._replace(place, speaker.extended(_weighted(voice, seconds), seconds))
        return Match(speaker.label, similarity)

    def merge(self) -> list[tuple[str, str]]:
        """Merge speakers who turned out to be one. Returns pairs: the label that stays, and the one that is merged."""
        merged = []
        while pair := self._most_similar():
            kept, other = pair
            self._replace(
                kept, self.speakers[kept].extended(self.speakers[other].direction, self.speakers[other].seconds)
            )
            merged.append((self.speakers[kept].label, self.speakers[other].label))
            self.speakers = (*self.speakers[:other], *self.speakers[other + 1 :])
        return merged

    def _add(self, voice: Vector, seconds: float) -> Match:
        self.count += 1
        self.speakers = (*self.speakers, Speaker(str(self.count), _weighted(voice, seconds), seconds))
        return Match(str(self.count), None)

    def _replace(self, place: int, speaker: Speaker) -> None:
        self.speakers = (*self.speakers[:place], speaker, *self.speakers[place + 1 :])

    def _most_similar(self) -> tuple[int, int] | None:
        pairs = [
            (one.similarity(other.direction), -first, -(first + 1 + n))
            for first, one in enumerate(self.speakers)
            for n, other in enumerate(self.speakers[first + 1 :])
        ]
        similarity, first, second = max(pairs, default=(0.0, 0, 0))
        return (-first, -second) if similarity >= MERGED else None


def _weighted(voice: Vector, seconds: float) -> Vector:
    return voice * np.float32(min(max(seconds, 0.1), MAX_WEIGHT_S))
