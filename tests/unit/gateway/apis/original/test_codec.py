"""The codec of the first Nova Voice's protocol: one text at a time, complete before its end."""

import json
from typing import Any

import pytest

from backend.errors import ProtocolError
from backend.messages.protocol import (
    AudioFormat,
    Clear,
    Configure,
    Draining,
    Error,
    Final,
    Message,
    Notice,
    Partial,
    Ready,
    SpeechStarted,
    Start,
    Translation,
)
from gateway.apis.original.codec import MAX_WAIT_MS, OriginalCodec
from gateway.connection.codec import DeferredReply, DirectReply
from gateway.session.actions import RepeatedNotice

CLIENT = "client_123abc45"
END = {"type": "utterance_end", "client_id": CLIENT}


def audio(pcm: bytes = b"\1\0", rate: int = 16_000) -> bytes:
    metadata = json.dumps({"sampleRate": rate}).encode()
    return len(metadata).to_bytes(4, "little") + metadata + pcm


def languages(source: str, target: str) -> str:
    return json.dumps({"type": "set_langs", "source_language": source, "target_language": target})


def started(source: str = "en", target: str = "en") -> OriginalCodec:
    codec = OriginalCodec(CLIENT)
    codec.decode(languages(source, target))
    codec.decode(audio())
    return codec


def shown(codec: OriginalCodec, *events: Message) -> list[Any]:
    """The frames for these events: the text and translation of `realtime`, and other messages whole."""
    frames = [json.loads(frame) for event in events for frame in codec.encode(event)]
    return [(one["text"], one["translation"]) if one["type"] == "realtime" else one for one in frames]


def speech(utterance: int = 1) -> SpeechStarted:
    return SpeechStarted(utterance=utterance, start_ms=0)


def partial(text: str, utterance: int = 1, end_ms: int = 500, language: str = "zh") -> Partial:
    fields: Any = {"revision": 1, "language": language, "start_ms": 0, "end_ms": end_ms}
    return Partial(utterance=utterance, committed=text[:1], tentative=text[1:], **fields)


def final(text: str, *targets: str, utterance: int = 1, end_ms: int = 1_000, language: str = "zh") -> Final:
    fields: Any = {"language": language, "confidence": 0.9, "start_ms": 0, "end_ms": end_ms}
    return Final(utterance=utterance, text=text, translate_to=targets, **fields)


def translation(text: str, utterance: int = 1, *, is_final: bool = True) -> Translation:
    return Translation(utterance=utterance, language="en", text=text, is_final=is_final)


def status_of(reply: Any) -> dict[str, Any]:
    assert isinstance(reply, DirectReply)
    (frame,) = reply.frames
    found: dict[str, Any] = json.loads(frame)
    assert (found.pop("type"), found.pop("client_id")) == ("status", CLIENT)
    return found


def test_the_status_is_sent_first_and_on_request() -> None:
    codec = OriginalCodec(CLIENT)
    expected = {"source_language": "auto", "target_language": "auto", "translation_enabled": False}
    for replies in (codec.open(), codec.decode('{"type":"get_status"}')):
        (reply,) = replies
        assert status_of(reply) == expected


def test_the_first_audio_starts_the_session_with_its_rate_and_the_languages() -> None:
    codec = OriginalCodec(CLIENT)
    (reply,) = codec.decode(languages("zh", "en"))
    assert status_of(reply) == {"source_language": "zh", "target_language": "en", "translation_enabled": True}
    assert codec.decode(audio(b"")) == ()
    start = Start(audio=AudioFormat(sample_rate=48_000), language="zh", translate_to=("en",))
    assert codec.decode(audio(rate=48_000)) == (start, b"\1\0")
    assert codec.decode(audio(b"\2\0", 48_000)) == (b"\2\0",)
    with pytest.raises(ProtocolError) as caught:
        codec.decode(audio(rate=16_000))
    assert caught.value.code == "invalid_audio"


def test_languages_change_the_session_and_are_confirmed_once() -> None:
    codec = started("en", "vi")
    change, reply = codec.decode(languages("en", "en"))
    assert change == Configure(language="en", translate_to=())
    assert status_of(reply)["translation_enabled"] is False
    assert codec.decode(languages("en", "en")) == ()
    with pytest.raises(ProtocolError):
        codec.decode(languages("klingon", "en"))
    (reply,) = codec.decode('{"type":"get_status"}')
    assert status_of(reply)["source_language"] == "en"


def test_unknown_messages_are_ignored_and_long_ones_are_errors() -> None:
    codec = started()
    assert codec.decode('{"type":"ping","timestamp":1}') == ()
    with pytest.raises(ProtocolError) as caught:
        codec.decode('{"type":"' + "x" * 200_000 + '"}')
    assert caught.value.code == "frame_too_large"


