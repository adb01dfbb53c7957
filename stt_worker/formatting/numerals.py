"""Writes spoken numbers in digits (inverse text normalization), with the library text2num.

Small numbers are often no counts ("one of them", "second to none"), so those below ten stay words, except before a unit
and in rows of three or more. "hundred" and "thousand" alone are often in phrases, and stay too.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from text_to_num import find_numbers

from stt_worker.formatting.pieces import MASK, Edit
from stt_worker.formatting.units import UNITS

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# Below it, a number stays a word.
_SMALLEST = 10
# Digits in a row that are a number that is read out.
_SERIES = 3
_ROUND = (100.0, 1000.0)
# Words inside of numbers, at which a text is not complete.
_CONNECTORS = {
    "da": "og komma",
    "de": "und komma",
    "en": "and point oh double triple",
    "es": "y coma punto",
    "fr": "et virgule",
    "it": "e virgola",
    "nl": "en komma",
    "pt": "e vírgula ponto",
}
# From a million on, numbers are easier to read with the word.
_MILLIONS = re.compile(
    r"mil+i(?:on|ón|ão|õe|oen|ard|one|oni|ono)\w*|miljoen\w*|miljard\w*|[bt]il+i[oó]n\w*", re.IGNORECASE
)
# Words that are numbers of the library, and usually something else.
_NO_NUMBERS = {"en": frozenset({"second"})}
_ARTICLES = frozenset({"a", "an"})
# After an English number: "twenty-second" may be 22nd or 20 seconds, "nineteen oh five" a year or a time of day.
_AMBIGUOUS = re.compile(r"-second\b|\s+oh\b", re.IGNORECASE)
_CENTURIES, _YEARS = frozenset(map(str, range(13, 21))), frozenset(map(str, range(10, 100)))


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a text: the places of its words, and its digits. `end` is the place after the last one."""

    start: int
    end: int
    text: str
    value: float
    is_ordinal: bool


class SpokenWord:
    """A word, with the methods of the library's protocol `Token`."""

    def __init__(self, match: re.Match[str], gap: str, *, is_number: bool) -> None:
        """`gap`: the text between the previous word and this one."""
        self.word, self.start, self.end = match[0].lower(), match.start(), match.end()
        self.is_adjacent, self._is_number = not gap.strip(" -\u00a0"), is_number

    def text(self) -> str:
        return self.word

    def nt_separated(self, previous: object) -> bool:
        """Whether punctuation separates it from the word before."""
        return not self.is_adjacent

    def not_a_number_part(self) -> bool:
        return not self._is_number


def numeral_edits(text: str, language: str) -> list[Edit]:
    """Replace the spoken numbers of a language that the library knows."""
    if language not in UNITS:
        return []
    words = _split(text, language)
    numbers = [Number(n.start, n.end, n.text, n.value, n.is_ordinal) for n in find_numbers(words, language, 0)]
    numbers = [number for number in numbers if not _touches_digits(number, words)]
    series = _in_series(numbers, words)
    kept = [n for n in numbers if n in series or _is_certain(n, words, language)]
    if language == "en":
        kept = [n for n in _with_years(kept, words) if not _AMBIGUOUS.match(text, words[n.end - 1].end)]
    edits = [Edit(words[n.start].start, words[n.end - 1].end, n.text) for n in kept]
    # The dot of an ordinal is also the dot of its sentence.
    return [edit for edit in edits if not (edit.text.endswith(".") and text[edit.end :].startswith("."))]


def settled_length(text: str, language: str) -> int:
    """Length of the beginning of a text whose numbers are the same, whatever text follows."""
    if language not in UNITS:
        return len(text)
    words = _split(text, language)
    parts = {*_CONNECTORS[language].split(), *_unit_words(language)}
    first = len(words)
    for place in range(len(words) - 1, -1, -1):
        if _is_numeric(words[place], language):
            first = place
        elif words[place].word not in parts:
            break
    if first == len(words):
        return len(text)
    return _word_end(text, words[first - 1].end) if first else 0


