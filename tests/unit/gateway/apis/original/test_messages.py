"""Frames of the first Nova Voice's protocol, as its client sends them, and frames that are not valid."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from gateway.apis.original.messages import (
    MAX_METADATA_BYTES,
    AudioMessage,
    LanguagePair,
    parse_message,
    realtime,
    status,
    utterance_end,
)


def frame(metadata: bytes, pcm: bytes = b"\1\0", length: int | None = None) -> bytes:
    return (len(metadata) if length is None else length).to_bytes(4, "little") + metadata + pcm


def test_a_frame_of_the_client_is_parsed() -> None:
    assert AudioMessage.parse(frame(b'{"sampleRate":16000}', b"\1\0\2\0")) == AudioMessage(16_000, b"\1\0\2\0")
    documented = b'{"sampleRate":48000.0,"channels":1,"bitsPerSample":16}'
    assert AudioMessage.parse(frame(documented, b"")) == AudioMessage(48_000, b"")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "invalid_message"),
        (b"\1\0\0", "invalid_message"),
        (frame(b""), "invalid_message"),
        (frame(b"{}", b"", length=3), "invalid_message"),
        (frame(b'{"sampleRate":16000}', length=1 << 31), "invalid_message"),
        (b"\xff\xff\xff\xff" + b'{"sampleRate":16000}', "invalid_message"),  # -1
        (frame(b" " * MAX_METADATA_BYTES + b"1"), "invalid_message"),
        (frame(b"\xff"), "invalid_json"),
        (frame(b"{"), "invalid_json"),
        (frame(b"[" * MAX_METADATA_BYTES), "invalid_json"),
        (frame(b'{"sampleRate":"\\ud800"}'), "invalid_json"),
        (frame(b"[16000]"), "invalid_message"),
        (frame(b"{}"), "invalid_message"),
        (frame(b'{"sampleRate":"16000"}'), "invalid_message"),
        (frame(b'{"sampleRate":true}'), "invalid_message"),
        (frame(b'{"sampleRate":16000.5}'), "invalid_message"),
        (frame(b'{"sampleRate":NaN}'), "invalid_message"),
        (frame(b'{"sampleRate":Infinity}'), "invalid_message"),
        (frame(b'{"sampleRate":16000,"channels":2}'), "invalid_audio"),
        (frame(b'{"sampleRate":16000,"bitsPerSample":32}'), "invalid_audio"),
        (frame(b'{"sampleRate":16000}', b"\1\0\2"), "invalid_audio"),
    ],
)
def test_invalid_frames_are_errors(data: bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        AudioMessage.parse(data)
    assert caught.value.code == code


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    try:
        message = AudioMessage.parse(data)
    except ProtocolError:
        return
    assert data.endswith(message.pcm)


@given(st.integers(0, 200_000), st.binary(max_size=100).map(lambda data: data * 2))
def test_frames_survive_a_round_trip(rate: int, pcm: bytes) -> None:
    data = frame(json.dumps({"sampleRate": rate}).encode(), pcm)
    assert AudioMessage.parse(data) == AudioMessage(rate, pcm)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "invalid_json"),
        ("GET / HTTP/1.1", "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ("[]", "invalid_message"),
        ("{}", "invalid_message"),
        ('{"type":1}', "invalid_message"),
    ],
)
def test_invalid_text_is_an_error_that_does_not_end_the_session(text: str, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_message(text)
    assert (caught.value.code, caught.value.fatal) == (code, False)


@given(st.text(max_size=100))
def test_any_text_is_a_message_or_an_error(text: str) -> None:
    try:
        assert isinstance(parse_message(text)["type"], str)
    except ProtocolError:
        return


def test_languages_change_one_at_a_time() -> None:
    pair = LanguagePair()
    assert pair.options() == {"language": "auto", "translate_to": ()}
    pair = pair.updated({"source_language": "en", "target_language": "vi"})
    assert pair.options() == {"language": "en", "translate_to": ("vi",)}
    pair = pair.updated({"source_language": "vi"})
    assert pair.options() == {"language": "vi", "translate_to": ()}, "nothing to translate"
    assert pair.updated({}) == pair


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"source_language": 1}, "invalid_message"),
        ({"target_language": None}, "invalid_message"),
        ({"source_language": "klingon"}, "unsupported_language"),
        ({"target_language": "klingon" * 10_000}, "unsupported_language"),
    ],
)
def test_unknown_languages_are_errors_that_do_not_end_the_session(given: dict[str, Any], code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        LanguagePair("zh", "en").updated(given)
    assert (caught.value.code, caught.value.fatal) == (code, False)
    assert len(caught.value.message) <= 300


def test_text_in_the_target_language_is_its_own_translation() -> None:
    assert LanguagePair("auto", "en").is_target("en")
    assert not LanguagePair("auto", "en").is_target("zh")
    assert not LanguagePair("auto", "auto").is_target("en")
    assert not LanguagePair("auto", "en").is_target("")


def test_messages_have_the_published_fields() -> None:
    assert json.loads(status("client_123abc45", LanguagePair("es", "fr"))) == {
        "type": "status",
        "client_id": "client_123abc45",
        "source_language": "es",
        "target_language": "fr",
        "translation_enabled": True,
    }
    assert json.loads(realtime("你好", "hello", 3)) == {
        "type": "realtime",
        "text": "你好",
        "translation": "hello",
        "segment_id": "3",
        "processing_time": 0.0,
    }
    assert json.loads(utterance_end("client_1")) == {"type": "utterance_end", "client_id": "client_1"}
