import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.text.language_odds import likeliest, update_odds

CLEAR_EN, CLEAR_FR = {"en": 0.97, "de": 0.01}, {"fr": 0.96, "en": 0.02}
ODDS = st.dictionaries(st.sampled_from(["en", "fr", "de", "zh"]), st.floats(0.01, 1.0), min_size=1)


def after(*utterances: tuple[dict[str, float], float]) -> dict[str, float]:
    odds: dict[str, float] = {}
    for detected, seconds in utterances:
        odds = update_odds(odds, detected, seconds)
    return odds


def test_doubtful_detections_add_up() -> None:
    doubtful = {"en": 0.45, "la": 0.35, "nl": 0.2}
    assert after((doubtful, 3.0))["en"] < 0.5
    assert after(*[(doubtful, 3.0)] * 6)["en"] > 0.7


@pytest.mark.parametrize("detected", [{"pt": 0.6, "en": 0.2}, {"nl": 0.5, "en": 0.3}])
def test_a_doubtful_utterance_does_not_change_the_language(detected: dict[str, float]) -> None:
    assert likeliest(after((CLEAR_EN, 3.0), (detected, 4.0))) == "en"


@pytest.mark.parametrize("before", [1, 3, 50])
def test_a_clear_sentence_changes_the_language_and_a_short_word_after_it_keeps_the_new_one(before: int) -> None:
    switched = [*[(CLEAR_EN, 4.0)] * before, (CLEAR_FR, 3.0)]
    assert likeliest(after(*switched)) == "fr"
    assert likeliest(after(*switched, ({"en": 0.5, "fr": 0.3}, 0.8))) == "fr"


def test_a_short_piece_does_not_change_the_language() -> None:
    assert likeliest(after((CLEAR_EN, 3.0), (CLEAR_FR, 0.8))) == "en"


def test_only_allowed_languages_are_considered() -> None:
    odds = update_odds({}, {"pt": 0.8, "es": 0.1}, 3.0, allowed=("es", "en"))
    assert set(odds) == {"es", "en"}
    assert likeliest(odds) == "es"


@given(ODDS, ODDS, st.floats(0.0, 30.0))
def test_the_odds_are_probabilities(earlier: dict[str, float], detected: dict[str, float], seconds: float) -> None:
    odds = update_odds(earlier, detected, seconds)
    assert sum(odds.values()) <= 1.0 + 1e-9
    assert all(0.0 < value <= 1.0 for value in odds.values())
