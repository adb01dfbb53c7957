"""The codec of the streaming-STT module's protocol, with the messages of its documentation."""

import base64
import json
from typing import Any

import msgpack
import pytest

from backend.errors import ProtocolError
from backend.messages.protocol import (
    AudioFormat,
    Configure,
    Done,
    Error,
    Final,
    Finalize,
    Interrupt,
    Message,
    Partial,
    Ready,
    Resume,
    SpeechStarted,
    Start,
    Stop,
)
from gateway.apis.ai_voice.codec import AiVoiceCodec
from gateway.apis.ai_voice.progress import UNSTORED_RESULTS, VoiceProgress

SESSION, NOW = "unique-session-id", 1_234_567_890.123
START = {
    "type": "start",
    "session_id": SESSION,
    "sample_rate": 16_000,
    "channels": 1,
    "state": "listening",
    "speaker_id": "speaker-1",
}
CHUNK = {"type": "chunk", "audio_b64": base64.b64encode(b"\1\0").decode(), "timestamp": NOW}
RESPONDING = {"type": "state_change", "state": "responding"}
END = {"type": "end"}
RESULT = {
    "session_id": SESSION,
    "transcript": "transcribed text",
    "sequence": 0,
    "is_partial": False,
    "is_final": True,
    "timestamp": NOW,
    "speaker_id": "speaker-1",
    "has_voice_activity": True,
    "state": "listening",
}
INTERRUPT = {"session_id": SESSION, "type": "interrupt", "timestamp": NOW, "speaker_id": "speaker-1"}


def opened(progress: VoiceProgress | None = None) -> AiVoiceCodec:
    return AiVoiceCodec(SESSION, lambda: NOW, progress)


def started(**changes: Any) -> AiVoiceCodec:
    codec = opened()
    codec.decode(msgpack.packb({**START, **changes}))
    return codec


def sent(codec: AiVoiceCodec, *events: Message) -> list[dict[str, Any]]:
    return [json.loads(frame) for event in events for frame in codec.encode(event)]


def texts(codec: AiVoiceCodec, *events: Message) -> list[tuple[str, bool]]:
    return [(one["transcript"], one["is_final"]) for one in sent(codec, *events)]


def speech(utterance: int = 1) -> SpeechStarted:
    return SpeechStarted(utterance=utterance, start_ms=0)


def partial(text: str, utterance: int = 1) -> Partial:
    fields: Any = {"revision": 1, "language": "en", "start_ms": 0, "end_ms": 500}
    return Partial(utterance=utterance, committed=text[:1], tentative=text[1:], **fields)


def final(text: str, utterance: int = 1, **more: Any) -> Final:
    fields: Any = {"language": "en", "confidence": 0.9, "start_ms": 0, "end_ms": 1_000, **more}
    return Final(utterance=utterance, text=text, **fields)


def interrupt() -> Interrupt:
    return Interrupt(utterance=1, start_ms=0, at_ms=300)


@pytest.mark.parametrize("encode", [msgpack.packb, json.dumps, lambda message: json.dumps(message).encode()])
def test_the_documented_messages_become_native_ones(encode: Any) -> None:
    codec = opened()
    assert codec.decode(encode(START)) == (Start(audio=AudioFormat(sample_rate=16_000)),)
    assert codec.decode(encode(CHUNK)) == (b"\1\0",)
    assert codec.decode(encode(RESPONDING)) == (Configure(responding=True, playing=""),)
    assert codec.decode(encode(END)) == (Stop(),)
    assert codec.is_ended
    assert codec.decode(encode(CHUNK)) == ()


def test_a_start_needs_no_fields_and_may_have_native_options() -> None:
    assert opened().decode(msgpack.packb({"type": "start"})) == (Start(),)
    more = {"state": "responding", "playing": "Hello", "language": "en", "encoding": "mulaw", "sample_rate": 8_000}
    (start,) = opened().decode(msgpack.packb({**START, **more, "hotwords": "Nova", "speaker_id": None}))
    assert isinstance(start, Start)
    assert (start.responding, start.playing, start.language, start.hotwords) == (True, "Hello", "en", "Nova")
    assert start.audio == AudioFormat(encoding="mulaw", sample_rate=8_000)


def test_the_results_are_those_of_the_documentation() -> None:
    assert sent(started(), Ready(session="s"), speech(), final("transcribed text")) == [RESULT]
    assert sent(started(), interrupt()) == [INTERRUPT]
    anonymous = started(speaker_id=None)
    assert "speaker_id" not in sent(anonymous, interrupt())[0]
    assert sent(anonymous, speech(), final("a", speaker="2"))[0]["speaker_id"] == "2"


def test_results_are_numbered_and_each_text_replaces_the_one_before() -> None:
    codec = started()
    results = sent(codec, speech(), partial("He"), partial("Hello"), final("Hello."), speech(2), final("", 2))
    assert [(one["sequence"], one["transcript"]) for one in results] == [(0, "He"), (1, "Hello"), (2, "Hello.")]
    assert [one["is_partial"] for one in results] == [True, True, False]


def test_text_of_the_next_utterance_waits_for_the_final() -> None:
    codec = started()
    assert texts(codec, speech(), partial("a"), speech(2), partial("b", 2)) == [("a", False)]
    assert texts(codec, final("A")) == [("A", True), ("b", False)]
    assert texts(codec, final("", 2)) == [("", True)]


def test_an_error_of_an_utterance_takes_the_place_of_its_final() -> None:
    codec = started()
    assert texts(codec, speech(), partial("a"), speech(2), partial("b", 2)) == [("a", False)]
    error, result = sent(codec, Error(code="max_attempts", message="no", utterance=1))
    assert error == {
        "session_id": SESSION, "type": "error", "code": "max_attempts", "message": "no", "timestamp": NOW
    }  # fmt: skip
    assert result["transcript"] == "b"


