"""Whatever an endpoint reports about words, the text is kept and split into words with ascending times."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.text.normalize import letters
from stt_worker.recognizers.recognizer import Hypothesis, Speech
from stt_worker.recognizers.verbose_json import VerboseTranscription

SECONDS = 4.0
TEXT = st.text(st.sampled_from("abz 1.,!?é你好ทか\u0301\n"), max_size=40)
TIME = st.floats(-1e9, 1e9)
ANSWERS = st.fixed_dictionaries(
    {"text": TEXT},
    optional={
        "words": st.lists(st.fixed_dictionaries({"word": TEXT, "start": TIME, "end": TIME}), max_size=6),
        "segments": st.lists(st.fixed_dictionaries({"text": TEXT, "start": TIME, "end": TIME}), max_size=3),
    },
)


def heard(answer: dict[str, Any], **asked: Any) -> Hypothesis:
    """The hypothesis of an answer to four seconds of audio."""
    speech = Speech(samples=np.zeros(round(16_000 * SECONDS), np.float32), words=True, **asked)
    return VerboseTranscription.model_validate(answer).hypothesis(speech)


def times(hypothesis: Hypothesis) -> list[tuple[str, float, float]]:
    return [(word.text, round(word.start, 6), round(word.end, 6)) for word in hypothesis.words]


@given(ANSWERS, st.sampled_from(["", "ab", "Ab z,", "你好"]))
def test_joined_words_are_the_text_and_begin_with_the_prefix(answer: dict[str, Any], prefix: str) -> None:
    hypothesis = heard(answer, prefix=prefix)
    assert hypothesis.text.startswith(prefix)
    assert "".join(word.text for word in hypothesis.words).strip() == hypothesis.text
    assert all(0.0 <= word.start <= word.end <= SECONDS for word in hypothesis.words)


def test_words_without_punctuation_keep_their_times_and_get_the_spelling_of_the_text() -> None:
    words = [{"word": "Hello", "start": 0.5, "end": 0.9}, {"word": "world", "start": 1.5, "end": 2.0}]
    assert times(heard({"text": "Hello, world.", "words": words})) == [("Hello,", 0.5, 0.9), (" world.", 1.5, 2.0)]


def test_without_words_the_segments_are_divided_by_letters() -> None:
    segments = [{"text": " One two.", "start": 0.0, "end": 1.2}, {"text": " Three.", "start": 2.0, "end": 3.0}]
    spread = times(heard({"text": "One two. Three.", "segments": segments}))
    assert spread == [("One", 0.0, 0.6), (" two.", 0.6, 1.2), (" Three.", 2.0, 3.0)]


def test_without_segments_the_whole_audio_is_divided() -> None:
    assert times(heard({"text": "one two"})) == [("one", 0.0, 2.0), (" two", 2.0, 4.0)]


def test_in_a_script_without_spaces_each_character_is_a_word() -> None:
    assert times(heard({"text": "你好。"})) == [("你", 0.0, 2.0), ("好", 2.0, 4.0), ("。", 2.0, 4.0)]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("hello, world. And more", "Hello world. And more"),
        ("Hello word and more", "Hello world and more"),
        ("Hello worlds and more", "Hello worlds and more"),
        ("Yellow worlds and more", "Hello world and more"),
        ("你好", "Hello world"),
    ],
)
def test_a_different_text_continues_after_the_prefix(text: str, whole: str) -> None:
    assert heard({"text": text}, prefix="Hello world").text == whole


def test_a_text_shorter_than_the_prefix_is_replaced_by_it() -> None:
    assert heard({"text": "Hel"}, prefix="Hello world").text == "Hello world"


@pytest.mark.parametrize(
    ("said", "code"),
    [("english", "en"), ("Chinese", "zh"), ("myanmar", "my"), ("pt-BR", "pt"), ("de", "de"), ("klingon", "fr")],
)
def test_a_language_is_a_name_or_a_code_and_otherwise_the_last_language(said: str, code: str) -> None:
    assert heard({"text": "a", "language": said}, last_language="fr").language == code


def test_the_requested_language_is_kept() -> None:
    assert heard({"text": "a", "language": "english"}, language="de").language == "de"


def test_probabilities_are_those_of_the_segments() -> None:
    segments = [{"avg_logprob": -0.2, "no_speech_prob": 0.1}, {"avg_logprob": -0.6, "no_speech_prob": 0.3}]
    hypothesis = heard({"text": "a b", "segments": segments})
    assert hypothesis.avg_logprob == pytest.approx(-0.4)
    assert hypothesis.no_speech_probability == pytest.approx(0.2)
    assert [word.probability for word in hypothesis.words] == [pytest.approx(np.exp(-0.4))] * 2


def test_words_are_omitted_if_they_are_not_requested() -> None:
    speech = Speech(samples=np.zeros(16_000, np.float32))
    assert VerboseTranscription(text="a b").hypothesis(speech).words == ()


@given(TEXT)
def test_all_letters_are_kept_and_none_is_added(text: str) -> None:
    assert letters(heard({"text": text}).text) == letters(text)


def test_the_language_of_a_translation_is_not_that_of_the_speech() -> None:
    answer = {"text": "Good morning", "language": "english"}
    assert (heard(answer).language, heard(answer).translated) == ("en", False)
    asked = heard(answer, translate=True, last_language="fr")
    assert (asked.language, asked.text_language, asked.translated) == ("fr", "en", True)
    assert heard(answer, translate=True, language="de").language == "de"
