"""Deepgram's messages."""

from backend.cli.files.speaker_parts import split_by_speaker
from backend.messages.protocol import Final, SpeakerSegment, Word
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
    mixed = recording_utterance(final(2, 500, "en", None), 2)
    assert (mixed["channel"], mixed["id"]) == (0, "utterance-2")
    second = recording_utterance(final(2, 500, "en", None).model_copy(update={"channel": 1}), 3)
    assert (second["channel"], second["id"]) == (1, "utterance-3")


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
    channel = recording_channel([several, single], "text", detected=None)
    assert [word["speaker"] for word in channel["alternatives"][0]["words"]] == [1, 1, 1, 0]
    found = [recording_utterance(part, 1) for part in split_by_speaker([several, single])]
    shown = [(one["speaker"], one["transcript"], len(one["words"])) for one in found]
    assert shown == [(1, "w0 w1 w2", 3), (0, "w3", 1), (0, "word", 0)]


def test_without_labels_there_are_no_speakers() -> None:
    assert "speaker" not in recording_utterance(final(1, 500, "en", None), 1)
