"""Prompts and limits of the decoder, with a tokenizer whose tokens are code points."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from stt_worker.recognizers.recognizer import Speech
from stt_worker.recognizers.whisper_tokens import (
    CONTEXT_TOKENS,
    MAX_PROMPT_TOKENS,
    MAX_TOKENS,
    context_tokens,
    max_length,
    prefix_tokens,
    token_spelling,
)


@dataclass
class CodePoints:
    """Tokens from `eot` on are control tokens, as in Whisper's vocabulary."""

    language_code: str = "en"
    eot: int = 0x2000
    sot_prev: int = 0x2001

    def encode(self, text: str) -> list[int]:
        return [ord(character) for character in text]


def speech(seconds: float = 1.0, **fields: Any) -> Speech:
    return Speech(np.zeros(round(16_000 * seconds), np.float32), **fields)


def codes(text: str) -> list[int]:
    return [ord(character) for character in text]


def tokenizer(language: str = "en") -> Any:
    return cast(Any, CodePoints(language))


def test_hotwords_come_before_the_prompt_and_both_are_limited() -> None:
    context = context_tokens(tokenizer(), speech(hotwords="h" * 500, prompt="a" * 500 + "z"))
    assert len(context) == 1 + MAX_PROMPT_TOKENS
    assert context[0] == CodePoints.sot_prev
    assert context[1:3] == codes(" h")
    assert context[-1] == ord("z")


def test_the_text_before_comes_last_and_always_takes_the_same_number_of_tokens() -> None:
    context = context_tokens(tokenizer(), speech(prompt="p", context="a" * 500 + "z"))
    assert context == [CodePoints.sot_prev, *codes(" p"), *codes("a" * (CONTEXT_TOKENS - 1) + "z")]
    assert context_tokens(tokenizer(), speech(context="a" * (CONTEXT_TOKENS - 2))) == []


def test_the_text_before_leaves_room_for_the_answer() -> None:
    context = context_tokens(tokenizer(), speech(hotwords="h" * 500, prompt="p" * 500, context="a" * 500))
    assert len(context) == 1 + MAX_PROMPT_TOKENS
    assert context[-CONTEXT_TOKENS - 1 :] == codes("p" + "a" * CONTEXT_TOKENS)


def test_without_prompt_and_hotwords_there_is_no_context() -> None:
    assert context_tokens(tokenizer(), speech(prompt=" ")) == []


def test_control_tokens_in_a_prompt_are_dropped() -> None:
    assert context_tokens(tokenizer(), speech(prompt="a\u2005b")) == [CodePoints.sot_prev, *codes(" ab")]


@pytest.mark.parametrize(("language", "tokens"), [("en", codes(" ab")), ("zh", codes("ab")), ("km", codes(" ab"))])
def test_a_prefix_begins_with_a_space_except_in_the_unspaced_languages_of_whisper(
    language: str, tokens: list[int]
) -> None:
    assert prefix_tokens(tokenizer(language), speech(prefix="ab ")) == tokens


def test_the_limit_grows_with_the_audio_up_to_the_context_of_the_decoder() -> None:
    limits = [max_length([speech(seconds)], ["en"], 0, [[]]) for seconds in (1, 5, 30)]
    assert limits == sorted(limits)
    assert limits[-1] == MAX_TOKENS
    assert max_length([speech()], ["ru"], 0, [[]]) > limits[0]
    assert max_length([speech()], ["en"], 0, [[1] * 50]) > limits[0]


def test_the_spelling_of_a_token_is_bytes_that_may_end_inside_a_character() -> None:
    # Entries of the vocabulary: " the", "é" as two bytes, a line break, and the first two bytes of a Chinese character.
    vocabulary = {0: "Ġthe", 1: "Ã©", 2: "Ċ", 3: "ä½"}
    stand_in: Any = SimpleNamespace(tokenizer=SimpleNamespace(id_to_token=vocabulary.__getitem__))
    assert [token_spelling(stand_in, token) for token in vocabulary] == [b" the", "é".encode(), b"\n", b"\xe4\xbd"]
