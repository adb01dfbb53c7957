"""Formats a text or a hypothesis as a session asks for it.

Words of a partial that are committed must not change. So `settled` of the beginning of a text is always a beginning of
`complete` of the whole text: it leaves out the end of the text that would be written differently with other words after
it, such as "twenty" before "five".
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from statistics import fmean

from backend.messages.options import Formatting
from backend.text.writing_systems import is_letter
from stt_worker.formatting import cjk_numbers, fillers, numerals, profanity
from stt_worker.formatting.pieces import Edit, Piece, apply_edits, edit_pieces, joined
from stt_worker.formatting.units import unit_edits
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, SpokenPart

_PUNCTUATION = " ,.!?–—、，。！？…-"


def _unchanged(text: str, language: str) -> int:
    return len(text)


@dataclass(frozen=True, slots=True)
class Stage:
    """A step: the edits of a text in a language, and the length of its beginning that no further text changes."""

    edits: Callable[[str, str], list[Edit]]
    settled_length: Callable[[str, str], int]


# In the order of application: a number may have a filler inside, and units are written after digits.
_STAGES: Sequence[tuple[Formatting, Stage]] = (
    ("fillers", Stage(fillers.filler_edits, fillers.settled_length)),
    ("profanity", Stage(profanity.profanity_edits, profanity.settled_length)),
    ("numerals", Stage(numerals.numeral_edits, numerals.settled_length)),
    ("numerals", Stage(unit_edits, _unchanged)),
    ("numerals", Stage(cjk_numbers.cjk_number_edits, cjk_numbers.settled_length)),
)


@dataclass(frozen=True, slots=True)
class Formatter:
    """The formatting that a session asks for, in Whisper's code of a language."""

    wanted: Collection[Formatting]
    language: str

    def complete(self, text: str) -> str:
        """The formatted text."""
        for stage in self._stages():
            text = apply_edits(text, stage.edits(text, self.language))
        return text.strip()

    def settled(self, text: str) -> str:
        """The formatted text as far as it stays the same with any words after it."""
        for stage in self._stages():
            text = text[: stage.settled_length(text, self.language)]
            # A filler after a comma or a dash removes it.
            text = apply_edits(text, stage.edits(text, self.language)).rstrip(_PUNCTUATION)
        return text.strip().rstrip(_PUNCTUATION)

    def rest(self, before: str, text: str) -> str:
        """The formatted rest of a text that begins with `before`, with the space before it."""
        return _after(text.removeprefix(before), self.complete)

    def settled_rest(self, before: str, text: str) -> str:
        """The formatted rest of a text that begins with `before`, as far as it stays the same."""
        return _after(text.removeprefix(before), self.settled)

    def words(self, words: Sequence[RecognizedWord]) -> list[tuple[RecognizedWord, int]]:
        """The words of the formatted text, each with the place of the first word that it stands for."""
        pieces = [Piece(word.text, range(i, i + 1)) for i, word in enumerate(words)]
        for stage in self._stages():
            pieces = edit_pieces(pieces, stage.edits(joined(pieces), self.language))
        return [(_merged(piece.text, [words[i] for i in piece.words]), piece.words.start) for piece in pieces]

    def _stages(self) -> Iterator[Stage]:
        return (stage for name, stage in _STAGES if name in self.wanted)


def _after(rest: str, formatted: Callable[[str], str]) -> str:
    """Format the rest of a text. It may begin with punctuation, which vanishes with a filler after it."""
    text = formatted(rest)
    lead = "".join(takewhile(lambda character: not is_letter(character), rest))
    space = lead[: len(lead) - len(lead.lstrip())]
    if lead.strip() and not text.startswith(lead.strip()[0]):
        space = " " if any(map(str.isspace, lead)) else ""
    return space + text if text else ""


def format_hypothesis(hypothesis: Hypothesis, wanted: Collection[Formatting]) -> Hypothesis:
    """Return the hypothesis with formatted text and words. A merged word has the times of all its words."""
    formatter = Formatter(wanted, hypothesis.text_language)
    if not hypothesis.words:
        return replace(hypothesis, text=formatter.complete(hypothesis.text))
    words = formatter.words(hypothesis.words)
    return replace(
        hypothesis,
        text="".join(word.text for word, _ in words).strip(),
        words=tuple(word for word, _ in words),
        parts=tuple(_formatted_parts(hypothesis.parts, [place for _, place in words])),
    )


def _formatted_parts(parts: Sequence[SpokenPart], places: Sequence[int]) -> Iterator[SpokenPart]:
    """The parts of the voices that have words left."""
    for part in parts:
        start, stop = (sum(1 for place in places if place < edge) for edge in (part.words.start, part.words.stop))
        if stop > start or len(parts) == 1:
            yield replace(part, words=range(start, stop))


def _merged(text: str, words: Sequence[RecognizedWord]) -> RecognizedWord:
    if len(words) == 1:
        return replace(words[0], text=text)
    return RecognizedWord(
        text,
        words[0].start,
        words[-1].end,
        fmean(word.probability for word in words),
        fmean(word.logprob for word in words),
        tuple(token for word in words for token in word.tokens),
    )
