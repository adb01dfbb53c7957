"""Texts as words, and what changes in them before a reader's eyes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.load.wer import WordErrors
from backend.load.words import contradicted, erased, normalize

texts = st.lists(st.sampled_from(["one", "two", "three", "four"])).map(" ".join)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("Mr. Brown has TWO dogs; they won't bark", "mister brown has 2 dogs they will not bark", "en"),
        ("Straße - ja!", "straße ja", "de"),
        ("今天 天气", "今天天气。", "zh"),
    ],
)
def test_what_no_listener_could_hear_does_not_count(one: str, other: str, language: str) -> None:
    assert normalize(one, language) == normalize(other, language)


def test_scripts_without_spaces_are_counted_by_characters() -> None:
    errors = WordErrors("zh")
    assert errors.add("今天天气", "今天天氣") == 1
    assert (errors.words, errors.percent) == (4, 25.0)


def test_errors_add_up_over_texts() -> None:
    errors = WordErrors()
    assert errors.add("we must go now", "we go now please") == 2
    assert errors.add("yes", "") == 1
    assert (errors.errors, errors.words, errors.percent) == (3, 5, 60.0)


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [("", "we go", 0), ("we go", "We go, now", 0), ("we must go", "we may go", 2), ("we go", "", 2), ("yes", "no", 1)],
)
def test_erased_is_what_must_go_so_that_the_next_text_can_grow(before: str, after: str, count: int) -> None:
    assert erased(before, after) == count


@given(texts, texts)
def test_growing_erases_and_contradicts_nothing(text: str, more: str) -> None:
    assert erased(text, f"{text} {more}") == 0
    assert contradicted(text, f"{text} {more}") == 0


@given(texts, texts)
def test_a_promise_is_contradicted_by_no_more_words_than_it_has_and_no_less_than_whole_texts_differ(
    promised: str, final: str
) -> None:
    whole = WordErrors().add(promised, final) if promised else 0
    count = contradicted(promised, final)
    assert count <= min(len(promised.split()), whole)
    assert count >= whole - len(final.split())
