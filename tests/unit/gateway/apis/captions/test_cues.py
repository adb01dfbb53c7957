"""Lines as cues that fit on a screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apis.captions.cues import cues_of, divided

SPEECH = (
    "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country. "
    "My fellow citizens of the world, ask not what America will do for you."
)


def test_a_long_line_becomes_cues_that_follow_each_other() -> None:
    first, *_, last = cues = list(cues_of(SPEECH, "en", "Anna", 1_000, 11_000))
    assert [len(cue.lines[0]) for cue in cues] == [61, 65, 51]
    assert (first.start_ms, last.end_ms) == (1_000, 11_500)
    assert [cue.end_ms for cue in cues[:-1]] == [cue.start_ms for cue in cues[1:]]
    assert " ".join(cue.lines[0] for cue in cues) == SPEECH
    assert {cue.voice for cue in cues} == {"Anna"}


def test_a_short_word_stays_long_enough_to_be_read() -> None:
    (cue,) = cues_of("Yes.", "en", "", 1_000, 1_100)
    assert (cue.start_ms, cue.end_ms) == (1_000, 1_833)


@pytest.mark.parametrize(
    ("text", "language", "longest"),
    [("大家好我们今天讨论语音识别" * 8, "zh", 32), ("x" * 300, "en", 84), ("", "en", 84)],
)
def test_other_scripts_and_long_words_are_divided(text: str, language: str, longest: int) -> None:
    parts = divided(text, language)
    assert "".join(parts) == text
    assert max(map(len, parts)) <= longest


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_no_text_is_lost(text: str) -> None:
    assert "".join(divided(text, "en")) == text
