"""Detects degenerate translations. Pure.

A decoder that loses its place repeats itself, or continues long after the end of the source (fairseq issue 4639).
"""

import re

from backend.text.writing_systems import UNSPACED, UNSPACED_CHARACTER

# The longest phrase, in words or characters of scripts without spaces, whose repetition is detected.
MAX_LOOP_WORDS = 12
# A phrase said this often in a row is a loop. "no, no, no" is emphasis, so a single word may be said once more.
LOOP_ROUNDS, LOOP_ROUNDS_OF_A_WORD = 3, 4


def max_tokens(source_tokens: int) -> int:
    """Return how many tokens a translation may have: more than any pair needs, but few enough to take no seconds."""
    return 32 + 5 * source_tokens // 2


def has_loop(text: str) -> bool:
    """Whether a phrase is repeated at least three times in a row, or a single word four times."""
    return _first_loop(text) is not None


def without_loops(text: str) -> str:
    """Shorten each loop to its first round."""
    while loop := _first_loop(text):
        first_end, last_end = loop
        text = text[:first_end] + text[last_end:]
    return text


def _first_loop(text: str) -> tuple[int, int] | None:
    """Return where the first round of the first loop ends, and where its last round ends."""
    words = list(_WORD.finditer(text))
    spelled = [word[0].lower() for word in words]
    for first in range(len(spelled)):
        for length in range(1, min(MAX_LOOP_WORDS, (len(spelled) - first) // LOOP_ROUNDS) + 1):
            rounds = _rounds(spelled, first, length)
            if rounds >= (LOOP_ROUNDS_OF_A_WORD if length == 1 else LOOP_ROUNDS):
                return words[first + length - 1].end(), words[first + rounds * length - 1].end()
    return None


def _rounds(spelled: list[str], first: int, length: int) -> int:
    phrase = spelled[first : first + length]
    rounds = 1
    while spelled[first + rounds * length : first + (rounds + 1) * length] == phrase:
        rounds += 1
    return rounds


_WORD = re.compile(rf"{UNSPACED_CHARACTER}|[^\W_{UNSPACED}]+")
