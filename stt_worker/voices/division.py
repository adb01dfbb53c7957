"""Finds the voices in an utterance: one, or several that follow each other. Pure, except for the model.

The audio is described in pieces of a few seconds. Where the voices before and after the end of a piece differ, the
utterance is divided at the longest pause between words nearby. Simultaneous voices are not separated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.recognizers.recognizer import RecognizedWord, SpokenPart, VoiceDescriber

Vector = NDArray[np.float32]

# Seconds of a piece, and of the shortest one in a longer utterance: in less audio, all voices are similar.
PIECE_S, MIN_PIECE_S = 2.5, 1.9
# Voices of one utterance that are less similar are two. Measured with `python -m tests.bench.speakers`.
SAME_VOICE = 0.62
# A boundary is moved by at most this much, to a pause between two words.
MAX_SHIFT_S = 1.5
# Speech shorter than this is no voice of its own.
MIN_VOICE_S = 1.5
# The model needs at least this much audio.
_SHORTEST = SAMPLE_RATE // 10


@dataclass(frozen=True, slots=True)
class DescribedAudio:
    """An utterance and the voices in its pieces, which are of equal length."""

    samples: NDArray[np.float32]
    pieces: tuple[Vector, ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Cut:
    """A time in seconds, and the word that follows it."""

    at: float
    word: int


def can_be_divided(samples: NDArray[np.float32]) -> bool:
    """Whether the utterance is long enough to have two voices."""
    return len(samples) >= 2 * MIN_PIECE_S * SAMPLE_RATE


def describe_pieces(samples: NDArray[np.float32], model: VoiceDescriber) -> DescribedAudio | None:
    """Describe the pieces of an utterance. None: it is too short."""
    if len(samples) < _SHORTEST:
        return None
    seconds = len(samples) / SAMPLE_RATE
    count = max(1, min(round(seconds / PIECE_S), int(seconds / MIN_PIECE_S)))
    if can_be_divided(samples):
        count = max(count, 2)
    return DescribedAudio(samples, tuple(model.embedding(piece) for piece in np.array_split(samples, count)))


def find_voices(
    audio: DescribedAudio, words: Sequence[RecognizedWord], model: VoiceDescriber
) -> tuple[SpokenPart, ...]:
    """The parts of an utterance by voice, in order. Without the times of words, the utterance is one part."""
    length = audio.seconds / len(audio.pieces)
    pauses = [_pause_near(place * length, words) for place in _changes(audio.pieces)]
    cuts = _apart([pause for pause in pauses if pause], audio.seconds)
    if not cuts:
        return (SpokenPart(0.0, audio.seconds, range(len(words)), _mean(audio.pieces)),)
    return _joined(_parts(audio, len(words), cuts, model))


def _changes(pieces: Sequence[Vector], first: int = 0) -> list[int]:
    """The places at which the voice changes, by circular binary segmentation (Olshen and others, 2004).

    The run of pieces that differs most from the rest is cut out, then each part is searched in the same way. So a short
    reply within long speech of another voice is found too.
    """
    count = len(pieces)
    runs = [(start, end) for start in range(count) for end in range(start + 1, count + 1) if end - start < count]
    found = [(float(_mean(pieces[a:b]) @ _mean([*pieces[:a], *pieces[b:]])), a, b) for a, b in runs]
    similarity, start, end = min(found, default=(1.0, 0, 0))
    if similarity >= SAME_VOICE:
        return []
    edges = sorted({0, start, end, count})
    inner = [place for a, b in pairwise(edges) for place in _changes(pieces[a:b], first + a)]
    return sorted([*inner, *(first + edge for edge in edges[1:-1])])


def _pause_near(boundary: float, words: Sequence[RecognizedWord]) -> Cut | None:
    """The longest pause between words near a boundary; the nearest of several."""
    near = [
        (round(words[n].start - words[n - 1].end, 2), -abs(words[n].start - boundary), n)
        for n in range(1, len(words))
        if abs(words[n].start - boundary) <= MAX_SHIFT_S
    ]
    if not near:
        return None
    place = max(near)[2]
    return Cut((words[place - 1].end + words[place].start) / 2, place)


def _apart(cuts: Sequence[Cut], seconds: float) -> list[Cut]:
    """Leave out cuts that would make a part too short."""
    kept: list[Cut] = []
    for cut in cuts:
        before = kept[-1].at if kept else 0.0
        if cut.at - before >= MIN_VOICE_S and seconds - cut.at >= MIN_VOICE_S:
            kept.append(cut)
    return kept


def _parts(audio: DescribedAudio, words: int, cuts: Sequence[Cut], model: VoiceDescriber) -> list[SpokenPart]:
    """Describe the voices between the cuts: the pieces do not end where the voices change."""
    edges = [Cut(0.0, 0), *cuts, Cut(audio.seconds, words)]
    return [
        SpokenPart(a.at, b.at, range(a.word, b.word), model.embedding(_between(audio.samples, a.at, b.at)))
        for a, b in pairwise(edges)
    ]


def _joined(parts: Sequence[SpokenPart]) -> tuple[SpokenPart, ...]:
    """Join neighbours whose voices are similar after all."""
    joined: list[SpokenPart] = []
    for part in parts:
        if joined and float(joined[-1].voice @ part.voice) >= SAME_VOICE:
            before = joined.pop()
            voice = _mean([before.voice * np.float32(before.seconds), part.voice * np.float32(part.seconds)])
            part = SpokenPart(before.start, part.end, range(before.words.start, part.words.stop), voice)
        joined.append(part)
    return tuple(joined)


def _between(samples: NDArray[np.float32], start: float, end: float) -> NDArray[np.float32]:
    return samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]


def _mean(vectors: Sequence[Vector]) -> Vector:
    total = np.sum(vectors, axis=0)
    mean: Vector = (total / max(float(np.linalg.norm(total)), 1e-9)).astype(np.float32)
    return mean
