"""Transcripts in OpenAI's response formats."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.messages.protocol import DecodedToken, Decoding, Final, SpeakerSegment, SpeakersMerged
from gateway.apis.errors import InvalidRequestError
from gateway.apis.openai.formats import FORMATS, Rendering, ResponseFormat, token_logprobs
from gateway.apis.recordings import RecordingTranscript
from tests.testkit.native_events import FINALS
from tests.testkit.streams.jobs import final

# The fields of a segment in the API reference.
SEGMENT = {"id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio"}


def transcript(*finals: Final) -> RecordingTranscript:
    made = RecordingTranscript()
    for one in finals:
        made.apply(one)
    return made


def test_a_segment_has_the_values_of_its_decoding() -> None:
    decoding = Decoding(
        temperature=0.4, no_speech_probability=0.125, tokens=(DecodedToken(id=400, bytes=tuple(b" Hi"), logprob=-0.5),)
    )
    spoken = final(1, "Hi", confidence=0.5, start_ms=1_230, end_ms=2_000, decoding=decoding)
    body = json.loads(Rendering(transcript(spoken), translate=False).render("verbose_json"))
    (segment,) = body["segments"]
    assert segment.keys() == SEGMENT | {"no_speech_prob"}
    assert (segment["seek"], segment["start"], segment["end"]) == (123, 1.23, 2.0)
    assert (segment["tokens"], segment["temperature"], segment["no_speech_prob"]) == ([400], 0.4, 0.125)
    assert segment["avg_logprob"] == pytest.approx(-0.6931, abs=1e-4)
    # 2 bytes, which zlib stores in 10.
    assert segment["compression_ratio"] == pytest.approx(0.2)


def test_a_segment_without_a_decoding_makes_no_claim_about_speech() -> None:
    (segment,) = json.loads(Rendering(transcript(final(1, "Hi")), translate=False).render("verbose_json"))["segments"]
    assert (segment["tokens"], segment["temperature"], segment["no_speech_prob"]) == ([], 0.0, 0.5)


def test_a_translated_segment_has_no_tokens() -> None:
    decoding = Decoding(temperature=0.0, no_speech_probability=0.0, tokens=(DecodedToken(id=1, bytes=(), logprob=0),))
    spoken = transcript(final(1, "hola", language="es", decoding=decoding))
    spoken.translations[1] = "hello"
    (segment,) = json.loads(Rendering(spoken, translate=True).render("verbose_json"))["segments"]
    assert (segment["text"], segment["tokens"]) == (" hello", [])


def test_diarized_json_has_the_parts_of_each_speaker() -> None:
    parts = (
        SpeakerSegment(speaker="1", start_ms=0, end_ms=1_000, text="Hello."),
        SpeakerSegment(speaker="2", start_ms=1_000, end_ms=2_500, text="Hi."),
    )
    both = final(1, "Hello. Hi.", start_ms=0, end_ms=2_500, speaker="2", speaker_segments=parts)
    once = final(2, "Bye.", start_ms=3_000, end_ms=4_000, speaker="3")
    spoken = transcript(both, once)
    spoken.apply(SpeakersMerged(speaker="1", merged="3"))
    body = json.loads(Rendering(spoken, translate=False).render("diarized_json"))
    assert (body["task"], body["text"]) == ("transcribe", "Hello. Hi. Bye.")
    shown = [(one["speaker"], one["text"], one["start"], one["end"]) for one in body["segments"]]
    assert shown == [("A", "Hello.", 0.0, 1.0), ("B", "Hi.", 1.0, 2.5), ("A", "Bye.", 3.0, 4.0)]
    assert {one["type"] for one in body["segments"]} == {"transcript.text.segment"}
    assert len({one["id"] for one in body["segments"]}) == 3


def test_without_a_model_of_voices_diarized_json_is_an_error() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        Rendering(transcript(final(1, "Hello.")), translate=False).render("diarized_json")
    assert caught.value.code == "speakers_unavailable"


# White space alone has no words.
@example([final(1, "\r")], "srt", True, False)
@given(st.lists(FINALS, max_size=4), st.sampled_from(FORMATS), st.booleans(), st.booleans())
def test_any_transcript_is_rendered(finals: list[Final], form: ResponseFormat, translate: bool, logprobs: bool) -> None:
    if form == "diarized_json" and any(one.text for one in finals):
        return  # the speakers are not known
    body = Rendering(transcript(*finals), translate=translate).render(form, ("word", "segment"), logprobs=logprobs)
    if form in ("json", "verbose_json"):
        shown = json.loads(body)
        assert ("logprobs" in shown) == (logprobs and form == "json")
    for one in finals:
        assert b"".join(bytes(token["bytes"]) for token in token_logprobs(one)) == b"".join(
            bytes(token.bytes) for token in (one.decoding.tokens if one.decoding else ())
        )
