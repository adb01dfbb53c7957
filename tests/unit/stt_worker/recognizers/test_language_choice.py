import numpy as np
import pytest

from stt_worker.recognizers.language_choice import among, is_doubtful, spoken_in
from stt_worker.recognizers.recognizer import Speech

ENGLISH = {"en": 0.95, "de": 0.02, "fr": 0.01, "nl": 0.01, "pt": 0.01}


def speech(seconds: float = 3.0, **more: object) -> Speech:
    return Speech(np.zeros(round(16_000 * seconds), np.float32), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("detected", "seconds", "language"),
    [
        ({"pt": 0.6, "en": 0.1}, 3.0, "en"),
        ({"nl": 0.9, "en": 0.05}, 1.2, "en"),
        ({"fr": 0.97, "en": 0.01}, 3.0, "fr"),
        ({"en": 0.5, "fr": 0.4}, 3.0, "en"),
    ],
)
def test_earlier_speech_outweighs_doubtful_detections_but_not_a_clear_sentence(
    detected: dict[str, float], seconds: float, language: str
) -> None:
    assert spoken_in(speech(seconds, language_odds=ENGLISH), detected).code == language


def test_a_language_is_chosen_among_those_that_are_allowed() -> None:
    detected = {"nl": 0.6, "de": 0.3, "en": 0.1, "fr": 0.001}
    assert among((), detected) == {"nl": 0.6, "de": 0.3, "en": 0.1}, "improbable ones are not reported"
    assert among(("en", "de"), detected) == {"en": 0.25, "de": 0.75}
    assert among(("en", "sw"), {"nl": 1.0}) == {"en": 0.5, "sw": 0.5}, "one of them is spoken, whatever was detected"
    assert spoken_in(speech(allowed=("en", "de")), among(("en", "de"), detected)).code == "de"


def test_a_fixed_language_needs_no_detection() -> None:
    fixed = speech(language="de", language_odds=ENGLISH)
    assert spoken_in(fixed, {"fr": 0.99}).code == "de"
    assert not is_doubtful(fixed, {"fr": 0.3})


def test_without_earlier_speech_the_likeliest_language_is_chosen_or_the_last_one_kept() -> None:
    assert spoken_in(speech(), {"es": 0.5, "it": 0.4}).code == "es"
    assert spoken_in(speech(last_language="it"), {"es": 0.5, "it": 0.4}).code == "it"


@pytest.mark.parametrize(
    ("odds", "detected", "doubtful"),
    [({}, {"en": 0.98}, False), ({}, {"la": 0.6, "en": 0.3}, True), (ENGLISH, {"la": 0.6, "en": 0.3}, False)],
)
def test_a_detection_is_doubtful_if_earlier_speech_does_not_decide(
    odds: dict[str, float], detected: dict[str, float], doubtful: bool
) -> None:
    assert is_doubtful(speech(language_odds=odds), detected) is doubtful
