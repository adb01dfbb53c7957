"""Words keep their tokens, their times and their punctuation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_worker.recognizers.words import DecodedWords, align_words, join_punctuation, split_answer


class Characters:
    """A tokenizer whose tokens are code points, and whose words begin at spaces."""

    eot = 0x110000

    def split_to_word_tokens(self, tokens: list[int]) -> tuple[list[str], list[list[int]]]:
        words: list[str] = []
        for token in tokens:
            if chr(token) == " " or not words or chr(token) in ",.":
                words.append("")
            words[-1] += chr(token)
        return words, [[ord(character) for character in word] for word in words]


def tokens(text: str) -> list[int]:
    return [ord(character) for character in text]


def said(text: str) -> DecodedWords:
    return split_answer(Characters(), [], tokens(text))


def aligned(text: DecodedWords, frames_each: int = 2) -> list[tuple[int, int]]:
    """A path in which every token and the end take the same number of frames."""
    return [(i, i * frames_each + k) for i in range(len(text.all_tokens) + 1) for k in range(frames_each)]


def test_control_tokens_are_not_text() -> None:
    assert split_answer(Characters(), [], [*tokens(" Hi"), Characters.eot, Characters.eot + 7]).text == "Hi"


def test_the_text_begins_with_the_whole_prefix_even_if_the_answer_was_cut_off() -> None:
    prefix = tokens(" one two three")
    assert split_answer(Characters(), prefix, [*prefix, *tokens(" four")]).text == "one two three four"
    assert split_answer(Characters(), prefix, prefix[:5]).text == "one two three"


def test_a_word_lasts_from_its_first_token_to_the_next_word() -> None:
    text = said(" ab cd")
    words = align_words(text, aligned(text), [0.5, 0.7, 0.9, 1.0, 1.0, 0.4])
    assert [word.text for word in words] == [" ab", " cd"]
    assert [(word.start, word.end) for word in words] == [pytest.approx((0.0, 0.12)), pytest.approx((0.12, 0.24))]
    assert [word.probability for word in words] == pytest.approx([0.7, 0.8])


def test_punctuation_joins_the_word_it_belongs_to() -> None:
    text = DecodedWords([" Say", ' "', "yes", '"', ",", " then", " go", "."], [[i] for i in range(8)])
    words = join_punctuation(align_words(text, aligned(text), [0.9] * 8))
    assert [word.text for word in words] == [" Say", ' "yes",', " then", " go."]


def test_words_get_their_tokens_on_request_and_keep_them_when_punctuation_joins_them() -> None:
    text = said(" ab cd,")
    probabilities = [0.5, 0.7, 0.9, 1.0, 0.0, 0.4, 0.8]
    assert all(word.tokens == () for word in align_words(text, aligned(text), probabilities))
    words = join_punctuation(align_words(text, aligned(text), probabilities, lambda token: chr(token).encode()))
    assert [b"".join(token.spelling for token in word.tokens) for word in words] == [b" ab", b" cd,"]
    assert [token.id for word in words for token in word.tokens] == tokens(" ab cd,")
    logprobs = [token.logprob for word in words for token in word.tokens]
    assert logprobs == pytest.approx([-0.693, -0.357, -0.105, 0.0, -13.816, -0.916, -0.223], abs=1e-3)


def test_the_first_words_keep_their_tokens() -> None:
    text = said(" he was there, and all is well")
    assert text.first(3).all_tokens == tokens(" he was there")
    assert text.first(20) is text


@given(st.lists(st.sampled_from(["a", "bc", "d,", "é"]), min_size=1, max_size=10), st.integers(1, 5))
def test_joined_words_are_the_text_and_times_ascend(parts: list[str], frames_each: int) -> None:
    text = said("".join(f" {part}" for part in parts))
    words = join_punctuation(align_words(text, aligned(text, frames_each), [0.5] * len(text.all_tokens)))
    assert "".join(word.text for word in words).strip() == text.text
    times = [time for word in words for time in (word.start, word.end)]
    assert all(word.start <= word.end for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert times[-1] <= len(text.all_tokens) * frames_each * 0.02 + 1e-9
