"""Which speech of a recording has no translation."""

from backend.messages.protocol import Final, Translation
from gateway.apis.recordings import RecordingTranscript


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
