"""Conversations made from recorded clips, and how well their speakers are labelled. Pure, except for reading clips."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from backend.messages.protocol import Final, SpeakersMerged
from backend.text.edits import WordErrors
from tests.testkit.audio.clips import RATE, Clip

Samples = NDArray[np.float32]

# Frames per second in which speakers are compared, and the time around the ends of turns that does not count (the
# usual collar of NIST's scoring).
FRAMES, COLLAR_S = 100, 0.25
# Speech of a speaker in an utterance that counts.
MIN_SPOKEN_S = 1.0
# Level of every turn, and silence at the end.
LEVEL, TAIL_S = 0.05, 1.5


@dataclass(frozen=True, slots=True)
class Turn:
    """Times in seconds."""

    speaker: str
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Audio [n], 16 kHz mono, and its turns in order."""

    pcm: NDArray[np.int16]
    turns: tuple[Turn, ...]

    @property
    def speakers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(turn.speaker for turn in self.turns))


@dataclass(frozen=True, slots=True)
class Saying:
    """A clip without the silence around it."""

    speaker: str
    samples: Samples
    text: str


def saying(clip: Clip) -> Saying:
    return Saying(clip.speaker, trimmed(clip.pcm().astype(np.float32) / np.float32(32_768)), clip.text)


def trimmed(samples: Samples) -> Samples:
    """The audio between its first and its last loud 20 ms, at the common level."""
    size = RATE // 50
    levels = np.sqrt(np.mean(samples[: len(samples) // size * size].reshape(-1, size) ** 2, axis=1))
    loud = np.flatnonzero(levels > 0.1 * np.percentile(levels, 95))
    speech = samples[loud[0] * size : (loud[-1] + 1) * size]
    return (speech * np.float32(LEVEL / np.sqrt(np.mean(speech**2)))).astype(np.float32)


def converse(
    sayings: Mapping[str, Sequence[Saying]], turns: int, gap_s: tuple[float, float], random: np.random.Generator
) -> Conversation:
    """Let the speakers take turns in random order. Each says each clip once before one is repeated.

    `gap_s`: range of the silence between two turns; negative: the next one begins before.
    """
    left: dict[str, list[Saying]] = {speaker: [] for speaker in sayings}
    order = _order(list(sayings), turns, random)
    placed, at = list[tuple[int, Saying]](), 0
    for speaker in order:
        if not left[speaker]:
            left[speaker] = [sayings[speaker][n] for n in random.permutation(len(sayings[speaker]))]
        one = left[speaker].pop()
        start = max(0, at + round(random.uniform(*gap_s) * RATE)) if placed else RATE // 2
        placed.append((start, one))
        at = start + len(one.samples)
    mixed = np.zeros(at + round(TAIL_S * RATE), np.float32)
    for start, one in placed:
        mixed[start : start + len(one.samples)] += one.samples
    pcm = np.clip(np.rint(mixed * 32_767), -32_768, 32_767).astype(np.int16)
    return Conversation(
        pcm,
        tuple(Turn(one.speaker, start / RATE, (start + len(one.samples)) / RATE, one.text) for start, one in placed),
    )


def _order(speakers: Sequence[str], turns: int, random: np.random.Generator) -> list[str]:
    """Each speaker in random order, then a random other speaker each time."""
    order = [speakers[n] for n in random.permutation(len(speakers))]
    while len(order) < turns:
        others = [speaker for speaker in speakers if speaker != order[-1]] or list(speakers)
        order.append(others[int(random.integers(len(others)))])
    return order


# --- the labels


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A part of a transcript. Times in seconds."""

    label: str
    start: float
    end: float
    text: str


def labelled_texts(events: Sequence[object]) -> list[LabelledText]:
    """The transcript that a client has in the end, with its corrections of labels."""
    renamed = {event.merged: event.speaker for event in events if isinstance(event, SpeakersMerged)}
    return [
        LabelledText(_last_name(part.label, renamed), part.start, part.end, part.text)
        for event in events
        if isinstance(event, Final) and event.text
        for part in _parts(event)
    ]


def _parts(final: Final) -> Iterator[LabelledText]:
    if not final.speaker_segments:
        yield LabelledText(final.speaker or "", final.start_ms / 1000, final.end_ms / 1000, final.text)
    for segment in final.speaker_segments or ():
        yield LabelledText(segment.speaker, segment.start_ms / 1000, segment.end_ms / 1000, segment.text)


def _last_name(label: str, renamed: Mapping[str, str]) -> str:
    while label in renamed:
        label = renamed[label]
    return label


@dataclass(slots=True)
class SpeakerErrors:
    """Adds up errors over conversations. Times are in frames."""

    spoken: int = 0
    missed: int = 0
    false_alarm: int = 0
    confused: int = 0
    speakers: int = 0
    labels: int = 0
    attributed: WordErrors = field(default_factory=WordErrors)
    plain: WordErrors = field(default_factory=WordErrors)
    # Finals with speech of one speaker, and of several, and those of them that are divided.
    single: int = 0
    single_divided: int = 0
    several: int = 0
    several_divided: int = 0

    def add(self, conversation: Conversation, texts: Sequence[LabelledText]) -> None:
        """Count one conversation, with the assignment of labels to speakers that fits best."""
        labels = list(dict.fromkeys(text.label for text in texts))
        self.speakers, self.labels = self.speakers + len(conversation.speakers), self.labels + len(labels)
        self._add_frames(conversation, texts, labels)
        if all(turn.text for turn in conversation.turns):
            self._add_words(conversation, texts, labels)

    def _add_frames(self, conversation: Conversation, texts: Sequence[LabelledText], labels: Sequence[str]) -> None:
        """The diarization error as NIST defines it."""
        length = len(conversation.pcm) * FRAMES // RATE + 1
        truth = _activity(length, [(t.speaker, t.start, t.end) for t in conversation.turns], conversation.speakers)
        found = _activity(length, [(t.label, t.start, t.end) for t in texts], labels)
        counted = np.ones(length, bool)
        for turn in conversation.turns:
            for at in (turn.start, turn.end):
                counted[max(0, round((at - COLLAR_S) * FRAMES)) : round((at + COLLAR_S) * FRAMES)] = False
        truth, found = truth[:, counted], found[:, counted]
        many, found_many = truth.sum(0), found.sum(0)
        right = max(
            sum(int((truth[n] & found[place]).sum()) for n, place in enumerate(places) if place is not None)
            for places in _assignments(len(truth), len(found))
        )
        self.spoken += int(many.sum())
        self.missed += int(np.maximum(many - found_many, 0).sum())
        self.false_alarm += int(np.maximum(found_many - many, 0).sum())
        self.confused += int(np.minimum(many, found_many).sum()) - right

    def add_division(self, conversation: Conversation, finals: Sequence[Final]) -> None:
        """Count the finals by the number of their speakers and of their parts."""
        for final in finals:
            spoken = {
                turn.speaker
                for turn in conversation.turns
                if min(turn.end, final.end_ms / 1000) - max(turn.start, final.start_ms / 1000) >= MIN_SPOKEN_S
            }
            divided = bool(final.speaker_segments)
            if len(spoken) > 1:
                self.several, self.several_divided = self.several + 1, self.several_divided + divided
            elif spoken:
                self.single, self.single_divided = self.single + 1, self.single_divided + divided

    def _add_words(self, conversation: Conversation, texts: Sequence[LabelledText], labels: Sequence[str]) -> None:
        """The word error rate of the text in time, and of the texts of each speaker (cpWER)."""
        self.plain.add(" ".join(turn.text for turn in conversation.turns), " ".join(text.text for text in texts))
        said = [" ".join(t.text for t in conversation.turns if t.speaker == one) for one in conversation.speakers]
        found = [" ".join(text.text for text in texts if text.label == label) for label in labels]
        best = min(
            (_attributed_errors(said, found, places) for places in _assignments(len(said), len(found))),
            key=lambda errors: errors.errors,
        )
        self.attributed.errors += best.errors
        self.attributed.words += best.words

    @property
    def error_percent(self) -> float:
        """The diarization error rate."""
        return 100 * (self.missed + self.false_alarm + self.confused) / max(1, self.spoken)

    def percent(self, frames: int) -> float:
        return 100 * frames / max(1, self.spoken)


def _attributed_errors(said: Sequence[str], found: Sequence[str], places: Sequence[int | None]) -> WordErrors:
    errors = WordErrors()
    for text, place in zip(said, places, strict=True):
        errors.add(text, "" if place is None else found[place])
    for place in set(range(len(found))) - set(places):
        errors.add("", found[place])
    return errors


def _activity(length: int, parts: Sequence[tuple[str, float, float]], names: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each of the names is active in each frame: [names, frames]."""
    active = np.zeros((len(names), length), bool)
    for name, start, end in parts:
        active[names.index(name), round(start * FRAMES) : round(end * FRAMES)] = True
    return active


def _assignments(speakers: int, labels: int) -> Iterator[tuple[int | None, ...]]:
    """All ways to give each speaker another label, or none."""
    places: list[int | None] = [*range(min(labels, 7)), *[None] * max(0, speakers - labels)]
    yield from permutations(places, speakers)
