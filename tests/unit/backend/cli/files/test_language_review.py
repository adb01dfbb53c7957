"""Utterances in another language than most of the recording are examined again, and only clear results count."""

import pytest

from backend.cli.files.language_review import MAX_DOUBTFUL, PAUSE_MS, plan_review, second_opinion
from backend.messages.protocol import Final, Word
from tests.testkit.streams.jobs import final


def spoken(number: int, language: str, start_ms: int, end_ms: int, confidence: float = 0.8) -> Final:
    return final(number, f"text {number}", language=language, start_ms=start_ms, end_ms=end_ms, confidence=confidence)


RECORDING = [
    spoken(1, "nl", 500, 2_000),
    spoken(2, "en", 3_000, 8_000, confidence=0.7),
    spoken(3, "en", 9_000, 13_000, confidence=0.9),
    spoken(4, "fr", 14_000, 19_000),
    spoken(5, "en", 20_000, 21_000, confidence=0.99),
]


def test_a_recording_in_one_language_needs_no_review() -> None:
    assert plan_review([one for one in RECORDING if one.language == "en"]) is None
    assert plan_review([RECORDING[1], final(2, "", language="zh", end_ms=5_000)]) is None
    assert plan_review([]) is None


def test_the_most_certain_utterance_of_sufficient_length_establishes_the_language() -> None:
    review = plan_review(RECORDING)
    assert review is not None
    assert review.language == "en"
    assert review.anchor.utterance == 3
    assert [one.utterance for one in review.doubtful] == [1, 4]


def test_the_result_does_not_depend_on_the_order_of_the_finals() -> None:
    assert plan_review(RECORDING) == plan_review(RECORDING[::-1])


def test_a_recording_in_many_languages_is_reviewed_in_part() -> None:
    many = [spoken(n, "fr", 10_000 * n, 10_000 * n + 1_000 + n) for n in range(40)]
    review = plan_review([spoken(99, "en", 900_000, 990_000), *many])
    assert review is not None
    assert [one.utterance for one in review.doubtful] == list(range(MAX_DOUBTFUL))


# The anchor has 4 s, so the doubtful utterance begins after 7 s.
BEGIN_MS = 4_000 + PAUSE_MS
ANCHOR = spoken(1, "en", 100, 3_900)


def answered(language: str, number: int = 2) -> Final:
    words = (Word(word=" again", start_ms=BEGIN_MS + 300, end_ms=BEGIN_MS + 99_000, confidence=0.5),)
    return spoken(number, language, BEGIN_MS + 100, BEGIN_MS + 1_400).model_copy(update={"words": words})


def test_an_utterance_in_the_language_of_the_recording_takes_the_place_of_the_first_result() -> None:
    review = plan_review(RECORDING)
    assert review is not None
    replaced = second_opinion(review, RECORDING[0], [ANCHOR, answered("en")])
    assert replaced is not None
    assert (replaced.utterance, replaced.language, replaced.text) == (1, "en", "text 2")
    assert (replaced.start_ms, replaced.end_ms) == (500, 2_000)
    assert replaced.words is not None
    assert [(word.start_ms, word.end_ms) for word in replaced.words] == [(800, 2_000)]


@pytest.mark.parametrize(
    "finals",
    [
        [ANCHOR, answered("nl")],
        [ANCHOR, answered("fr")],
        [ANCHOR],
        [answered("en")],
        [spoken(1, "de", 100, 3_900), answered("en")],
        [ANCHOR, answered("en"), answered("en", 3)],
    ],
)
def test_any_other_result_keeps_the_first_one(finals: list[Final]) -> None:
    review = plan_review(RECORDING)
    assert review is not None
    assert second_opinion(review, RECORDING[0], finals) is None
