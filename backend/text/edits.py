"""How two texts differ, in words: edits, erasure, contradicted words and the word error rate. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from backend.text.normalize import normalized_words


def edit_table(old: Sequence[str], new: Sequence[str]) -> list[list[int]]:
    """Return the table whose [i][j] is the Levenshtein distance between the first i old and the first j new words."""
    table = [list(range(len(new) + 1))]
    for word in old:
        table.append(_next_row(table[-1], word, new))
    return table


def erased(before: str, after: str, language: str = "en") -> int:
    """Count the words at the end of `before` that a reader sees disappear when `after` replaces it."""
    old, new = normalized_words(before, language), normalized_words(after, language)
    return len(old) - sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def contradicted(committed: str, final: str, language: str = "en") -> int:
    """Count committed words that the final does not confirm: the word edits to the nearest beginning of the final."""
    return min(_last_row(normalized_words(committed, language), normalized_words(final, language)))


@dataclass(slots=True)
class WordErrors:
    """Adds up word errors over many texts."""

    language: str = "en"
    errors: int = 0
    words: int = 0

    def add(self, reference: str, recognized: str, language: str | None = None) -> int:
        """Count one text and return its errors: insertions, deletions and substitutions."""
        language = self.language if language is None else language
        truth = normalized_words(reference, language)
        errors = _last_row(truth, normalized_words(recognized, language))[-1]
        self.errors += errors
        self.words += len(truth)
        return errors

    @property
    def percent(self) -> float:
        """The word error rate in percent."""
        return 100 * self.errors / max(1, self.words)


def _last_row(old: Sequence[str], new: Sequence[str]) -> list[int]:
    # The other rows are not kept: whole transcripts are compared.
    row = list(range(len(new) + 1))
    for word in old:
        row = _next_row(row, word, new)
    return row


def _next_row(above: Sequence[int], word: str, new: Sequence[str]) -> list[int]:
    row = [above[0] + 1]
    for j, other in enumerate(new, 1):
        row.append(min(above[j - 1] + (word != other), above[j] + 1, row[-1] + 1))
    return row
