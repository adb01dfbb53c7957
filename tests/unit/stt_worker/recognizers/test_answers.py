"""A final with speech and no text is decoded again, and the second text is shown only if no guard objects."""

from dataclasses import replace

import numpy as np
import pytest

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.recognizers.answers import GuardedHypothesis
from stt_worker.recognizers.recognizer import Hypothesis, OmittedSpeech, Speech

TIMES = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
# Noise with four syllables a second.
SPOKEN = Speech(
    (0.1 * np.random.default_rng(3).standard_normal(len(TIMES)) * np.sin(4 * np.pi * TIMES) ** 2).astype("f4")
)
OMITTED = OmittedSpeech(0.0, 3.0, 2.5, None)


def result(text: str, logprob: float = -0.3, no_speech: float = 0.0, objection: str = "") -> GuardedHypothesis:
    return GuardedHypothesis(Hypothesis(text, "en", 1.0, logprob, no_speech), objection)


WITHHELD = result("Happy twelve", -1.5, 0.5, "improbable")


@pytest.mark.parametrize("first", [result(""), WITHHELD], ids=["empty", "withheld"])
def test_a_final_without_text_omits_all_its_speech(first: GuardedHypothesis) -> None:
    omitted = first.omitted_speech(SPOKEN)
    assert omitted is not None
    assert omitted.seconds > 1.5


@pytest.mark.parametrize(
    ("first", "speech"),
    [
        (result("Happy"), SPOKEN),
        (WITHHELD, replace(SPOKEN, final=False)),
        (WITHHELD, replace(SPOKEN, prefix="Happy")),
        (WITHHELD, replace(SPOKEN, samples=np.zeros(48_000, np.float32))),
    ],
    ids=["text", "preview", "prefix", "silence"],
)
def test_text_previews_and_silence_omit_no_speech(first: GuardedHypothesis, speech: Speech) -> None:
    assert first.omitted_speech(speech) is None


def test_a_second_text_without_an_objection_is_shown() -> None:
    shown = WITHHELD.or_shown(result("Happy twelve."), SPOKEN, OMITTED).hypothesis
    assert (shown.text, shown.retried, shown.omitted) == ("Happy twelve.", "no_text", None)


@pytest.mark.parametrize(
    "second",
    [result(""), result("I never want", -1.1, 0.1, "improbable"), result("Happy", -0.85, 0.4)],
    ids=["empty", "improbable", "over silence"],
)
def test_a_second_text_that_a_guard_doubts_is_not_shown_and_the_speech_is_reported(second: GuardedHypothesis) -> None:
    kept = WITHHELD.or_shown(second, SPOKEN, OMITTED).hypothesis
    assert kept == replace(WITHHELD.hypothesis, omitted=OMITTED)
