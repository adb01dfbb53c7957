"""The words of a text, and the numbers that are found in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a text: the places of its words, and its digits. `end` is the place after the last one."""

    start: int
    end: int
    text: str
    value: float
    is_ordinal: bool


class SpokenWord:
    """A word, with the methods of text2num's protocol `Token`."""

    def __init__(self, match: re.Match[str], gap: str, *, is_number: bool) -> None:
        """`gap`: the text between the previous word and this one."""
        self.word, self.start, self.end = match[0].lower(), match.start(), match.end()
        self.is_capitalized = match[0].istitle()
        self.is_adjacent, self.is_number = not gap.strip(" -\u00a0"), is_number

    def text(self) -> str:
        return self.word

    def nt_separated(self, previous: object) -> bool:
        """Whether punctuation separates it from the word before."""
        return not self.is_adjacent

    def not_a_number_part(self) -> bool:
        return not self.is_number


def follow(words: Sequence[SpokenWord], end: int) -> bool:
    """Whether the word at `end` follows the one before it without punctuation."""
    return 0 < end < len(words) and words[end].is_adjacent
