"""Turn the decoder's tokens into words with times and probabilities.

Text is split into words as in Whisper's own transcriber: at spaces or, in languages that write none, at every token
that completes a character.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stt_worker.recognizers.recognizer import RecognizedToken, RecognizedWord

# The aligner works on encoder frames of 20 ms (two mel frames).
ALIGNMENT_FRAME_S = 0.02
# Punctuation that belongs to the word after it, and to the word before it (the lists of openai-whisper).
OPENING, CLOSING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


class WordTokenizer(Protocol):
    """The part of faster-whisper's tokenizer that this module uses. `eot` is the first token that is not text."""

    eot: int

    def split_to_word_tokens(self, tokens: list[int]) -> tuple[list[str], list[list[int]]]:
        """Return the words and the tokens of each."""


@dataclass(frozen=True, slots=True)
class DecodedWords:
    """The words of an answer, each with the space before it, and the tokens of each word."""

    words: Sequence[str]
    tokens: Sequence[Sequence[int]]

    @property
    def text(self) -> str:
        return "".join(self.words).strip()

    @property
    def all_tokens(self) -> list[int]:
        return [token for word in self.tokens for token in word]

    def first(self, count: int) -> "DecodedWords":
        """The first words; self if there are not more."""
        return self if count >= len(self.words) else DecodedWords(self.words[:count], self.tokens[:count])


def split_answer(tokenizer: WordTokenizer, prefix: Sequence[int], answer: Sequence[int]) -> DecodedWords:
    """Split an answer into words. The text begins with the whole prefix, even if the answer was cut off inside it."""
    tokens = [*prefix, *(token for token in answer[len(prefix) :] if token < tokenizer.eot)]
    return DecodedWords(*tokenizer.split_to_word_tokens(tokens))


def align_words(
    decoded: DecodedWords,
    path: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
    spelling: Callable[[int], bytes] | None = None,
) -> list[RecognizedWord]:
    """Give each word its times and mean probability.

    `path` holds pairs of token and frame as CTranslate2 aligns them, where the end of the text counts as one more
    token; `probabilities` has one entry for each token. With `spelling`, the text of a token, words get their tokens.
    """
    tokens, frames = np.array(path).T
    begins = frames[np.diff(tokens, prepend=-1) > 0] * ALIGNMENT_FRAME_S
    bounds = np.cumsum([0, *map(len, decoded.tokens)])
    ends = np.minimum(bounds[1:], len(begins) - 1)
    logprobs = np.log(np.maximum(probabilities, 1e-6))
    return [
        RecognizedWord(
            word,
            float(begins[i]),
            float(begins[end]),
            float(np.mean(probabilities[i:j])),
            float(np.mean(logprobs[i:j])),
            _tokens(tokens_of_word, logprobs[i:j], spelling),
        )
        for word, tokens_of_word, i, j, end in zip(
            decoded.words, decoded.tokens, bounds, bounds[1:], ends, strict=False
        )
    ]


def _tokens(
    ids: Sequence[int], logprobs: NDArray[np.float64], spelling: Callable[[int], bytes] | None
) -> tuple[RecognizedToken, ...]:
    if not spelling:
        return ()
    return tuple(RecognizedToken(i, spelling(i), logprob) for i, logprob in zip(ids, logprobs.tolist(), strict=True))


def join_punctuation(words: Sequence[RecognizedWord]) -> tuple[RecognizedWord, ...]:
    """Join punctuation to the word that it belongs to."""
    joined: list[RecognizedWord] = []
    for word in words:
        before = joined[-1] if joined else None
        if before and before.text.startswith(" ") and before.text.strip() in OPENING:
            joined[-1] = replace(word, text=before.text + word.text, tokens=before.tokens + word.tokens)
        elif before and word.text in CLOSING:
            joined[-1] = replace(before, text=before.text + word.text, tokens=before.tokens + word.tokens)
        else:
            joined.append(word)
    return tuple(joined)
