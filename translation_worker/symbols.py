"""Carries symbols over a translation that the model would lose. Pure.

Emoji, braces, placeholders such as "{name}", and symbols that are not in the model's vocabulary are taken out of a
sentence. They are restored in its translation at the same place in proportion.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from backend.text.line_breaks import split_phrases
from backend.text.writing_systems import UNSPACED
from translation_worker.sentences import language_code
from translation_worker.translator import Passage

# Whether the vocabulary of a model contains a character.
IsKnown = Callable[[str], bool]
# Where symbols may be inserted: the end of a word and the beginning of the next one.
Gap = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CarriedSymbol:
    """A run of symbols, and its surroundings in the sentence."""

    text: str
    # The share of the sentence's letters before it.
    place: float
    # The word that it touches: "5" in "5€" is before it. Braces touch any word.
    word_before: str
    word_after: str
    joins_left: bool
    joins_right: bool
    # Whether a punctuation mark is before it, and after it.
    after_mark: bool
    before_mark: bool


@dataclass(frozen=True, slots=True)
class PlainSentence:
    """A sentence without its symbols."""

    passage: Passage
    symbols: tuple[CarriedSymbol, ...]
    # The required beginning of the translation, with its symbols.
    prefix: str

    @property
    def has_words(self) -> bool:
        """Whether anything is left to translate."""
        return any(map(str.isalnum, self.passage.text))

    def restore(self, translation: str) -> str:
        """Put the symbols back into the translation of the plain sentence, and the original prefix before it."""
        first = len(self.passage.prefix)
        places = list(_places(self.symbols, translation, first, language_code(self.passage.target)))
        # From the end, so that the other places stay valid.
        later = None
        for symbol, gap in reversed(places):
            # A second symbol in the same gap is before the first one.
            end, start = gap if gap != later else (gap[0], gap[0])
            later = gap
            before = translation[: start if symbol.joins_right and not symbol.joins_left else end]
            after = translation[start if symbol.joins_right else end :]
            translation = before + _with_spaces(symbol, before, after) + after
        return self.prefix + translation[first:]


def take_out(sentence: Passage, is_known: IsKnown) -> PlainSentence:
    """Take the symbols out of a sentence and out of its prefix. Those that the prefix shows are not restored again."""
    text, symbols = _split_off(sentence.text, is_known)
    prefix, shown = _split_off(sentence.prefix, is_known)
    for known in shown:
        same = next((symbol for symbol in symbols if symbol.text == known.text), None)
        symbols = [symbol for symbol in symbols if symbol is not same]
    if shown and not sentence.prefix[-1].isspace():
        prefix = prefix.rstrip()
    return PlainSentence(replace(sentence, text=text.strip(), prefix=prefix), tuple(symbols), sentence.prefix)


def _split_off(text: str, is_known: IsKnown) -> tuple[str, list[CarriedSymbol]]:
    """Return a text without its symbols, and the symbols."""
    runs = [run for run in _RUN.finditer(text) if run["always"] or _is_lost(run[0], is_known)]
    total = (_letters(text) - sum(_letters(run[0]) for run in runs)) or 1
    kept, done = "", 0
    symbols = []
    for run in runs:
        kept += text[done : run.start()]
        symbols.append(_symbol(run, _letters(kept) / total))
        done = run.end()
        if symbols[-1].joins_left and symbols[-1].joins_right:
            kept += " "
        elif not text[done : done + 1].strip() or symbols[-1].before_mark:
            kept = kept.rstrip()
    return kept + text[done:], symbols


def _is_lost(character: str, is_known: IsKnown) -> bool:
    return unicodedata.category(character)[0] == "S" and not is_known(character)


def _symbol(run: re.Match[str], place: float) -> CarriedSymbol:
    before, after = run.string[: run.start()], run.string[run.end() :]
    word_before, word_after = _LAST_WORD.search(before), _FIRST_WORD.match(after)
    return CarriedSymbol(
        text=run[0],
        place=place,
        word_before=word_before[0] if word_before else "",
        word_after=word_after[0] if word_after else "",
        joins_left=run[0][0] == "}" or bool(word_before),
        joins_right=run[0][-1] == "{" or bool(word_after),
        after_mark=_is_mark(before.rstrip()[-1:]),
        before_mark=_is_mark(after.lstrip()[:1]),
    )


def _places(
    symbols: tuple[CarriedSymbol, ...], text: str, first: int, language: str
) -> Iterator[tuple[CarriedSymbol, Gap]]:
    """Yield each symbol with the gap of the translation that it belongs in; gaps before `first` are not used."""
    gaps = [gap for gap in _gaps(text, language) if gap[0] >= first] or [(len(text), len(text))]
    total = _letters(text) or 1
    opened = False
    for symbol in symbols:
        # There is at least one word between two braces.
        gaps = gaps[1:] if opened and len(gaps) > 1 else gaps
        best = min(gaps, key=lambda gap: _distance(symbol, text, gap, total))
        gaps = gaps[gaps.index(best) :]
        opened = symbol.text[-1] == "{"
        yield symbol, best


def _gaps(text: str, language: str) -> list[Gap]:
    """Return the gaps between words: before and after the punctuation marks that follow a word."""
    gaps, start = {(0, 0)}, 0
    for piece in split_phrases(text, language):
        end = start + len(piece.rstrip())
        letters_end = start + _end_of_letters(piece)
        start += len(piece)
        gaps |= {(letters_end, letters_end)} if start > letters_end < end else set()
        gaps.add((end, start if start < len(text) else end))
    return sorted(gaps)


def _distance(symbol: CarriedSymbol, text: str, gap: Gap, total: int) -> float:
    """Return how badly a gap suits a symbol: how far away it is, with which words and marks around it."""
    before, after = text[: gap[0]], text[gap[1] :]
    other_marks = (_is_mark(before[-1:]) != symbol.after_mark) + (_is_mark(after[:1]) != symbol.before_mark)
    same_words = _touches(_LAST_WORD.search(before), symbol.word_before) + _touches(
        _FIRST_WORD.match(after), symbol.word_after
    )
    return abs(_letters(before) / total - symbol.place) + _OTHER_MARK * other_marks - same_words


def _touches(found: re.Match[str] | None, word: str) -> bool:
    return bool(found and found[0] == word)


def _with_spaces(symbol: CarriedSymbol, before: str, after: str) -> str:
    left = "" if symbol.joins_left or not _SPACED_END.search(before) else " "
    right = "" if symbol.joins_right or not _SPACED_START.match(after) else " "
    return left + symbol.text + right


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _end_of_letters(text: str) -> int:
    return max((place for place, character in enumerate(text, 1) if character.isalnum()), default=0)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character or " ")[0] == "P"


_EMOJI = "[\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_JOINED = f"(?:[\u200d\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]|{_EMOJI})*"
_RUN = re.compile(rf"(?P<always>\{{[A-Za-z0-9_.-]{{1,40}}\}}|\{{+|\}}+|[0-9#*]\ufe0f?\u20e3|{_EMOJI}{_JOINED})|[^\w\s]")
_WIDE = f"{UNSPACED}\u3000-\u303f\uff00-\uffef"
_LAST_WORD, _FIRST_WORD = re.compile(f"[^\\W_{_WIDE}]+$"), re.compile(f"[^\\W_{_WIDE}]+")
# Text that has a space after it, or before it.
_SPACED_END = re.compile(rf"[^\s(\[{{«“‘¿¡{_WIDE}]$")
_SPACED_START = re.compile(rf"[^\s.,;:!?…)\]}}»”’؟،۔।{_WIDE}]")
# The mark before or after a symbol counts as much as this share of a sentence.
_OTHER_MARK = 0.2
