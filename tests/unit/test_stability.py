"""What was promised stays; what is promised was heard twice, surely, and not at the edge."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.jobs import HypothesisWord
from stt_worker.guards import letters
from stt_worker.recognizer import Hypothesis, TimedWord
from stt_worker.stability import Policy, Stable, agree, contradicted, count_words, spoken_language

EAGER = Policy(least_probability=0.0, settled_probability=0.0, edge_seconds=0.0, held_back=0)
SECONDS = 10.0


def heard(*words: str, probability: float = 0.9, length: float = 0.3) -> Hypothesis:
    """Words of equal length, one after the other."""
    timed = tuple(TimedWord(word, i * length, (i + 1) * length, probability) for i, word in enumerate(words))
    return Hypothesis("".join(words).strip(), "en", 1.0, -0.2, 0.0, timed)


def remembered(*words: str, probability: float = 0.9) -> tuple[HypothesisWord, ...]:
    return tuple(HypothesisWord(text=word, probability=probability) for word in words)


def test_a_first_decode_commits_nothing_and_is_remembered() -> None:
    stable = agree("", (), heard(" Hello", " there."), SECONDS, EAGER)
    assert stable == Stable("", "Hello there.", remembered(" Hello", " there."))


def test_words_heard_twice_are_committed_up_to_the_first_that_differs() -> None:
    stable = agree("", remembered(" Hello", " fair", " world"), heard(" Hello", " there", " world"), SECONDS, EAGER)
    assert (stable.committed, stable.tentative) == ("Hello", " there world")
    assert [word.text for word in stable.hypothesis] == [" there", " world"]


def test_case_and_punctuation_are_no_difference_and_the_last_spelling_is_committed() -> None:
    stable = agree("", remembered(" hello,", " there"), heard(" Hello", " there!"), SECONDS, EAGER)
    assert stable.committed == "Hello there"


def test_punctuation_behind_the_last_committed_word_stays_tentative_until_a_word_follows() -> None:
    first = agree("", remembered(" Hello,"), heard(" Hello,", " world"), SECONDS, EAGER)
    assert (first.committed, first.tentative) == ("Hello", ", world")
    second = agree(first.committed, first.hypothesis, heard(" Hello,", " world."), SECONDS, EAGER)
    assert (second.committed, second.tentative) == ("Hello, world", ".")


def test_a_word_that_grew_is_not_the_same_word() -> None:
    assert agree("", remembered(" the"), heard(" then"), SECONDS, EAGER).committed == ""


def test_a_doubtful_word_and_all_behind_it_wait() -> None:
    words = heard(" we", " must", " go", length=3.0)
    unsure = replace(words, words=(words.words[0], replace(words.words[1], probability=0.1), words.words[2]))
    policy = Policy(held_back=0)
    assert agree("", remembered(" we", " must", " go"), unsure, 20.0, policy).committed == "we"
    assert agree("", remembered(" we", " must", " go"), words, 20.0, policy).committed == "we must go"


def test_both_decodes_must_be_sure() -> None:
    policy = Policy(held_back=0)
    assert agree("", remembered(" we", probability=0.1), heard(" we"), SECONDS, policy).committed == ""


def test_a_word_long_over_needs_to_be_less_sure() -> None:
    policy = Policy(least_probability=0.8, settled_probability=0.4, settled_seconds=2.0, edge_seconds=0.5, held_back=0)
    unsure = heard(" we", probability=0.5)
    assert agree("", remembered(" we", probability=0.5), unsure, 1.5, policy).committed == ""
    assert agree("", remembered(" we", probability=0.5), unsure, 2.4, policy).committed == "we"


def test_a_word_at_the_cut_edge_of_the_audio_waits() -> None:
    policy = Policy(edge_seconds=0.5, held_back=0)
    said = heard(" one", " two", length=1.0)
    assert agree("", remembered(" one", " two"), said, 2.2, policy).committed == "one"
    assert agree("", remembered(" one", " two"), said, 2.6, policy).committed == "one two"


@pytest.mark.parametrize(("held_back", "committed"), [(0, "one two three"), (1, "one two"), (2, "one"), (5, "")])
def test_the_last_words_are_held_back(held_back: int, committed: str) -> None:
    policy = replace(EAGER, held_back=held_back)
    words = (" one", " two", " three")
    assert agree("", remembered(*words), heard(*words), SECONDS, policy).committed == committed


def test_of_two_readings_of_one_word_the_more_probable_stays_in_sight() -> None:
    before = remembered(" box", " car", " door")
    doubtful = heard(" box", " tsar", " door", probability=0.3)
    stable = agree("", before, doubtful, SECONDS, replace(EAGER, held_back=3))
    assert stable.tentative == "box car door"
    assert [word.text for word in stable.hypothesis] == [" box", " car", " door"]
    surer = heard(" box", " tsar", " door", probability=0.95)
    assert agree("", before, surer, SECONDS, replace(EAGER, held_back=3)).tentative == "box tsar door"


def test_scripts_without_spaces_are_committed_by_their_tokens() -> None:
    stable = agree("今天", remembered("天气", "很", "好"), heard("今天", "天气", "很", "好。"), SECONDS, EAGER)
    assert (stable.committed, stable.tentative) == ("今天天气很好", "。")


def test_an_engine_that_cannot_be_forced_is_followed_by_the_count_of_letters() -> None:
    stable = agree("Hello there", remembered(" my"), heard(" hello", " their,", " my", " friend"), SECONDS, EAGER)
    assert (stable.committed, stable.tentative) == ("Hello there, my", " friend")


def test_a_decode_that_ends_before_the_promise_takes_nothing_back() -> None:
    assert agree("Hello there", remembered(" my"), heard(" Hello"), SECONDS, EAGER) == Stable("Hello there", "", ())


spelling = st.sampled_from(["we", "We", "must", "go", "go,", "now", "now.", "don't", "été", "天", "हिन्दी"])
probability = st.floats(0, 1)
decodes = st.lists(st.lists(st.tuples(spelling, probability), max_size=8), min_size=1, max_size=8)
policies = st.builds(
    Policy,
    least_probability=probability,
    settled_probability=probability,
    settled_seconds=st.floats(0, 4),
    edge_seconds=st.floats(0, 2),
    held_back=st.integers(0, 3),
)


@given(decodes, policies)
def test_committed_text_only_grows_and_all_that_was_heard_is_shown(
    rounds: list[list[tuple[str, float]]], policy: Policy
) -> None:
    stable = Stable("", "", ())
    for said in rounds:
        forced = [TimedWord(stable.committed, 0.0, 0.1, 0.9)] if stable.committed else []
        fresh = [TimedWord(f" {word}", 0.3 * i, 0.3 * (i + 1), p) for i, (word, p) in enumerate(said)]
        words = (*forced, *fresh)
        text = "".join(word.text for word in words).strip()
        after = agree(stable.committed, stable.hypothesis, Hypothesis(text, "en", 1, -0.1, 0, words), 3.0, policy)
        assert after.committed.startswith(stable.committed)
        assert after.committed == after.committed.strip()
        assert not after.committed or letters(after.committed[-1])
        assert count_words(after.committed + after.tentative) == count_words(text)
        assert letters(after.tentative) == letters("".join(word.text for word in after.hypothesis))
        stable = after


@given(st.lists(spelling, max_size=6), policies)
def test_nothing_is_committed_on_one_hearing(said: list[str], policy: Policy) -> None:
    assert agree("", (), heard(*(f" {word}" for word in said)), SECONDS, policy).committed == ""


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
def test_contradictions_are_the_edits_between_the_promise_and_the_beginning_of_the_final(
    committed: str, final: str, count: int
) -> None:
    assert contradicted(committed, final) == count


@given(st.lists(spelling), st.lists(spelling))
def test_a_final_that_begins_with_the_promise_contradicts_nothing(promise: list[str], more: list[str]) -> None:
    assert contradicted(" ".join(promise), " ".join(promise + more)) == 0
    assert contradicted(" ".join(promise), " ".join(more)) <= max(count_words(" ".join(promise)), 0)


def test_words_are_counted_and_characters_where_a_script_has_no_spaces() -> None:
    assert count_words("Don't go -- now!") == 3
    assert count_words("今天 AI 很好。") == 5
    assert count_words("한국어 문장") == 2


@pytest.mark.parametrize(
    ("before", "probabilities", "seconds", "language"),
    [
        (None, {"en": 0.4, "de": 0.3}, 1.0, "en"),
        ("de", {"en": 0.7, "de": 0.2}, 5.0, "de"),
        ("de", {"en": 0.9, "de": 0.05}, 1.0, "de"),
        ("de", {"en": 0.9, "de": 0.05}, 3.0, "en"),
    ],
)
def test_a_language_is_kept_until_another_is_all_but_certain(
    before: str | None, probabilities: dict[str, float], seconds: float, language: str
) -> None:
    assert spoken_language(before, probabilities, seconds) == (language, probabilities[language])
