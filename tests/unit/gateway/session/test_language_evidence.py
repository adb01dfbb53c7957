from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.text.language_odds import likeliest
from gateway.session.language_evidence import MAX_UTTERANCES, LanguageEvidence

CLEAR, DOUBTFUL = {"en": 0.97}, {"en": 0.4, "la": 0.35}


def evidence(utterances: Sequence[int], allowed: Sequence[str] = ()) -> LanguageEvidence:
    """Evidence of English in odd utterances and of French in even ones, added in the given order."""
    pool = LanguageEvidence(allowed)
    for number in utterances:
        pool.add(number, {"en": 0.8, "fr": 0.1} if number % 2 else {"fr": 0.7, "en": 0.2}, 3.0)
    return pool


@given(st.permutations(range(1, 9)))
def test_the_order_of_arrival_does_not_matter(order: list[int]) -> None:
    assert evidence(order).odds() == evidence(range(1, 9)).odds()


def test_without_evidence_nothing_is_known() -> None:
    pool = LanguageEvidence()
    pool.add(1, {}, 3.0)
    assert pool.odds() == {}
    assert not pool.is_settled


@pytest.mark.parametrize(
    ("detected", "seconds", "settled"), [(CLEAR, 3.0, True), (CLEAR, 0.5, False), (DOUBTFUL, 5.0, False)]
)
def test_clear_speech_settles_the_language(detected: dict[str, float], seconds: float, settled: bool) -> None:
    pool = LanguageEvidence()
    pool.add(1, detected, seconds)
    assert pool.is_settled is settled


def test_enough_speech_settles_the_language_in_any_case() -> None:
    pool = LanguageEvidence()
    for number in range(7):
        pool.add(number, {"en": 0.3, "la": 0.3, "nl": 0.3}, 5.0)
    assert pool.is_settled


def test_a_set_of_allowed_languages_excludes_the_others() -> None:
    assert likeliest(evidence([2, 4], allowed=("en", "de")).odds()) == "en"


def test_old_utterances_are_forgotten() -> None:
    pool = evidence(range(1, 10 * MAX_UTTERANCES))
    assert pool.odds() == evidence(range(9 * MAX_UTTERANCES, 10 * MAX_UTTERANCES)).odds()
