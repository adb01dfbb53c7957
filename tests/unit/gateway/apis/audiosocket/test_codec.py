"""The codec of AudioSocket, with frames in the form of Asterisk's documentation."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.protocol import Done, Final, Start, Stop
from gateway.apis.audiosocket.codec import RATES, AudioSocketCodec, farewell, to_frame
from gateway.calls.call_log import CallEvent
from gateway.calls.parameters import CallParameters
from gateway.connection.codec import Decoded, DirectReply

CALL = UUID("40325ec2-5efd-4bd3-805f-53576e581d13")
IDENTITY = to_frame(0x01, CALL.bytes)


def identified(**parameters: str) -> AudioSocketCodec:
    codec = AudioSocketCodec("call_1", CallParameters.parse(parameters))
    assert list(codec.open()) == [*codec.decode(IDENTITY)] == []
    return codec


def events(codec: AudioSocketCodec, *items: Decoded | str) -> list[dict[str, Any]]:
    assert codec.log
    frames = [frame for item in items for frame in (item.frames if isinstance(item, DirectReply) else (item,))]
    return [json.loads(codec.log.number(frame)[1]) for frame in frames if isinstance(frame, CallEvent)]


def test_a_frame_is_a_kind_a_length_and_a_payload() -> None:
    assert to_frame(0x10, b"\x01\x02") == b"\x10\x00\x02\x01\x02"
    assert farewell(1000, "done") == b"\x00\x00\x00"
    assert farewell(1008, "unauthorized") == b"\xff\x00\x0cunauthorized"


@pytest.mark.parametrize(("kind", "rate"), list(RATES.items()))
def test_the_first_audio_starts_a_session_at_its_rate(kind: int, rate: int) -> None:
    codec = identified(language="es")
    started, start, audio = codec.decode(to_frame(kind, b"\x01\x02" * 160))
    assert isinstance(start, Start)
    assert (start.audio.encoding, start.audio.sample_rate, start.audio.channels) == ("pcm_s16le", rate, 1)
    assert (start.language, start.multichannel) == ("es", False)
    (event,) = events(codec, started)
    assert (event["type"], event["call"]["call_id"]) == ("call.started", str(CALL))
    assert audio == b"\x01\x02" * 160
    assert codec.decode(to_frame(kind, b"\x03\x04")) == (b"\x03\x04",)


def test_keys_results_and_the_hangup() -> None:
    codec = identified()
    codec.decode(to_frame(0x10, bytes(320)))
    (key,) = events(codec, *codec.decode(to_frame(0x03, b"#")))
    assert (key["digit"], key["speaker"]) == ("#", "inbound")
    assert isinstance(codec.decode(to_frame(0x00))[-1], Stop)
    assert codec.decode(to_frame(0x10, bytes(320))) == ()
    final = Final(utterance=1, text="Hi.", language="en", confidence=1, start_ms=0, end_ms=9)
    said, end = events(codec, *codec.encode(final), *codec.encode(Done()))
    assert (said["text"], said["speaker"], end["reason"]) == ("Hi.", "inbound", "completed")


def test_a_call_without_audio_ends_as_well() -> None:
    _, start, stop = identified().decode(to_frame(0x00))
    assert isinstance(start, Start)
    assert isinstance(stop, Stop)


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([to_frame(0x10, b"ab")], "not_started"),
        ([to_frame(0x01, b"short")], "invalid_message"),
        ([IDENTITY, IDENTITY], "invalid_message"),
        ([IDENTITY, to_frame(0x18, b"ab")], "unknown_type"),
        ([IDENTITY, to_frame(0x42)], "unknown_type"),
        ([IDENTITY, to_frame(0x10, b"ab"), to_frame(0x12, b"ab")], "invalid_audio"),
    ],
)
def test_bad_frames_are_typed_errors(frames: list[bytes], code: str) -> None:
    codec = AudioSocketCodec("call_1", CallParameters.parse({}))
    with pytest.raises(ProtocolError) as caught:
        [codec.decode(frame) for frame in frames]
    assert caught.value.code == code


KINDS = st.sampled_from([0x00, 0x01, 0x03, 0x10, 0x12, 0x18, 0xFF]) | st.integers(0, 255)


@given(st.lists(st.tuples(KINDS, st.binary(max_size=20)), max_size=10), st.booleans())
def test_any_frames_are_messages_or_typed_errors(frames: list[tuple[int, bytes]], known: bool) -> None:
    codec = identified() if known else AudioSocketCodec("call_1", CallParameters.parse({}))
    try:
        for kind, payload in frames:
            codec.decode(to_frame(kind, payload))
    except ProtocolError:
        pass
