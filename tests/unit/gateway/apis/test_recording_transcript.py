"""The transcript of a recording: its times, and which speech has no translation."""

from types import SimpleNamespace
from typing import cast

from backend.messages.decoding import Word
from backend.messages.protocol import Final, Translation
from gateway.apis.recordings import RecordingSocket, RecordingTranscript


def _final(utterance: int, language: str, text: str = "text") -> Final:
    start_ms = utterance * 1_000
    return Final(
        utterance=utterance, language=language, text=text, start_ms=start_ms, end_ms=start_ms + 500, confidence=0.9
    )


def test_only_speech_in_other_languages_needs_a_translation() -> None:
    transcript = RecordingTranscript()
    for final in (_final(1, "en"), _final(2, "en-GB"), _final(3, "es"), _final(4, "zh"), _final(5, "fr", text="")):
        transcript.apply(final)
    transcript.apply(Translation(utterance=4, language="en", text="text", is_final=True))
    assert transcript.untranslated("en") == {"es"}


def test_no_segment_or_word_ends_after_the_audio() -> None:
    words = tuple(
        Word(word=text, start_ms=2_000, end_ms=end_ms, confidence=0.9) for text, end_ms in (("a", 2_200), (" b", 2_500))
    )
    transcript = RecordingTranscript()
    for final in (_final(1, "en"), _final(2, "en").model_copy(update={"words": words})):
        transcript.apply(final)
    transcript.finish(cast("RecordingSocket", SimpleNamespace(audio_s=2.48, problem=None)))
    first, last = transcript.segments
    assert (first.end_ms, first.words, last.end_ms) == (1_500, None, 2_480)
    assert [word.end_ms for word in last.words or ()] == [2_200, 2_480]
