"""From the decoder's tokens to words with times.

Every language is cut into words as Whisper's own transcriber does it: at spaces, or, where a script writes none, at
every token that completes a character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from backend.text.normalize import letters
from stt_worker.guards import loop_start
from stt_worker.recognizers.recognizer import TimedWord

TOKEN_SECONDS = 0.02
"""One frame of the aligner."""
OPENING, CLOSING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""Punctuation that belongs to the word behind it, and to the word before it."""


class Splitter(Protocol):
    """What this module needs of a tokenizer."""

    eot: int
    """The first token that is no text."""

    def split_to_word_tokens(self, tokens: list[int]) -> tuple[list[str], list[list[int]]]:
        """The words, and the tokens of each."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """The words that the decoder wrote, with their tokens; joined and stripped they are the text."""

    words: Sequence[str]
    tokens: Sequence[Sequence[int]]

    @property
    def text(self) -> str:
        """Without outer spaces."""
        return "".join(self.words).strip()

    @property
    def all_tokens(self) -> list[int]:
        """In one row."""
        return [token for word in self.tokens for token in word]

    def without_loop(self, prefix: str, rounds: int) -> Written:
        """This, ended where it begins to go in circles, but not before the end of the prefix."""
        keep = loop_start(self.words, rounds)
        promised = len(letters(prefix))
        while keep < len(self.words) and len(letters("".join(self.words[:keep]))) < promised:
            keep += 1
        return self if keep == len(self.words) else Written(self.words[:keep], self.tokens[:keep])


def written(tokenizer: Splitter, prefix: Sequence[int], answer: Sequence[int]) -> Written:
    """The answer as words. It begins with all of the prefix, even where that left the decoder no room."""
    tokens = [*prefix, *(token for token in answer[len(prefix) :] if token < tokenizer.eot)]
    return Written(*tokenizer.split_to_word_tokens(tokens))


def timed(said: Written, path: Sequence[tuple[int, int]], probabilities: Sequence[float]) -> tuple[TimedWord, ...]:
    """The words with seconds and mean probabilities, punctuation joined to the word it belongs to.

    `path`: pairs of token and frame, as CTranslate2 aligns them, the end of the text counting as one more token;
    `probabilities`: of each token.
    """
    tokens, frames = np.array(path).T
    begins = frames[np.diff(tokens, prepend=-1) > 0] * TOKEN_SECONDS
    bounds = np.cumsum([0, *map(len, said.tokens)])
    words = [
        TimedWord(word, float(begins[i]), float(begins[min(j, len(begins) - 1)]), float(np.mean(probabilities[i:j])))
        for word, i, j in zip(said.words, bounds, bounds[1:], strict=False)
    ]
    return tuple(_with_punctuation(words))


def _with_punctuation(words: Sequence[TimedWord]) -> list[TimedWord]:
    joined: list[TimedWord] = []
    for word in words:
        before = joined[-1] if joined else None
        if before and before.text.startswith(" ") and before.text.strip() in OPENING:
            joined[-1] = replace(word, text=before.text + word.text)
        elif before and word.text in CLOSING:
            joined[-1] = replace(before, text=before.text + word.text)
        else:
            joined.append(word)
    return joined
