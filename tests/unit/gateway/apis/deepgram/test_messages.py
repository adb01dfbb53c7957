"""Deepgram's messages."""

from backend.messages.protocol import Final, SpeakerSegment, Word
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


def test_words_and_utterances_have_their_speaker() -> None:
    """Deepgram counts from 0, and an utterance has one speaker."""
    words = tuple(Word(word=f" w{n}", start_ms=1_000 * n, end_ms=1_000 * n + 900, confidence=0.9) for n in range(4))
    segments = (
        SpeakerSegment(speaker="2", start_ms=0, end_ms=2_950, text="w0 w1 w2"),
        SpeakerSegment(speaker="1", start_ms=2_950, end_ms=4_000, text="w3"),
    )
    fields = {"text": "w0 w1 w2 w3", "end_ms": 4_000, "start_ms": 0, "words": words}
    several = final(1, 0, "en", None).model_copy(update={**fields, "speaker": "2", "speaker_segments": segments})
    single = final(9, 500, "en", None).model_copy(update={"speaker": "1"})
    found = recording([several, single], "text", utterances=True, detected=None)
    (channel,) = found["channels"]
    assert [word["speaker"] for word in channel["alternatives"][0]["words"]] == [1, 1, 1, 0]
    shown = [(one["speaker"], one["transcript"], len(one["words"])) for one in found["utterances"]]
    assert shown == [(1, "w0 w1 w2", 3), (0, "w3", 1), (0, "word", 0)]


def test_without_labels_there_are_no_speakers() -> None:
    (utterance,) = recording([final(1, 500, "en", None)], "word", utterances=True, detected=None)["utterances"]
    assert "speaker" not in utterance
