"""Deepgram's messages."""

from backend.messages.protocol import Final
from gateway.apis.deepgram.messages import recording_channel, recording_utterance


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
    channel = recording_channel(finals, "word", detected="en")
    assert (channel["detected_language"], round(channel["language_confidence"], 3)) == ("en", 0.8)
    channel = recording_channel(finals, "word", detected=None)
    assert "language_confidence" not in channel, "the client named the language"


def test_without_speech_the_confidence_is_zero() -> None:
    channel = recording_channel([], "", detected="")
    assert channel["language_confidence"] == 0


def test_an_utterance_names_its_channel() -> None:
    mixed = recording_utterance(final(2, 500, "en", None))
    assert (mixed["channel"], mixed["id"]) == (0, "utterance-2")
    second = recording_utterance(final(2, 500, "en", None).model_copy(update={"channel": 1}))
    assert (second["channel"], second["id"]) == (1, "utterance-1-2")
