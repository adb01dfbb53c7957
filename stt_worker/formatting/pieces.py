"""Text as pieces that know from which recognized words they come, and edits of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from backend.text.writing_systems import is_letter

# Stands for a letter of a masked word.
MASK = "*"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the characters from `start` to `end` of a text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, and the places of the words that it stands for. Joined pieces are the text."""

    text: str
    words: range


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return the text after edits that do not overlap, in order."""
    return joined(edit_pieces([Piece(text, range(1))], edits))


def joined(pieces: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def edit_pieces(pieces: Sequence[Piece], edits: Iterable[Edit]) -> list[Piece]:
    """Return the pieces after edits that do not overlap, in order.

    A piece with a replacement stands for all words that it replaces. Pieces without text are left out.
    """
    edited = list(pieces)
    starts = [0, *accumulate(len(piece.text) for piece in pieces)]
    # From the end, so that the places of earlier characters stay valid.
    for edit in reversed(list(edits)):
        touched = [i for i in range(len(pieces)) if starts[i] < edit.end and starts[i + 1] > edit.start]
        for i in reversed(touched):
            edited[i] = _without(edited[i], edit.start - starts[i], min(edit.end, starts[i + 1]) - starts[i])
        if edit.text and touched:
            edited[touched[0]] = _with_text(edited, touched, max(0, edit.start - starts[touched[0]]), edit.text)
    return _with_punctuation([piece for piece in edited if piece.text])


def _without(piece: Piece, start: int, end: int) -> Piece:
    return replace(piece, text=piece.text[: max(0, start)] + piece.text[end:])


def _with_text(pieces: Sequence[Piece], touched: Sequence[int], at: int, text: str) -> Piece:
    first, last = pieces[touched[0]], pieces[touched[-1]]
    return Piece(first.text[:at] + text + first.text[at:], range(first.words.start, last.words.stop))


def _with_punctuation(pieces: Iterable[Piece]) -> list[Piece]:
    """Append a piece that has no letters any more to the word before it."""
    words: list[Piece] = []
    for piece in pieces:
        if words and not any(is_letter(character) or character == MASK for character in piece.text):
            words[-1] = replace(words[-1], text=words[-1].text + piece.text)
        else:
            words.append(piece)
    return words
