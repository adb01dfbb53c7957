"""Deepgram's messages."""

from backend.messages.protocol import Final
from gateway.apis.deepgram.messages import recording


def final(utterance: int, end_ms: int, language: str, probability: float | None) -> Final:
    return Final(
        utterance=utterance,
        text="word",
        language=language,
        language_probability=probability,
        confidence=0.9,
        start_ms=1_000 * utterance,
        end_ms=1_000 * utterance + end_ms,
    )


def test_the_language_confidence_is_the_mean_over_the_speech_in_that_language() -> None:
    finals = [
        final(1, 3_000, "en", 0.9),
        final(2, 1_000, "en", 0.5),
        final(3, 9_000, "de", 0.1),
        final(4, 500, "en", None),
    ]
    (channel,) = recording(finals, "word", utterances=False, detected="en")["channels"]
    assert (channel["detected_language"], round(channel["language_confidence"], 3)) == ("en", 0.8)
    (channel,) = recording(finals, "word", utterances=False, detected=None)["channels"]
    assert "language_confidence" not in channel, "the client named the language"


def test_without_speech_the_confidence_is_zero() -> None:
    (channel,) = recording([], "", utterances=False, detected="")["channels"]
    assert channel["language_confidence"] == 0
