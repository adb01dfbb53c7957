"""Normalize spellings, so that texts are compared by their words and not by how these are written. Pure."""

import re
import unicodedata

from backend.text.writing_systems import is_letter, separate_unspaced

_NUMBERS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
"""
# A subset of Whisper's English text normalizer (Radford et al. 2022, appendix C).
_ENGLISH = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
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
    )
]


def normalized_words(text: str, language: str = "en") -> list[str]:
    """Split into words in lower case without punctuation; characters count as words where a script has no spaces.

    In English, contractions, titles and small numbers have one spelling: "they won't" is "they will not".
    """
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    if language == "en":
        for pattern, replacement in _ENGLISH:
            text = pattern.sub(replacement, text)
    return separate_unspaced("".join(c if c.isalnum() or is_mark(c) else " " for c in text)).split()


def letters(text: str) -> str:
    """Keep letters, marks and digits only, case folded: equal for two spellings of the same words."""
    return "".join(filter(is_letter, unicodedata.normalize("NFKC", text))).casefold()


def is_mark(character: str) -> bool:
    """Whether a character is a combining mark, such as a vowel sign."""
    return unicodedata.category(character).startswith("M")
