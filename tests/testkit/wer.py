"""Word error rate: how many words of a reference text a recognizer got wrong.

`normalize` is a small kin of Whisper's text normalizer (Radford et al. 2022, appendix C): spelling that no listener
could hear (case, punctuation, "mister" or "Mr.", "two" or "2") does not count. Apply it to both sides, as `Score` does.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import jiwer

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


@dataclass(slots=True)
class Score:
    """Errors added up over many texts."""

    language: str = "en"
    errors: int = 0
    words: int = 0

    def add(self, reference: str, heard: str) -> int:
        """Count one text; answers its errors: words put in, left out or replaced."""
        truth, guess = normalize(reference, self.language), normalize(heard, self.language)
        alignment = jiwer.process_words(truth, guess)
        errors = alignment.insertions + alignment.deletions + alignment.substitutions
        self.errors += errors
        self.words += len(truth.split())
        return errors

    @property
    def percent(self) -> float:
        """Word error rate, in per cent."""
        return 100 * self.errors / max(1, self.words)
