"""How well a line or a cue may end after a word."""

import pytest

from backend.cli.files.subtitles.breaks import BINDING, CLAUSE, SENTENCE, UTTERANCE, WORD, break_cost
from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.subtitles.units import TimedText, TimedWord, units_of


def cost_after_first(text: str, language: str = "en") -> float:
    first, second, *_ = units_of([TimedText([TimedWord(text, 0, 900)], language)], CueLimits())
    return break_cost(first, second)


@pytest.mark.parametrize(
    ("text", "language", "cost"),
    [
        ("Yes. No", "en", SENTENCE),
        ("Yes!” No", "en", SENTENCE),
        ("是。不", "zh", SENTENCE),
        ("हाँ। नहीं", "hi", SENTENCE),
        ("Yes, no", "en", CLAUSE),
        ("是，不", "zh", CLAUSE),
        ("ครับ ไม่", "th", CLAUSE),
        ("Yes no", "en", WORD),
        ("今天公司", "zh", WORD),
        ("Mr. Smith", "en", BINDING),
        ("Nr. 5", "de", BINDING),
        ("Mr... Smith", "en", SENTENCE),
        ("5 apples", "en", BINDING),
        ("两个", "zh", BINDING),
        ("遭到了，", "zh", BINDING),
        ("The house", "en", BINDING),
        ("de la casa", "es", BINDING),
        ("к дому", "ru", BINDING),
    ],
)
def test_a_break_costs_less_after_a_sentence_and_more_after_an_article(text: str, language: str, cost: float) -> None:
    assert cost_after_first(text, language) == cost


def test_an_utterance_may_end_without_a_full_stop() -> None:
    texts = [TimedText([TimedWord("the", 0, 900)], "en")] * 2
    first, second = units_of(texts, CueLimits())
    assert break_cost(first, second) == break_cost(second, None) == UTTERANCE
