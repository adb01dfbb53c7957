"""Edits, erasure and word error rate."""

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.text.edits import WordErrors, contradicted, edit_table, erased

words = st.lists(st.sampled_from(["we", "must", "go", "now"]))
texts = words.map(" ".join)


def test_scripts_without_spaces_are_counted_in_characters() -> None:
    errors = WordErrors("zh")
    assert errors.add("今天天气", "今天天氣") == 1
    assert (errors.words, errors.percent) == (4, 25.0)


def test_errors_add_up_over_texts() -> None:
    errors = WordErrors()
    assert errors.add("we must go now", "we go now please") == 2
    assert errors.add("yes", "") == 1
    assert (errors.errors, errors.words, errors.percent) == (3, 5, 60.0)


@given(texts.filter(bool), texts)
def test_word_errors_are_those_of_jiwer(reference: str, recognized: str) -> None:
    expected = jiwer.process_words(reference, recognized)
    total = expected.insertions + expected.deletions + expected.substitutions
    assert WordErrors().add(reference, recognized) == total


@given(words, words)
def test_the_edit_table_holds_the_distances_of_all_beginnings(old: list[str], new: list[str]) -> None:
    table = edit_table(old, new)
    assert [len(row) for row in table] == [len(new) + 1] * (len(old) + 1)
    for i, row in enumerate(table):
        for j, distance in enumerate(row):
            assert distance == edit_table(old[:i], new[:j])[-1][-1]


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [("", "we go", 0), ("we go", "We go, now", 0), ("we must go", "we may go", 2), ("we go", "", 2), ("yes", "no", 1)],
)
def test_erased_words_are_those_from_the_first_difference_on(before: str, after: str, count: int) -> None:
    assert erased(before, after) == count


@pytest.mark.parametrize(
    ("committed", "final", "count"),
    [
        ("", "anything", 0),
        ("Hello there", "hello, there my friend", 0),
        ("hello their", "hello there my friend", 1),
        ("we must go", "we go now", 1),
        ("we go", "we must go now", 1),
        ("we go", "", 2),
        ("今天天气", "今天天氣很好", 1),
    ],
)
def test_contradicted_words_are_the_edits_to_the_beginning_of_the_final(committed: str, final: str, count: int) -> None:
    assert contradicted(committed, final) == count


@given(texts, texts)
def test_a_text_that_grows_erases_and_contradicts_nothing(text: str, more: str) -> None:
    assert erased(text, f"{text} {more}") == 0
    assert contradicted(text, f"{text} {more}") == 0


@given(texts, texts)
def test_the_contradicted_words_are_bounded_by_the_edits_between_the_whole_texts(committed: str, final: str) -> None:
    whole = WordErrors().add(committed, final)
    count = contradicted(committed, final)
    assert count <= min(len(committed.split()), whole)
    assert count >= whole - len(final.split())
