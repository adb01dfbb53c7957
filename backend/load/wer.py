"""Word error rate: how many words of a reference text a recognizer got wrong."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import SetupError
from backend.load.words import words

try:
    import jiwer
except ImportError:
    raise SetupError("no word error rate without the package jiwer: pip install 'nova-voice[load]'") from None


@dataclass(slots=True)
class WordErrors:
    """Errors added up over many texts."""

    language: str = "en"
    errors: int = 0
    words: int = 0

    def add(self, reference: str, heard: str, language: str | None = None) -> int:
        """Count one text; answers its errors: words put in, left out or replaced."""
        truth, guess = (words(text, self.language if language is None else language) for text in (reference, heard))
        alignment = jiwer.process_words(" ".join(truth), " ".join(guess))
        errors: int = alignment.insertions + alignment.deletions + alignment.substitutions
        self.errors += errors
        self.words += len(truth)
        return errors

    @property
    def percent(self) -> float:
        """Word error rate, in per cent."""
        return 100 * self.errors / max(1, self.words)
