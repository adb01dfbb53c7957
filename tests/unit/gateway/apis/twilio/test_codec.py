"""The codec of Twilio Media Streams, with the messages of Twilio's and Telnyx's documentation."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.protocol import Done, Error, Final, Message, Start, Stop
from gateway.apis.twilio.codec import MediaStreamCodec
from gateway.calls.call_log import CallEvent
from gateway.connection.codec import Decoded, DirectReply, Frame
from tests.testkit.native_events import EVENTS, TEXT_FRAMES

CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
# https://www.twilio.com/docs/voice/media-streams/websocket-messages
TWILIO_START = """{
 "event": "start",
 "sequenceNumber": "1",
 "start": {
   "accountSid": "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
   "streamSid": "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
   "callSid": "CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
   "tracks": [ "inbound", "outbound" ],
   "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
   "customParameters": { "FirstName": "Jane", "language": "en", "key": "nova_secret" }
 },
 "streamSid": "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
}"""
TWILIO_DTMF = """{"event": "dtmf", "streamSid": "MZ", "sequenceNumber": "5",
 "dtmf": {"track": "inbound_track", "digit": "1"}}"""
TWILIO_STOP = '{"event":"stop","sequenceNumber":"5","stop":{"accountSid":"AC","callSid":"CA"},"streamSid":"MZ"}'
# https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming
TELNYX_START = """{"event": "start", "sequence_number": "1", "stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
 "start": {"user_id": "3E6F995F-85F7-4705-9741-53B116D28237", "call_control_id": "v3:T02llQ",
  "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}}}"""
TELNYX_MEDIA = """{"event": "media", "sequence_number": "4", "stream_id": "32DE0DEA",
 "media": {"track": "inbound", "chunk": "2", "timestamp": "5", "payload": "no+JhoaJjpzS"}}"""
TELNYX_DTMF = '{"event":"dtmf","stream_id":"32DE","occurred_at":"2023","sequence_number":"5","dtmf":{"digit":"1"}}'


def media(track: str, samples: bytes, timestamp: int = 0) -> str:
    payload = base64.b64encode(samples).decode()
    part = {"track": track, "chunk": "1", "timestamp": str(timestamp), "payload": payload}
    return json.dumps({"event": "media", "sequenceNumber": "3", "media": part, "streamSid": "MZ"})


def opened(start: str = TWILIO_START, **query: str) -> MediaStreamCodec:
    codec = MediaStreamCodec("call_1", query)
    assert list(codec.open()) == [*codec.decode(CONNECTED)] == []
    codec.decode(start)
    return codec


def events(codec: MediaStreamCodec, *frames: Frame) -> list[dict[str, Any]]:
    """The numbered events of a call among frames."""
    assert codec.log
    return [json.loads(codec.log.number(frame)[1]) for frame in frames if isinstance(frame, CallEvent)]


def replies(decoded: list[Decoded]) -> list[Frame]:
    return [frame for item in decoded if isinstance(item, DirectReply) for frame in item.frames]


def test_twilio_starts_a_session_with_a_channel_for_each_track() -> None:
    codec = MediaStreamCodec("call_1", {})
    assert not codec.configure(CONNECTED)
    assert codec.configure(TWILIO_START)
    assert codec.parameters
    assert codec.parameters.key == "nova_secret"
    started, start = codec.open()
    assert isinstance(start, Start)
    audio = start.audio
    assert (audio.encoding, audio.sample_rate, audio.channels) == ("mulaw", 8_000, 2)
    assert (start.multichannel, start.channel_order, start.language, start.partials) == (True, "time", "en", False)
    (event,) = events(codec, *replies([started]))
    assert event["type"] == "call.started"
    assert event["call"]["call_id"] == "CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
    assert event["call"]["parameters"] == {"FirstName": "Jane"}, "the key must not leave the gateway"


def test_audio_of_both_tracks_keys_and_the_end() -> None:
    codec = opened()
    assert codec.decode(media("inbound", b"ab")) == ()
    assert codec.decode(media("outbound", b"xy")) == (b"axby",)
    (key,) = events(codec, *replies(list(codec.decode(TWILIO_DTMF))))
    assert (key["type"], key["digit"], key["speaker"]) == ("call.dtmf", "1", "inbound")
    assert codec.decode('{"event":"mark","streamSid":"MZ","mark":{"name":"m"}}') == ()
    assert codec.decode(media("inbound", b"c", 1)) == ()
    stop = codec.decode(TWILIO_STOP)
    assert stop[0] == b"\xff" * 6 * 2 + b"c\xff"
    assert isinstance(stop[1], Stop)
    assert [*codec.decode(TWILIO_STOP), *codec.decode(media("inbound", b"d"))] == []


def test_telnyx_names_the_same_fields_differently() -> None:
    codec = opened(TELNYX_START)
    assert codec.decode(TELNYX_MEDIA) == (base64.b64decode("no+JhoaJjpzS"),)
    (key,) = events(codec, *replies(list(codec.decode(TELNYX_DTMF))))
    assert key["speaker"] == "inbound"
    assert key["call"]["stream_id"] == "32DE0DEA-53CB-4B21-89A4-9E1819C043BC"
    assert key["call"]["call_id"] == "v3:T02llQ"
    both = MediaStreamCodec("call_2", {"tracks": "both_tracks", "language": "es"})
    assert both.configure(TELNYX_START)
    start = both.open()[1]
    assert isinstance(start, Start)
    assert (start.audio.channels, start.language) == (2, "es")


def test_results_name_their_speaker_and_done_ends_the_call() -> None:
    codec = opened()
    final = Final(utterance=1, text="Hi.", language="en", confidence=1, start_ms=0, end_ms=9, channel=1)
    said, end = events(codec, *codec.encode(final), *codec.encode(Done()))
    assert (said["speaker"], said["text"], end["reason"]) == ("outbound", "Hi.", "completed")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "invalid_json"),
        ("[" * 50_000, "invalid_json"),
        ("[]", "invalid_message"),
        ('{"event":3}', "unknown_type"),
        ('{"event":"media"}', "unknown_type"),
        ('{"event":"media","media":{"payload":"%%%","track":"inbound"}}', "invalid_audio"),
        ('{"event":"media","media":{"payload":"","track":"third"}}', "unknown_track"),
        ('{"event":"media","media":{"payload":"","timestamp":-1}}', "invalid_message"),
        (TWILIO_START, "invalid_message"),
        ("x" * 200_000, "frame_too_large"),
        (b"\x00", "invalid_message"),
    ],
)
def test_bad_messages_are_typed_errors(frame: str | bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        opened().decode(frame)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (('"audio/x-mulaw"', '"audio/opus"'), "unsupported_encoding"),
        (('"language": "en"', '"events": "somewhere"'), "invalid_parameter"),
        (('"language": "en"', '"hotwords": "' + "x" * 2_000 + '"'), "invalid_parameter"),
        (('"FirstName"', '"' + "x" * 5_000 + '"'), "invalid_parameter"),
        (('"start"', '"media"'), "not_started"),
    ],
)
def test_a_start_that_cannot_be_served(change: tuple[str, str], code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        MediaStreamCodec("call_1", {}).configure(TWILIO_START.replace(*change, 1))
    assert caught.value.code == code


def test_errors_have_the_form_of_telnyx() -> None:
    error = Error(code="unauthorized", message="no key", fatal=True)
    expected = {"event": "error", "payload": {"code": "unauthorized", "title": "unauthorized", "detail": "no key"}}
    assert [json.loads(frame) for frame in MediaStreamCodec("call_1", {}).encode(error)] == [expected]
    codec = opened()
    frames = codec.encode(error)
    assert [event["type"] for event in events(codec, *frames)] == ["call.error"]
    assert json.loads(frames[-1]) == expected


PARTS = st.dictionaries(
    st.sampled_from(["payload", "track", "timestamp", "digit", "tracks", "mediaFormat", "customParameters", "callSid"]),
    st.none() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=3),
)
MESSAGES = st.builds(
    lambda kind, part, more: json.dumps({"event": kind, kind: part, **more}),
    st.sampled_from(["connected", "start", "media", "dtmf", "stop", "mark", "clear"]),
    PARTS,
    st.dictionaries(st.text(max_size=8), st.integers(), max_size=2),
)


@given(st.lists(TEXT_FRAMES | MESSAGES | st.binary(max_size=8), max_size=8), st.booleans())
def test_any_frames_are_messages_or_typed_errors(frames: list[str | bytes], started: bool) -> None:
    codec = opened() if started else MediaStreamCodec("call_1", {})
    for frame in frames:
        try:
            codec.decode(frame)
        except ProtocolError as error:
            if error.fatal:
                return


@given(st.lists(EVENTS, max_size=10))
def test_any_events_become_json(native: list[Message]) -> None:
    codec = opened()
    for event in native:
        if (getattr(event, "channel", None) or 0) > 1:
            continue
        for frame in codec.encode(event):
            json.loads(frame)