def test_text_without_a_translation() -> None:
    codec = started()
    frames = shown(codec, Ready(session="s"), speech(), partial("He"), partial("Hello"), final("Hello."))
    assert frames == [("He", ""), ("Hello", ""), ("Hello.", ""), END]


def test_segments_are_numbered() -> None:
    codec = started()
    frames = [json.loads(frame) for one in (speech(), partial("He"), final("Hello.")) for frame in codec.encode(one)]
    assert [frame.get("segment_id") for frame in frames] == ["1", "2", None]


def test_the_end_waits_for_the_translation_and_the_next_utterance_for_the_end() -> None:
    codec = started("zh", "en")
    assert shown(codec, speech(), partial("你"), translation("You", is_final=False)) == [("你", ""), ("你", "You")]
    assert shown(codec, final("你好", "en"), speech(2), partial("再", 2)) == [("你好", "You")]
    assert shown(codec, translation("Hello")) == [("你好", "Hello"), END, ("再", "")]
    assert shown(codec, final("再见", "en", utterance=2), translation("Bye", 2)) == [("再见", ""), ("再见", "Bye"), END]


def test_a_translation_is_awaited_for_a_limited_time_and_then_ignored() -> None:
    codec = started("zh", "en")
    shown(codec, speech(), final("你好", "en"), speech(2))
    assert shown(codec, partial("再", 2, end_ms=1_000 + MAX_WAIT_MS)) == []
    assert shown(codec, partial("再见", 2, end_ms=1_001 + MAX_WAIT_MS)) == [END, ("再见", "")]
    assert shown(codec, translation("Hello")) == []


def test_a_final_of_the_next_utterance_waits_as_well() -> None:
    codec = started("zh", "en")
    shown(codec, speech(), final("你好", "en"), speech(2))
    assert shown(codec, final("再见", "en", utterance=2, end_ms=2_000), translation("Bye", 2)) == []
    expected = [("你好", "Hello"), END, ("再见", ""), ("再见", "Bye"), END]
    assert shown(codec, translation("Hello")) == expected


def test_text_in_the_target_language_is_its_own_translation() -> None:
    codec = started("auto", "en")
    assert shown(codec, speech(), final("Hello.", language="en")) == [("Hello.", "Hello."), END]


def test_a_translation_that_fails_or_is_not_served_ends_the_utterance() -> None:
    codec = started("zh", "en")
    notice: Any = {"code": "no_translation", "message": "no", "utterance": 1, "language": "en"}
    assert shown(codec, speech(), final("你好", "en"), Notice(**notice)) == [
        ("你好", ""),
        {"type": "error", "message": "no", "code": "no_translation"},
        END,
    ]
    notice["utterance"] = 2
    assert shown(codec, speech(2), final("你好", "en", utterance=2), RepeatedNotice(**notice)) == [("你好", ""), END]
    error = Error(code="failed", message="no text", utterance=3)
    assert shown(codec, speech(3), partial("你", 3), error) == [
        ("你", ""),
        {"type": "error", "message": "no text", "code": "failed"},
        END,
    ]


def test_text_that_is_withdrawn_is_empty_and_noise_is_not_shown() -> None:
    codec = started()
    assert shown(codec, speech(), partial("Thanks"), final("")) == [("Thanks", ""), ("", ""), END]
    assert shown(codec, speech(2), final("", utterance=2)) == []


def test_start_over_drops_the_utterances_up_to_now() -> None:
    codec = started("zh", "en")
    shown(codec, speech(), final("你好", "en"), speech(2), partial("再", 2))
    clear, reply = codec.decode('{"type":"start_over"}')
    assert isinstance(clear, Clear)
    assert isinstance(reply, DeferredReply)
    assert list(reply.build()) == []
    assert shown(codec, translation("Hello")) == []
    assert shown(codec, speech(2), partial("早", 2)) == [("早", "")], "the number of a dropped utterance is used again"


def test_start_over_before_the_first_audio_has_no_effect() -> None:
    assert OriginalCodec(CLIENT).decode('{"type":"start_over"}') == ()


def test_errors_and_notices_about_languages_are_errors_and_other_events_have_no_counterpart() -> None:
    codec = started("zh", "en")
    error = {"type": "error", "message": "no", "code": "overloaded"}
    assert shown(codec, Error(code="overloaded", message="no", fatal=True)) == [error]
    assert shown(codec, Notice(code="overloaded", message="no", language="en")) == [error]
    assert json.loads(codec.refusal(Error(code="overloaded", message="no"))) == error
    assert shown(codec, Draining(within_s=20), Notice(code="delayed", message="wait")) == []
    assert codec.close_frame(1013, "overloaded") == (1013, "overloaded")
