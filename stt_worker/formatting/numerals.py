"""Writes spoken numbers in digits (inverse text normalization), with the library text2num.

Small numbers are often no counts ("one of them", "second to none"), so those below ten stay words, except before a
unit, in dates, and in rows of three or more. "hundred" and "thousand" alone are often in phrases, and stay too.
"""

import re
from collections.abc import Collection, Sequence

from text_to_num import find_numbers

from stt_worker.formatting import dates, english_numbers
from stt_worker.formatting.english_numbers import SMALLEST
from stt_worker.formatting.pieces import MASK, Edit
from stt_worker.formatting.spoken_words import Number, SpokenWord, follow
from stt_worker.formatting.units import UNITS

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
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
    r"(?:m|b|tr)il+i?[oó]n\w*|(?:m|b|tr)il(?:h|i)(?:ão|ões|ao|oes)|mil+iard\w*|[mb]il(?:joen|jard)\w*", re.IGNORECASE
)
# Words that are numbers of the library, and usually something else, except as days of a month.
_NO_NUMBERS = {"en": frozenset({"second"})}
_ARTICLES = frozenset({"a", "an"})


def numeral_edits(text: str, language: str) -> list[Edit]:
    """Replace the spoken numbers of a language that the library knows."""
    if language not in UNITS:
        return []
    words = _split(text, language)
    numbers = [Number(n.start, n.end, n.text, n.value, n.is_ordinal) for n in find_numbers(words, language, 0)]
    numbers = [n for n in numbers if not (_touches_digits(n, words) or _follows_millions(n, words, language))]
    series = _in_series(numbers, words)
    kept = [n for n in numbers if n in series or _is_certain(n, words, language)]
    if language == "en":
        kept = english_numbers.joined(text, numbers, kept, series, words)
    edits = [Edit(words[n.start].start, words[n.end - 1].end, n.text) for n in kept]
    # The dot of an ordinal is also the dot of its sentence.
    return [edit for edit in edits if not (edit.text.endswith(".") and text[edit.end :].startswith("."))]


def settled_length(text: str, language: str) -> int:
    """Length of the beginning of a text whose numbers are the same, whatever text follows."""
    if language not in UNITS:
        return len(text)
    words = _split(text, language)
    parts = {*_CONNECTORS[language].split(), *_unit_words(language), *dates.continuing_words(language)}
    first = len(words)
    for place in range(len(words) - 1, -1, -1):
        if _is_numeric(words[place], language) or words[place].word in _NO_NUMBERS.get(language, ()):
            first = place
        elif words[place].word not in parts:
            break
    if language == "en" and english_numbers.begins_with_article(words, first):
        first -= 1
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
    for place, word in enumerate(words):
        if word.word in _NO_NUMBERS.get(language, ()) and dates.is_before_month(words, place + 1, language):
            word.is_number = True
    return words


def _unit_words(language: str) -> list[str]:
    units = UNITS[language]
    return re.findall(r"\w+", " ".join([units.percent, *units.money, units.millions, "cents"]))


def _is_numeric(word: SpokenWord, language: str) -> bool:
    return word.word.isdigit() or bool(_MILLIONS.fullmatch(word.word) or find_numbers([word], language, 0))


def _touches_digits(number: Number, words: Sequence[SpokenWord]) -> bool:
    """Whether the recognizer has written a part of it in digits: "2 hundred fifty" is not 2 and 150."""
    before = number.start and words[number.start - 1].word[-1].isdigit() and follow(words, number.start)
    return bool(before or (follow(words, number.end) and words[number.end].word[0].isdigit()))


def _follows_millions(number: Number, words: Sequence[SpokenWord], language: str) -> bool:
    """Whether it is the rest of a number whose millions stay a word: "two million five hundred thousand"."""
    place = number.start
    while place > 1 and words[place - 1].word in _CONNECTORS[language].split() and follow(words, place):
        place -= 1
    return follow(words, place) and bool(_MILLIONS.fullmatch(words[place - 1].word))


def _is_certain(number: Number, words: Sequence[SpokenWord], language: str) -> bool:
    if number.end - number.start > 1 or dates.is_day(number, words, language):
        return True
    if number.start and words[number.start - 1].word in _ARTICLES:
        return False
    has_unit = follow(words, number.end) and not number.is_ordinal and _begins_unit(words, number.end, language)
    return has_unit or (number.value >= SMALLEST and number.value not in _ROUND)


def _begins_unit(words: Sequence[SpokenWord], place: int, language: str) -> bool:
    units = UNITS[language]
    following = " ".join(word.word for word in words[place : place + 2]) + " "
    return any(following.startswith(f"{unit} ") for unit in [*units.percent.split("|"), *units.money])


def _in_series(numbers: Sequence[Number], words: Sequence[SpokenWord]) -> Collection[Number]:
    """The digits that are read out one after another."""
    series: list[Number] = []
    run: list[Number] = []
    for number in numbers:
        follows = bool(run) and run[-1].end == number.start and follow(words, number.start)
        run = ([*run, number] if follows else [number]) if _is_read_out(number) else []
        if run and run[-1].end - run[0].start >= _SERIES:
            series += run
    return series


def _is_read_out(number: Number) -> bool:
    """Whether each of its words is a digit: "zero seven"."""
    digits = number.text.isdigit() and len(number.text) == number.end - number.start
    return digits and (len(number.text) == 1 or number.text.startswith("0"))
