"""Soniox's tokens. Joined, the final ones are the transcript, or its translation. Pure."""

from collections.abc import Sequence
from typing import Any

from backend.cli.files.speaker_parts import speaker_of
from backend.messages.protocol import Final, Partial, Word
from backend.text.writing_systems import join_texts, split_words

Token = dict[str, Any]
END, FINALIZED = "<end>", "<fin>"


class TokenText:
    """The text of one kind of tokens: the transcript, or its translation."""

    def __init__(self) -> None:
        self._last = ""

    def lead(self, text: str) -> str:
        """The space before the next utterance, or nothing."""
        return join_texts([self._last, text]).removeprefix(self._last).removesuffix(text) if text else ""

    def extend(self, text: str) -> None:
        """These tokens are final."""
        self._last = text[-1:] or self._last


def marker(text: str) -> Token:
    """A token that is no text."""
    return {"text": text, "is_final": True}


def tentative(partial: Partial, lead: str, extra: Token) -> list[Token]:
    """The tokens of an utterance in progress."""
    text = partial.committed + partial.tentative
    return _timed(partial.words or (), lead, extra, is_final=False) or _untimed(text, lead, extra, is_final=False)


def definitive(final: Final, lead: str, extra: Token) -> list[Token]:
    """The tokens of an utterance."""
    whole = Word(word=final.text, start_ms=final.start_ms, end_ms=final.end_ms, confidence=final.confidence)
    words = final.words or (whole,)
    tokens = _timed(words, lead, extra, is_final=True) if final.text else []
    if final.speaker is None:
        return tokens
    return [{**token, "speaker": speaker_of(final, word)} for token, word in zip(tokens, words, strict=False)]


def translated(text: str, lead: str, extra: Token, *, is_final: bool) -> list[Token]:
    """The tokens of a translation. They have no times."""
    return _untimed(text, lead, extra, is_final=is_final)


def _timed(words: Sequence[Word], lead: str, extra: Token, *, is_final: bool) -> list[Token]:
    return [
        {
            "text": word.word if number else lead + word.word.lstrip(),
            "start_ms": word.start_ms,
            "end_ms": word.end_ms,
            "confidence": round(word.confidence, 4),
            "is_final": is_final,
            **extra,
        }
        for number, word in enumerate(words)
    ]


def _untimed(text: str, lead: str, extra: Token, *, is_final: bool) -> list[Token]:
    """One token for each word."""
    pieces = split_words(text)
    if rest := text.removeprefix("".join(pieces)):
        pieces = [*pieces[:-1], pieces[-1] + rest] if pieces else [rest]
    if pieces:
        pieces[0] = lead + pieces[0]
    return [{"text": piece, "is_final": is_final, **extra} for piece in pieces]
