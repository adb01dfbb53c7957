"""Text is continued while it is certain and recent."""

from typing import Any

import pytest

from gateway.session.preceding_text import MAX_CHARACTERS, MAX_GAP_MS, PrecedingText
from tests.testkit.streams.jobs import final


def said(*finals: dict[str, Any]) -> PrecedingText:
    """Finals of one second each, with half a second between them."""
    preceding = PrecedingText()
    for number, fields in enumerate(finals, 1):
        begin = 1_500 * number
        preceding.add(final(**{"utterance": number, "start_ms": begin, "end_ms": begin + 1_000, **fields}))
    return preceding


def test_the_text_before_an_utterance_is_that_of_the_finals_before_it() -> None:
    preceding = said({"text": "Replied he,"}, {"text": "of a truth"})
    assert preceding.before(3, 4_500) == "Replied he, of a truth"
    assert preceding.language == "en"


def test_only_the_end_of_long_text_is_kept() -> None:
    preceding = said({"text": "a" * 500 + "z"})
    assert len(preceding.before(2, 3_000)) == MAX_CHARACTERS
    assert preceding.before(2, 3_000).endswith("z")


def test_a_final_that_has_not_arrived_leaves_no_text() -> None:
    preceding = said({"text": "one"})
    assert preceding.before(3, 4_500) == ""
    assert PrecedingText().before(1, 0) == ""


def test_after_a_long_silence_nothing_is_continued() -> None:
    preceding = said({"text": "one"})
    assert preceding.before(2, 2_500 + MAX_GAP_MS) == "one"
    assert preceding.before(2, 2_501 + MAX_GAP_MS) == ""


@pytest.mark.parametrize("doubtful", [{"text": ""}, {"text": "two", "confidence": 0.3}, {"text": "two", "late": True}])
def test_text_is_not_joined_across_a_doubtful_final(doubtful: dict[str, Any]) -> None:
    preceding = said({"text": "one"}, doubtful)
    assert preceding.before(3, 4_500) == ""
    preceding.add(final(3, "three", start_ms=4_500, end_ms=5_500))
    assert preceding.before(4, 6_000) == "three"


def test_text_in_another_language_is_not_joined() -> None:
    preceding = said({"text": "one"}, {"text": "deux", "language": "fr"})
    assert (preceding.before(3, 4_500), preceding.language) == ("deux", "fr")


def test_a_final_after_a_long_silence_is_not_joined_to_the_text_before() -> None:
    preceding = said({"text": "one"}, {"text": "two", "start_ms": 10_000, "end_ms": 11_000})
    assert preceding.before(3, 11_500) == "two"