def _word_end(text: str, end: int) -> int:
    """The end of a word, which may be masked."""
    return end + len(text[end:]) - len(text[end:].lstrip(MASK))


def _split(text: str, language: str) -> list[SpokenWord]:
    words: list[SpokenWord] = []
    for match in _WORD.finditer(text):
        is_unit = bool(words) and f"{words[-1].word} {match[0].lower()}" in UNITS[language].percent.split("|")
        unusual = match[0].lower() in _NO_NUMBERS.get(language, ()) or _MILLIONS.fullmatch(match[0])
        gap = text[words[-1].end : match.start()] if words else ""
        words.append(SpokenWord(match, gap, is_number=not (is_unit or unusual)))
    return words


def _unit_words(language: str) -> list[str]:
    units = UNITS[language]
    return re.findall(r"\w+", " ".join([units.percent, *units.money, units.millions, "cents"]))


def _is_numeric(word: SpokenWord, language: str) -> bool:
    return word.word.isdigit() or bool(_MILLIONS.fullmatch(word.word) or find_numbers([word], language, 0))


def _follow(words: Sequence[SpokenWord], end: int) -> bool:
    """Whether the word at `end` follows the one before it without punctuation."""
    return 0 < end < len(words) and words[end].is_adjacent


def _touches_digits(number: Number, words: Sequence[SpokenWord]) -> bool:
    """Whether the recognizer has written a part of it in digits: "2 hundred fifty" is not 2 and 150."""
    before = number.start and words[number.start - 1].word[-1].isdigit() and _follow(words, number.start)
    return bool(before or (_follow(words, number.end) and words[number.end].word[0].isdigit()))


def _is_certain(number: Number, words: Sequence[SpokenWord], language: str) -> bool:
    if number.end - number.start > 1:
        return True
    if number.start and words[number.start - 1].word in _ARTICLES:
        return False
    has_unit = _follow(words, number.end) and not number.is_ordinal and _begins_unit(words, number.end, language)
    return has_unit or (number.value >= _SMALLEST and number.value not in _ROUND)


def _begins_unit(words: Sequence[SpokenWord], place: int, language: str) -> bool:
    units = UNITS[language]
    following = " ".join(word.word for word in words[place : place + 2]) + " "
    return any(following.startswith(f"{unit} ") for unit in [*units.percent.split("|"), *units.money])


def _in_series(numbers: Sequence[Number], words: Sequence[SpokenWord]) -> Collection[Number]:
    """The digits that are read out one after another."""
    series: list[Number] = []
    run: list[Number] = []
    for number in numbers:
        follows = bool(run) and run[-1].end == number.start and _follow(words, number.start)
        run = ([*run, number] if follows else [number]) if _is_read_out(number) else []
        if run and run[-1].end - run[0].start >= _SERIES:
            series += run
    return series


def _is_read_out(number: Number) -> bool:
    """Whether each of its words is a digit: "zero seven"."""
    digits = number.text.isdigit() and len(number.text) == number.end - number.start
    return digits and (len(number.text) == 1 or number.text.startswith("0"))


def _with_years(numbers: Sequence[Number], words: Sequence[SpokenWord]) -> list[Number]:
    """Join the two halves of English years: "nineteen eighty-four". Other pairs, such as times of day, stay words."""
    result = list(numbers)
    for first, second in pairwise(numbers):
        if _is_pair(first, second, numbers, words):
            year = Number(first.start, second.end, first.text + second.text, 100 * first.value + second.value, False)
            is_year = first.text in _CENTURIES and second.text in _YEARS
            result = [n for n in result if n not in (first, second)] + [year] * is_year
    return sorted(result, key=lambda number: number.start)


def _is_pair(first: Number, second: Number, numbers: Sequence[Number], words: Sequence[SpokenWord]) -> bool:
    """Whether two cardinal numbers above nine follow each other, and no other number."""
    alone = not any(n.end == first.start or n.start == second.end for n in numbers)
    cardinal = not any(n.is_ordinal or n.value < _SMALLEST for n in (first, second))
    return first.end == second.start and _follow(words, second.start) and alone and cardinal
