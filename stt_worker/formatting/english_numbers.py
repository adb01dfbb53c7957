"""Decides about English numbers that follow each other: years, times of day, ranges and fractions.

Only years are joined, and only where nothing else is likely: "fifteen twenty" may be 1520, a time of day, or 15 to 20.
"""

import re
from collections.abc import Collection, Sequence

from stt_worker.formatting.dates import MONTHS
from stt_worker.formatting.spoken_words import Number, SpokenWord, follow

# Below it, a number stays a word.
SMALLEST = 10
_CENTURIES, _YEARS = frozenset(map(str, range(13, 21))), frozenset(map(str, range(10, 100)))
# Years in these centuries need no word before them that shows a year.
_RECENT = frozenset({"19", "20"})
_BEFORE_YEARS = frozenset(f"in since from until till before after during year by of between {MONTHS['en']}".split())
_BEFORE_OTHERS = frozenset({"at", "for", "costs", "cost", "a", "an"})
# After a year, words like these are no plurals of counted things.
_NO_PLURALS = frozenset({"was", "is", "has", "as", "this", "his", "its", "does", "us", "always", "perhaps"})
_UNITS = "second minute hour day week month year euro dollar percent per"
_COUNTED = frozenset(f"people men women children feet vision {_UNITS}".split())
# "twenty-second" may be 22nd or 20 seconds, "nineteen oh five" a year or a time of day. "nineteen eighties" is neither.
_SECOND = re.compile(r"[-\s]+second\b", re.IGNORECASE)
_UNLIKE_NUMBERS = re.compile(r"\s+oh\b|[-\s]+(?:twent|thirt|fort|fift|sixt|sevent|eight|ninet)ies\b", re.IGNORECASE)
_ARTICLE, _ROUND = "a", frozenset({"hundred", "thousand"})


def joined(
    text: str,
    numbers: Sequence[Number],
    kept: Collection[Number],
    series: Collection[Number],
    words: Sequence[SpokenWord],
) -> list[Number]:
    """The kept numbers with joined years, without those that may be something else with the numbers around them."""
    result: list[Number] = []
    for group in _groups(numbers, words):
        if len(group) == 1 or any(number in series for number in group):
            result += [number for number in group if number in kept and not _is_fraction(number, words)]
        elif _is_year(group, words):
            first, second = group
            value = 100 * first.value + second.value
            result.append(Number(first.start, second.end, first.text + second.text, value, False))
    return [_with_article(n, words) for n in result if not _is_ambiguous(n, text[words[n.end - 1].end :])]


def begins_with_article(words: Sequence[SpokenWord], place: int) -> bool:
    """Whether the word before this place belongs to a number that begins here: "a hundred and fifty"."""
    return place > 0 and words[place - 1].word == _ARTICLE


def _groups(numbers: Sequence[Number], words: Sequence[SpokenWord]) -> list[list[Number]]:
    """Numbers that follow each other. One after an ordinal number is on its own: "July fourth twenty twenty"."""
    groups: list[list[Number]] = []
    for number in numbers:
        last = groups[-1][-1] if groups else None
        if last and not last.is_ordinal and last.end == number.start and follow(words, number.start):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _is_fraction(number: Number, words: Sequence[SpokenWord]) -> bool:
    """Whether it is a part: "two hundredths", "one hundredth"."""
    is_one = words[number.start].word == "one" and number.end - number.start == 2
    return number.is_ordinal and (number.text.endswith("s") or is_one)


def _is_year(group: Sequence[Number], words: Sequence[SpokenWord]) -> bool:
    if len(group) != 2 or any(number.is_ordinal for number in group):
        return False
    first, second = group
    before = words[first.start - 1].word if first.start else ""
    if first.text not in _CENTURIES or second.text not in _YEARS or before in _BEFORE_OTHERS:
        return False
    # "twenty thirty" may be 20 to 30.
    is_clear = first.text in _RECENT and not (first.text == "20" and second.value >= 30 and second.value % 10 == 0)
    return (is_clear or before in _BEFORE_YEARS) and not _counts(words, second.end)


def _counts(words: Sequence[SpokenWord], end: int) -> bool:
    """Whether the word at `end` may be what a number counts."""
    word = words[end].word if follow(words, end) else ""
    return word in _COUNTED or (word.endswith("s") and word not in _NO_PLURALS)


def _is_ambiguous(number: Number, after: str) -> bool:
    is_ten = number.value >= 20 and number.value % 10 == 0
    return bool(_UNLIKE_NUMBERS.match(after) or (is_ten and _SECOND.match(after)))


def _with_article(number: Number, words: Sequence[SpokenWord]) -> Number:
    """Begin with the article that is a part of the number: "a hundred and fifty"."""
    has_article = begins_with_article(words, number.start) and follow(words, number.start)
    if not (has_article and words[number.start].word in _ROUND and number.end - number.start > 1):
        return number
    return Number(number.start - 1, number.end, number.text, number.value, number.is_ordinal)
