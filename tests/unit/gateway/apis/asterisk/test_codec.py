"""The codec of Asterisk's WebSocket channel, with messages of Asterisk 22.10."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.protocol import Done, Error, Final, Message, Ready, Start, Stop
from gateway.apis.asterisk.codec import WebSocketChannelCodec
from gateway.apis.asterisk.messages import FORMATS
from tests.testkit.call_events import call_events
from tests.testkit.native_events import EVENTS, TEXT_FRAMES

LINE = (
    "MEDIA_START connection_id:nova channel:WebSocket/nova/0x7fb83c004c10 channel_id:1796040700.2 format:{} "
    "optimal_frame_size:640 ptime:20"
)
JSON = (
    '{{"event":"MEDIA_START","connection_id":"nova","channel":"WebSocket/nova/0x7fb844005340",'
    '"channel_id":"1796041237.19","format":"{}","optimal_frame_size":160,"ptime":20,"channel_variables":{{}}}}'
)


def opened(start: str = LINE.format("slin16"), **query: str) -> WebSocketChannelCodec:
    codec = WebSocketChannelCodec("call_1", query)
    assert codec.open() == ()
    codec.decode(start)
    return codec


@pytest.mark.parametrize(("name", "audio"), list(FORMATS.items()))
@pytest.mark.parametrize("form", [LINE, JSON])
def test_the_first_message_starts_a_session_in_the_format_of_the_channel(
    form: str, name: str, audio: tuple[str, int]
) -> None:
    codec = WebSocketChannelCodec("call_1", {"language": "es", "order": "4711"})
    started, start = codec.decode(form.format(name))
    assert isinstance(start, Start)
    assert (start.audio.encoding, start.audio.sample_rate) == audio
    assert (start.audio.channels, start.language, start.partials) == (1, "es", False)
    (event,) = call_events(codec, started)
    assert (event["type"], event["call"]["provider"], event["call"]["parameters"]) == (
        "call.started",
        "asterisk",
        {"order": "4711"},
    )
    assert event["call"]["call_id"] in ("1796040700.2", "1796041237.19")
    assert codec.decode(b"\x01\x02" * 160) == (b"\x01\x02" * 160,)


@pytest.mark.parametrize(
    ("start", "key", "answer", "hangup"),
    [
        (LINE.format("ulaw"), "DTMF_END digit:5 channel_id:1796040700.2", "ANSWER", "HANGUP"),
        (
            JSON.format("ulaw"),
            '{"event":"DTMF_END","channel_id":"1796041237.19","digit":"5"}',
            '{"command": "ANSWER"}',
            '{"command": "HANGUP"}',
        ),
    ],
)
def test_commands_have_the_form_of_the_events(start: str, key: str, answer: str, hangup: str) -> None:
    codec = opened(start)
    (event,) = call_events(codec, *codec.decode(key))
    assert (event["type"], event["digit"], event["speaker"]) == ("call.dtmf", "5", "inbound")
    assert codec.encode(Ready(session="s")) == [answer]
    failed = codec.encode(Error(code="overloaded", message="busy", fatal=True))
    assert failed[-1] == hangup
    assert call_events(codec, *failed)[0]["code"] == "overloaded"


def test_the_end_of_the_connection_ends_the_call() -> None:
    codec = opened()
    (stop,) = codec.decode(codec.hangup)
    assert isinstance(stop, Stop)
    assert codec.decode(codec.hangup) == codec.decode(bytes(320)) == ()
    final = Final(utterance=1, text="Hi.", language="en", confidence=1, start_ms=0, end_ms=9)
    said, end = call_events(codec, *codec.encode(final), *codec.encode(Done()))
    assert (said["text"], end["reason"]) == ("Hi.", "completed")


@pytest.mark.parametrize("frame", ["MEDIA_XOFF", "MEDIA_XON", "QUEUE_DRAINED", "ERROR channel_id:1 error_text:a b c"])
def test_events_about_audio_that_is_never_sent_are_ignored(frame: str) -> None:
    assert opened().decode(frame) == ()


@pytest.mark.parametrize(
    ("frames", "code", "fatal"),
    [
        ([bytes(320)], "not_started", True),
        (["DTMF_END digit:5"], "not_started", True),
        ([LINE.format("opus")], "unsupported_encoding", True),
        ([LINE.format("slin192")], "unsupported_encoding", True),
        (["MEDIA_START"], "unsupported_encoding", True),
        ([LINE.format("slin"), LINE.format("slin")], "invalid_message", True),
        (['{"event":'], "invalid_json", True),
        (['{"event":5}'], "invalid_message", True),
        (["[1]"], "invalid_message", True),
        ([""], "invalid_message", True),
        (["x" * 200_000], "frame_too_large", True),
        ([LINE.format("slin"), "MEDIA_NEWS"], "unknown_type", False),
    ],
)
def test_bad_frames_are_typed_errors(frames: list[str | bytes], code: str, fatal: bool) -> None:
    codec = WebSocketChannelCodec("call_1", {})
    with pytest.raises(ProtocolError) as caught:
        [codec.decode(frame) for frame in frames]
    assert (caught.value.code, caught.value.fatal) == (code, fatal)


def test_bad_parameters_are_refused_in_the_handshake() -> None:
    codec = WebSocketChannelCodec("call_1", {"events": "email"})
    with pytest.raises(ProtocolError, match="events"):
        codec.read_query()
    assert json.loads(codec.refusal(Error(code="invalid_parameter", message="no", fatal=True)))["code"]


@given(st.lists(TEXT_FRAMES | st.binary(max_size=8), max_size=8), EVENTS, st.booleans())
def test_any_frames_and_events_are_messages_or_typed_errors(
    frames: list[str | bytes], events: list[Message], known: bool
) -> None:
    codec = opened() if known else WebSocketChannelCodec("call_1", {})
    for frame in frames:
        with contextlib.suppress(ProtocolError):
            codec.decode(frame)
    for event in events:
        codec.encode(event)
