import math

import numpy as np
import pytest

from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.recognizers.onnx.results import TokenSequence, language_code
from stt_worker.recognizers.recognizer import Hypothesis, Speech

SPEECH = Speech(np.zeros(32_000, np.float32), words=True)
HELLO = TokenSequence(
    " Hello, wor ld", (" Hel", "lo", ",", " wor", "ld"), (0.2, 0.4, 0.5, 1.0, 1.2), (-0.1, -0.3, -2.0, -0.5, -0.5)
)
SPOKEN = TokenSequence("Hello, world", HELLO.tokens, HELLO.starts, HELLO.logprobs)


def hypothesis(tokens: TokenSequence, speech: Speech = SPEECH, languages: frozenset[str] | None = None) -> Hypothesis:
    return tokens.hypothesis(speech, languages=languages, aligned=True)


def test_words_have_the_times_and_the_probabilities_of_their_tokens() -> None:
    first, second = hypothesis(SPOKEN).words
    assert (first.text, second.text) == ("Hello,", " world")
    assert (first.start, round(first.end, 2)) == (0.2, 0.5)
    assert (second.start, round(second.end, 2)) == (1.0, 1.6), "the last token does not last until the end"
    assert first.probability == pytest.approx(math.exp(-(3 * 0.1 + 2 * 0.3) / 5))
    assert second.logprob == pytest.approx(-0.5)


def test_words_joined_are_the_text() -> None:
    for text in ("Hello, world", "你好 world", "one"):
        found = hypothesis(TokenSequence(text))
        assert "".join(word.text for word in found.words).strip() == found.text == text


def test_without_times_words_are_spread_over_the_audio() -> None:
    first, second = hypothesis(TokenSequence("Hello world")).words
    assert (first.start, first.end, second.end) == (0.0, 1.0, 2.0)
    assert first.probability == 1.0


def test_words_are_only_given_if_they_are_wanted() -> None:
    assert hypothesis(SPOKEN, Speech(SPEECH.samples)).words == ()


def test_log_probabilities_give_the_confidence_and_no_reason_to_withhold_the_text() -> None:
    doubtful = hypothesis(TokenSequence("Thank you", (" Thank", " you"), (0.1, 0.5), (-3.0, -2.0)))
    assert doubtful.confidence == pytest.approx(math.exp(-2.5))
    assert withhold_reason(doubtful, 2.0) == ""
    assert hypothesis(TokenSequence("Thank you")).confidence is None


def test_only_aligned_models_are_trusted_to_repeat_themselves() -> None:
    looped = TokenSequence("no no no " * 30)
    assert withhold_reason(looped.hypothesis(SPEECH, languages=None, aligned=False), 2.0) == "repetitive"
    assert withhold_reason(looped.hypothesis(SPEECH, languages=None, aligned=True), 2.0) == ""


@pytest.mark.parametrize(
    ("detected", "languages", "last", "expected"),
    [
        ("ja", frozenset({"ja", "en"}), None, "ja"),
        ("", frozenset({"ru"}), "en", "ru"),
        ("", frozenset({"de", "fr"}), "fr", "fr"),
        ("", None, None, "en"),
    ],
)
def test_the_language_is_what_is_known_of_it(
    detected: str, languages: frozenset[str] | None, last: str | None, expected: str
) -> None:
    speech = Speech(SPEECH.samples, last_language=last)
    assert hypothesis(TokenSequence("text", language=detected), speech, languages).language == expected


def test_a_stable_final_begins_with_the_committed_words() -> None:
    speech = Speech(SPEECH.samples, prefix="Hallo")
    assert hypothesis(SPOKEN, speech).text == "Hallo, world"


def test_the_token_of_a_language_contains_its_code() -> None:
    assert [language_code(token) for token in ("<|zh|>", "en", "")] == ["zh", "en", ""]