def test_a_stream_without_speech_ends_with_a_final_result() -> None:
    (result,) = sent(started(), Done())
    assert (result["transcript"], result["is_final"], result["has_voice_activity"]) == ("", True, False)
    assert sent(started(), speech(), final("a"), Done())[1:] == []


def test_after_an_interruption_the_session_listens_until_the_state_changes() -> None:
    codec = started()
    codec.decode(msgpack.packb({**RESPONDING, "playing": "An answer"}))
    listening = Configure(responding=False, playing="")
    assert sent(codec, interrupt()) == [INTERRUPT]
    assert sent(codec, speech(), final("stop"))[0]["state"] == "listening"
    assert codec.decode(msgpack.packb(CHUNK)) == (listening, b"\1\0")
    assert codec.decode(msgpack.packb(CHUNK)) == (b"\1\0",)
    sent(codec, interrupt())
    assert codec.decode(msgpack.packb(RESPONDING)) == (listening, Configure(responding=True, playing=""))
    assert sent(codec, speech(2), final("x", 2))[0]["state"] == "responding"


def test_a_second_start_continues_with_its_options_unless_the_audio_differs() -> None:
    codec = started()
    again = codec.decode(msgpack.packb({**START, "language": "en", "speaker_id": "b"}))
    assert again == (Finalize(), Configure(language="en", responding=False, playing=""))
    assert sent(codec, speech(), final("a"))[0]["speaker_id"] == "b"
    with pytest.raises(ProtocolError) as caught:
        codec.decode(msgpack.packb({**START, "sample_rate": 8_000}))
    assert (caught.value.code, caught.value.fatal) == ("invalid_audio", True)


def test_the_session_id_is_that_of_the_subject_or_the_client_chooses_it() -> None:
    other = msgpack.packb({**START, "session_id": "other"})
    fixed, chosen = opened(), AiVoiceCodec("default", lambda: NOW, may_choose=True)
    for codec in (fixed, chosen):
        codec.decode(other)
    assert [sent(codec, interrupt())[0]["session_id"] for codec in (fixed, chosen)] == [SESSION, "other"]


@pytest.mark.parametrize("message", [CHUNK, RESPONDING, END, {"type": "other"}])
def test_messages_before_start_are_fatal_errors(message: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as caught:
        opened().decode(msgpack.packb(message))
    assert (caught.value.code, caught.value.fatal) == ("not_started", True)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "chunk"}, "invalid_message"),
        ({"type": "chunk", "audio_b64": 5}, "invalid_message"),
        ({"type": "chunk", "audio_b64": "a*b"}, "invalid_audio"),
        ({"type": "chunk", "audio_b64": "é"}, "invalid_audio"),
        ({"type": "state_change"}, "invalid_message"),
        ({"type": "state_change", "state": "sleeping"}, "invalid_message"),
        ({"type": "dance"}, "unknown_type"),
        ({"type": 5}, "invalid_message"),
        ({**START, "sample_rate": "fast"}, "invalid_message"),
        ({**START, "encoding": "mp3"}, "invalid_message"),
        ({**START, "interrupt_ms": 1}, "invalid_message"),
        ({**START, "state": "x"}, "invalid_message"),
        ({**START, "speaker_id": "x" * 129}, "invalid_message"),
        ([START], "invalid_message"),
    ],
)
def test_invalid_messages_are_errors_that_do_not_end_the_session(message: Any, code: str) -> None:
    codec = started()
    with pytest.raises(ProtocolError) as caught:
        codec.decode(msgpack.packb(message))
    assert (caught.value.code, caught.value.fatal) == (code, False)
    assert codec.decode(msgpack.packb(CHUNK)) == (b"\1\0",)


def test_a_speaker_that_messagepack_cannot_express_is_refused() -> None:
    with pytest.raises(ProtocolError, match="speaker_id"):
        opened().decode(json.dumps({**START, "speaker_id": 10**30}))


def test_another_gateway_continues_with_the_next_results() -> None:
    codec = started()
    sent(codec, Ready(session="native", resume_token="secret"), speech(), final("a", cursor="7-0"))
    assert codec.progress
    progress = VoiceProgress.parse(codec.progress.model_dump_json())
    assert progress
    resumed = opened(progress)
    assert resumed.open() == (Resume(session="native", token="secret", cursor="7-0", utterance=1),)
    # A result of an utterance that began on the other gateway.
    (result,) = sent(resumed, Ready(session="native", resume_token="secret"), final("b", 2))
    assert (result["transcript"], result["sequence"], result["speaker_id"]) == ("b", 1 + UNSTORED_RESULTS, "speaker-1")
    assert resumed.is_packed


def test_a_session_that_has_expired_begins_again_with_its_options() -> None:
    codec = started(language="en")
    codec.decode(msgpack.packb(RESPONDING))
    sent(codec, Ready(session="native", resume_token="secret"))
    assert codec.progress
    resumed = opened(VoiceProgress.parse(codec.progress.model_dump_json()))
    assert sent(resumed, Error(code="unknown_session", message="gone", fatal=True)) == []
    assert resumed.is_unknown
    assert resumed.progress
    assert opened(resumed.progress.restarted()).open() == (Start(language="en", responding=True),)


@pytest.mark.parametrize("stored", ["", "{}", "garbage", '{"start": {}}'])
def test_nothing_is_continued_without_a_session(stored: str) -> None:
    assert VoiceProgress.parse(stored) is None
