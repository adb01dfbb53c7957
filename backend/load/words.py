"""Texts as words, and what changes in them before a reader's eyes. Pure.

`normalize` is a small kin of Whisper's text normalizer (Radford et al. 2022, appendix C): spelling that no listener
could hear (case, punctuation, "mister" or "Mr.", "two" or "2") does not count.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import takewhile

_UNSPACED = {"zh", "ja", "th", "yue"}
_NUMBERS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
"""
_ENGLISH = [
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b", "can not"),
    (r"\bcannot\b", "can not"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'ve\b", " have"),
    (r"'ll\b", " will"),
    (r"'m\b", " am"),
    (r"'s\b", " is"),
    (r"\bmr\b", "mister"),
    (r"\bmrs\b", "missus"),
    (r"\bdr\b", "doctor"),
    (r"\b(?:hmm|mm|mhm|uh|um)\b", ""),
    *((rf"\b{word}\b", str(number)) for number, word in enumerate(_NUMBERS.split())),
]


def normalize(text: str, language: str = "en") -> str:
    """Words in lower case with single spaces between them; single characters where a language writes no spaces."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    if language == "en":
        for pattern, replacement in _ENGLISH:
            text = re.sub(pattern, replacement, text)
    text = "".join(" " if not (c.isalnum() or unicodedata.category(c).startswith("M")) else c for c in text)
    return " ".join(text.replace(" ", "") if language in _UNSPACED else text.split())


def words(text: str, language: str = "en") -> list[str]:
    """The words of a text, or its characters where a language writes no spaces; case and punctuation left out."""
    return normalize(text, language).split()


def erased(before: str, after: str, language: str = "en") -> int:
    """How many words must be taken from the end of `before` so that it can grow into `after`."""
    old, new = words(before, language), words(after, language)
    return len(old) - sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def contradicted(committed: str, final: str, language: str = "en") -> int:
    """How many of the committed words the final did not bear out: word edits between them and the final's beginning."""
    promised, said = words(committed, language), words(final, language)
    edits = list(range(len(said) + 1))
    for count, word in enumerate(promised, 1):
        diagonal, edits[0] = edits[0], count
        for i, other in enumerate(said, 1):
            diagonal, edits[i] = edits[i], min(diagonal + (word != other), edits[i] + 1, edits[i - 1] + 1)
    return min(edits)
