"""Text that its context may have decided is decoded again without it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stt_worker.guards.contexts import is_misled
from stt_worker.recognizers.recognizer import Hypothesis, Speech

CONTINUED = Speech(np.zeros(16_000, np.float32), context="Replied he, of a truth", context_language="en")


def hypothesis(text: str = "I heard him not.", **fields: Any) -> Hypothesis:
    known = {"language": "en", "language_probability": 1.0, "avg_logprob": -0.3, "no_speech_probability": 0.0}
    return Hypothesis(text, **{**known, **fields})


def test_probable_text_that_continues_the_context_is_accepted() -> None:
    assert not is_misled(CONTINUED, hypothesis(), "")
    assert not is_misled(CONTINUED, hypothesis(language="fr", translated=True), ""), "its text is English"


@pytest.mark.parametrize(
    "doubtful",
    [
        hypothesis(""),
        hypothesis("of a truth."),
        hypothesis("Replied he, of a truth, I heard him not."),
        hypothesis(avg_logprob=-0.8),
        hypothesis(no_speech_probability=0.4),
        hypothesis(language="fr"),
        hypothesis(language="fr", avg_logprob=-0.8, translated=True),
        hypothesis("go " * 60),
    ],
)
def test_silence_repetition_doubt_and_another_language_are_decoded_again(doubtful: Hypothesis) -> None:
    assert is_misled(CONTINUED, doubtful, "")


def test_a_few_words_of_the_context_may_be_said_again() -> None:
    assert not is_misled(CONTINUED, hypothesis("Replied he: I heard him not."), "")


@pytest.mark.parametrize(("text", "misled"), [("我们今天学习中文和英文", True), ("我们今天去北京", False)])
def test_in_scripts_without_spaces_fewer_letters_are_a_repetition(text: str, misled: bool) -> None:
    chinese = replace(CONTINUED, context="我们今天学习中文", context_language="zh")
    assert is_misled(chinese, hypothesis(text, language="zh"), "") == misled


def test_text_that_a_guard_objects_to_is_decoded_again() -> None:
    assert is_misled(CONTINUED, hypothesis(), "loop")


def test_without_a_context_nothing_is_misled() -> None:
    assert not is_misled(Speech(CONTINUED.samples), hypothesis("", avg_logprob=-2.0), "improbable")
