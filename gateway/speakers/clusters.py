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
# Added to the threshold of an enrolled speaker for such speech.
SHORT_PENALTY = 0.1
# Weight of one utterance at most, so that a speaker can still change after a monologue.
MAX_WEIGHT_S = 10.0


@dataclass(frozen=True, slots=True)
class Speaker:
    """`direction`: the weighted sum of the voices of this speaker. `seconds`: the length of that speech.

    `threshold`: for an enrolled speaker, the similarity from which on speech is theirs. Their voice does not change.
    """

    label: str
    direction: Vector
    seconds: float
    threshold: float | None = None

    @property
    def is_enrolled(self) -> bool:
        return self.threshold is not None

    def similarity(self, voice: Vector) -> float:
        """The cosine similarity, -1 to 1."""
        return float(voice @ self.direction / max(float(np.linalg.norm(voice) * np.linalg.norm(self.direction)), 1e-9))

    def extended(self, direction: Vector, seconds: float) -> "Speaker":
        """The speaker, with more speech."""
        return Speaker(self.label, self.direction + direction, self.seconds + seconds)

    def lowest_similarity(self, seconds: float) -> float:
        """The similarity from which on speech of this length is the speaker's. The shorter speech of the two counts."""
        if self.threshold is not None:
            # In short speech, the most similar voice may be another one.
            return self.threshold if seconds >= MIN_SECONDS else self.threshold + SHORT_PENALTY
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
        similar = sorted(self._candidates(voice, seconds), reverse=True)
        if not similar:
            return self._add(voice, seconds)
        similarity, place = similar[0][0], -similar[0][1]
        speaker = self.speakers[place]
        is_known = similarity >= speaker.lowest_similarity(seconds)
        unnamed = sum(not one.is_enrolled for one in self.speakers)
        if not is_known and seconds >= MIN_SECONDS and unnamed < max_speakers:
            return self._add(voice, seconds)
        if is_known and seconds >= MIN_SECONDS and not speaker.is_enrolled:
            self._replace(place, speaker.extended(_weighted(voice, seconds), seconds))
        return Match(speaker.label, similarity)

    def _candidates(self, voice: Vector, seconds: float) -> Iterable[tuple[float, int]]:
        """Similarity and negative place of the speakers who may have said this. A name needs its own threshold."""
        for place, one in enumerate(self.speakers):
            similarity = one.similarity(voice)
            if not one.is_enrolled or similarity >= one.lowest_similarity(seconds):
                yield similarity, -place

    def merge(self) -> list[tuple[str, str]]:
        """Merge speakers who turned out to be one. Returns pairs: the label that stays, and the one that is merged."""
        merged = []
        while pair := self._most_similar():
            kept, other = pair
            stays, gone = self.speakers[kept], self.speakers[other]
            if not stays.is_enrolled:
                self._replace(kept, stays.extended(gone.direction, gone.seconds))
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
            if not other.is_enrolled
        ]
        similarity, first, second = max(pairs, default=(0.0, 0, 0))
        return (-first, -second) if similarity >= MERGED else None


def _weighted(voice: Vector, seconds: float) -> Vector:
    return voice * np.float32(min(max(seconds, 0.1), MAX_WEIGHT_S))
