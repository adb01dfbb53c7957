"""Timed words, and the pieces of text that are not divided between lines or cues. Pure."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain

from backend.cli.files.subtitles.limits import CueLimits, ReadingLimits
from backend.messages.protocol import Final
from backend.text.line_breaks import split_anywhere, split_phrases
from backend.text.writing_systems import UNSPACED


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word with the space before it, and the time at which it is spoken."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class TimedText:
    """The words of an utterance, the language that they are in, and the label of the speaker, if it is known."""

    words: Sequence[TimedWord]
    language: str
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A word, or a phrase in a script without spaces, with the punctuation around it."""

    text: str
    # Whether a space is before it.
    spaced: bool
    start_ms: int
    end_ms: int
    language: str
    limits: ReadingLimits
    # Whether the utterance ends after it.
    ends_utterance: bool
    speaker: str = ""


def spoken(final: Final) -> TimedText:
    """Return the words of a final, with their own times or, if it has none, spread evenly over the utterance."""
    words = [TimedWord(word.word, word.start_ms, word.end_ms) for word in final.words or ()]
    if not words or "".join("".join(word.text for word in words).split()) != "".join(final.text.split()):
        words = [TimedWord(final.text, final.start_ms, final.end_ms)]
    return TimedText(words, final.language, final.speaker or "")


def translated(final: Final, text: str, language: str) -> TimedText:
    """Return a translation, spread evenly over the time in which the utterance is spoken."""
    words = spoken(final).words
    return TimedText([TimedWord(text, words[0].start_ms, words[-1].end_ms)], language, final.speaker or "")


def units_of(utterances: Iterable[TimedText], limits: CueLimits) -> list[Unit]:
    """Divide utterances, in order of time, into units whose times never decrease."""
    units: list[Unit] = []
    now_ms = 0
    for unit in chain.from_iterable(_units(utterance, limits) for utterance in utterances):
        now_ms = max(now_ms, unit.start_ms)
        spaced = unit.spaced or (bool(units) and units[-1].ends_utterance and not _touch(units[-1], unit))
        units.append(replace(unit, spaced=spaced, start_ms=now_ms, end_ms=max(unit.end_ms, now_ms)))
    return units


def _touch(before: Unit, after: Unit) -> bool:
    """Whether no space is written between two sentences: in Chinese and Japanese."""
    return bool(_WIDE.match(before.text[-1]) or _WIDE.match(after.text[0]))


def _units(utterance: TimedText, limits: CueLimits) -> Iterator[Unit]:
    text, language = "".join(word.text for word in utterance.words), utterance.language
    reading = limits.for_text(text, language)
    times = _Clock(utterance.words)
    place, last = 0, len(text.rstrip())
    for piece in _pieces(text, language, limits):
        start, end = place + len(piece) - len(piece.lstrip()), place + len(piece.rstrip())
        place += len(piece)
        if start < end:
            # White space of every kind and length is one space.
            shown, spaced = " ".join(piece.split()), text[start - 1 : start].isspace() and start > 0
            yield Unit(
                shown,
                spaced,
                times.start(start),
                times.end(end),
                language,
                reading,
                ends_utterance=end == last,
                speaker=utterance.speaker,
            )


def _pieces(text: str, language: str, limits: CueLimits) -> Iterator[str]:
    """Split a text where it may be divided, and also elsewhere if a piece is longer than its line."""
    for phrase in split_phrases(text, language):
        if _is_short(phrase, language, limits):
            yield phrase
            continue
        for word in _WORDS.findall(phrase):
            # An English word in a Japanese text may be longer than a Japanese line.
            longest = limits.for_text(word, language).line_length
            yield from split_anywhere(word, longest)


def _is_short(phrase: str, language: str, limits: CueLimits) -> bool:
    return len(phrase.strip()) <= limits.for_text(phrase, language).line_length


class _Clock:
    """The time of each character, spread evenly over the word that contains it."""

    def __init__(self, words: Sequence[TimedWord]) -> None:
        self._words = words
        self._ends = list(accumulate(len(word.text) for word in words))

    def start(self, place: int) -> int:
        """Return when the character at `place` begins."""
        return self._time(bisect_right(self._ends, place), place)

    def end(self, place: int) -> int:
        """Return when the character before `place` ends."""
        return self._time(bisect_right(self._ends, place - 1), place)

    def _time(self, number: int, place: int) -> int:
        word = self._words[number]
        # Nothing is spoken during the space before a word.
        length = len(word.text.strip()) or 1
        spoken = place - (self._ends[number] - len(word.text.lstrip()))
        return word.start_ms + (word.end_ms - word.start_ms) * min(max(spoken, 0), length) // length


_WIDE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff65\U00020000-\U0003ffff]")
_WORDS = re.compile(rf"\s*(?:[{UNSPACED}]+|[^\s{UNSPACED}]+)\s*")
