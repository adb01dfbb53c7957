"""What tells a translation that ran wild from a good one. Pure.

A decoder that loses its place repeats itself, or goes on long after the source has ended (fairseq issue 4639).
"""

from __future__ import annotations

import re

from backend.text.scripts import UNSPACED, UNSPACED_CHARACTER

LONGEST_LOOP = 12
"""Words, or characters of scripts without spaces, in a phrase whose repetition is noticed."""


def most_tokens(source_tokens: int) -> int:
    """How many tokens a translation of so many may have: more than any pair needs, few enough not to cost seconds."""
    return 32 + 5 * source_tokens // 2


def loops(text: str) -> bool:
    """Whether a phrase is said three times in a row or more (a single word: four)."""
    return _first_loop(text) is not None


def without_loops(text: str) -> str:
    """The text with each loop cut down to one turn."""
    while loop := _first_loop(text):
        kept, resumes = loop
        text = text[:kept] + text[resumes:]
    return text


def _first_loop(text: str) -> tuple[int, int] | None:
    """Where the first turn of the first loop ends, and where its last one does."""
    words = list(_WORD.finditer(text))
    spoken = [word[0].lower() for word in words]
    for first in range(len(spoken)):
        for length in range(1, min(LONGEST_LOOP, (len(spoken) - first) // 3) + 1):
            turns = _turns(spoken, first, length)
            if turns >= (4 if length == 1 else 3):
                return words[first + length - 1].end(), words[first + turns * length - 1].end()
    return None


def _turns(spoken: list[str], first: int, length: int) -> int:
    phrase = spoken[first : first + length]
    turns = 1
    while spoken[first + turns * length : first + (turns + 1) * length] == phrase:
        turns += 1
    return turns


_WORD = re.compile(rf"{UNSPACED_CHARACTER}|[^\W_{UNSPACED}]+")
