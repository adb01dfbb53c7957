"""Messages as MessagePack and JSON, also hostile ones."""

import json
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from gateway.apis.ai_voice.codec import AiVoiceCodec
from gateway.apis.ai_voice.wire import MAX_ENTRIES, is_start, pack_json, parse_message

# Hypothesis takes long to find all characters that UTF-8 has.
TEXT = st.text(alphabet='a{}[]"\\\x00é日😀', max_size=20)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), TEXT, st.binary(max_size=20))


@given(st.dictionaries(TEXT, VALUES, max_size=6), TEXT)
def test_a_packed_message_is_read_as_it_was_written(fields: dict[str, Any], kind: str) -> None:
    message = {**fields, "type": kind}
    parsed = parse_message(msgpack.packb(message))
    assert parsed.is_packed
    assert (parsed.kind, parsed.fields) == (kind, {name: one for name, one in message.items() if one is not None})


def test_json_is_read_from_text_and_from_bytes() -> None:
    text = json.dumps({"type": "start", "speaker_id": None})
    for frame in (text, text.encode(), f"  {text}".encode()):
        parsed = parse_message(frame)
        assert (parsed.kind, parsed.fields, parsed.is_packed) == ("start", {"type": "start"}, False)


def test_a_message_is_packed_with_its_numbers_and_text() -> None:
    message = {"transcript": "日本語", "sequence": 3, "timestamp": 1_234_567_890.123, "is_final": True}
    assert msgpack.unpackb(pack_json(json.dumps(message))) == message


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff\xfe\xfd",
        b"\x00" * 100,
        b"\x91" * 100_000,
        b"{" * 100_000,
        b"[" * 100_000,
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xffabc",
        b"\x81\xa4type",
        msgpack.packb({"type": "end"}) + b"\x00",
        msgpack.packb({"type": "end", "more": list(range(MAX_ENTRIES + 1))}),
        msgpack.packb({str(n): n for n in range(MAX_ENTRIES + 1)}),
        b"\x81\xa4type\xa2\xff\xfe",
        '{"type": "\\ud800"}',
        '{"type": "end", "more": "' + "x" * 200_000 + '"}',
        "[]",
        "1",
    ],
)
def test_hostile_frames_are_errors(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_message(frame)
    assert not is_start(frame)


@given(st.one_of(st.binary(max_size=200), TEXT))
def test_any_frame_is_a_message_or_an_error(frame: str | bytes) -> None:
    codec = AiVoiceCodec("s", lambda: 0.0)
    for one in (frame, msgpack.packb({"type": "start"}), frame):
        try:
            codec.decode(one)
        except ProtocolError as error:
            assert error.code
