"""The messages of a simulated call: the fields that Twilio documents, and a gateway's codec understands them."""

import json
from typing import Any

import pytest

from backend.cli.calls.call_audio import PACKET
from backend.cli.calls.results import CallProblem, CallTranslation, CallUtterance
from backend.cli.calls.twilio_messages import CONNECTED, TRACKS, CallCompleted, TwilioMessages, parse_call_event
from backend.client.connection import DisconnectedError, ServerError
from backend.messages.channels import Done
from backend.messages.protocol import Error, Final, Message, Start, Stop, Translation
from gateway.apis.twilio.codec import MediaStreamCodec, error_frame
from gateway.calls.call_log import CallEvent

ID = "0123456789abcdef0123456789abcdef"
FINAL = Final(utterance=3, text="Hello.", language="en", confidence=0.9, start_ms=100, end_ms=900, channel=1)


@pytest.fixture
def messages() -> TwilioMessages:
    return TwilioMessages(TRACKS, ID)


def opened(messages: TwilioMessages, **parameters: str) -> MediaStreamCodec:
    codec = MediaStreamCodec("call_1", {})
    codec.decode(CONNECTED)
    codec.decode(messages.start(parameters))
    return codec


def on_socket(codec: MediaStreamCodec, event: Message) -> list[str]:
    """The frames of a gateway for an event, with `events=socket`."""
    assert codec.log
    frames = codec.encode(event)
    bodies = [codec.log.number(frame)[1] if isinstance(frame, CallEvent) else frame for frame in frames]
    return [
        f'{{"event":"call","call":{body}}}' if isinstance(frame, CallEvent) else body
        for frame, body in zip(frames, bodies, strict=True)
    ]


def test_messages_have_the_fields_that_twilio_documents(messages: TwilioMessages) -> None:
    start = json.loads(messages.start({"key": "nova_x", "language": "en"}))
    inbound, outbound = map(json.loads, messages.media((b"\xff" * PACKET, b"\x7f" * PACKET)))
    later, _ = map(json.loads, messages.media((b"\xff" * PACKET, b"\x7f" * PACKET)))
    stop = json.loads(messages.stop())
    ids = {"accountSid": f"AC{ID}", "callSid": f"CA{ID}"}
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            **ids,
            "streamSid": f"MZ{ID}",
            "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"key": "nova_x", "language": "en"},
        },
        "streamSid": f"MZ{ID}",
    }
    assert {**inbound["media"], "payload": None} == {
        "track": "inbound",
        "chunk": "1",
        "timestamp": "0",
        "payload": None,
    }
    assert (outbound["sequenceNumber"], outbound["media"]["track"]) == ("3", "outbound")
    assert (later["sequenceNumber"], later["media"]["chunk"], later["media"]["timestamp"]) == ("4", "2", "20")
    assert stop == {"event": "stop", "sequenceNumber": "6", "stop": ids, "streamSid": f"MZ{ID}"}


def test_a_gateway_receives_the_sound_of_both_speakers_and_the_end(messages: TwilioMessages) -> None:
    codec = opened(messages, events="socket")
    packet = (bytes(range(PACKET)), bytes(range(PACKET, 0, -1)))
    decoded = [item for _ in range(2) for frame in messages.media(packet) for item in codec.decode(frame)]
    decoded += codec.decode(messages.stop())
    assert isinstance(decoded.pop(), Stop)
    sound = b"".join(item for item in decoded if isinstance(item, bytes))
    assert (sound[0::2], sound[1::2]) == (packet[0] * 2, packet[1] * 2)


def test_one_speaker_is_one_track() -> None:
    messages = TwilioMessages(TRACKS[:1], ID)
    codec = MediaStreamCodec("call_1", {})
    codec.configure(messages.start({}))
    (start,) = (item for item in codec.open() if isinstance(item, Start))
    assert (start.audio.channels, start.multichannel) == (1, False)
    assert len(messages.media((b"\xff" * PACKET,))) == 1


def test_results_that_a_gateway_sends_are_parsed(messages: TwilioMessages) -> None:
    codec = opened(messages, events="socket")
    translation = Translation(utterance=3, language="es", text="Hola.", is_final=True, channel=1)
    lost = Error(code="utterance_lost", message="it is lost", utterance=4, channel=0)
    parsed = [
        parse_call_event(frame) for event in (FINAL, translation, lost, Done()) for frame in on_socket(codec, event)
    ]
    assert parsed == [
        CallUtterance(1, 3, 100, 900, "Hello.", "en"),
        CallTranslation(1, 3, "es", "Hola."),
        CallProblem(0, "utterance_lost", "it is lost"),
        CallCompleted(),
    ]


def test_a_refusal_and_an_error_that_ends_the_call_are_errors_with_their_code(messages: TwilioMessages) -> None:
    fatal = Error(code="unauthorized", message="the key is unknown", fatal=True)
    for frame in (error_frame(fatal), on_socket(opened(messages), fatal)[0]):
        with pytest.raises(
            ServerError, match=r"refuses or ends the call: the key is unknown \(unauthorized\)"
        ) as failed:
            parse_call_event(frame)
        assert failed.value.code == "unauthorized"


@pytest.mark.parametrize(
    "event", [{"type": "call.started"}, {"type": "call.dtmf", "digit": "1"}, {"type": "call.of_the_future"}]
)
def test_events_without_text_are_no_results(event: dict[str, Any]) -> None:
    assert parse_call_event(json.dumps({"event": "call", "call": event})) is None
    assert parse_call_event('{"event":"mark"}') is None


def test_a_call_that_ends_early_and_frames_of_other_servers_are_errors() -> None:
    with pytest.raises(DisconnectedError, match="before its last final: interrupted"):
        parse_call_event('{"event":"call","call":{"type":"call.ended","reason":"interrupted"}}')
    for frame in (
        "hello",
        "[]",
        "{}",
        b"\xff\xfe",
        '{"event":"call"}',
        '{"event":"call","call":{"type":"call.final"}}',
    ):
        with pytest.raises(DisconnectedError, match="no event of a call"):
            parse_call_event(frame)
