"""The dialects of simulated calls: a gateway's codecs understand them, and they read what it answers."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from backend.audio.g711 import from_mulaw
from backend.cli.calls.call_audio import PACKET
from backend.cli.calls.doors.dialects import (
    EVENT,
    FAILURE,
    HANGUP,
    AeapDialect,
    AsteriskDialect,
    AudioSocketDialect,
    FreeSwitchDialect,
    audiosocket_frame,
)
from backend.cli.calls.doors.door import CallDialect, CallOptions, Frame
from backend.cli.calls.doors.opening import twilio_signature
from backend.cli.calls.results import CallUtterance
from backend.cli.calls.twilio_messages import CallCompleted
from backend.client.connection import DisconnectedError, ServerError
from backend.messages.protocol import Done, Final, Ready, Start, Stop
from gateway.apis.aeap.codec import SpeechEngineCodec
from gateway.apis.asterisk.codec import WebSocketChannelCodec
from gateway.apis.audiosocket.codec import AudioSocketCodec
from gateway.apis.freeswitch.codec import AudioForkCodec
from gateway.apis.twilio.signature import is_signed
from gateway.calls.call_socket import CallCodec
from gateway.calls.parameters import CallParameters
from tests.testkit.call_events import on_connection

PACKET_BYTES = bytes(range(PACKET))
PARAMETERS = CallOptions(1, ("en",), ()).parameters
FINAL = Final(utterance=1, text="Hello.", language="en", confidence=0.9, start_ms=100, end_ms=900)
PAIRS: list[Callable[[], tuple[CallDialect, CallCodec, bytes]]] = [
    lambda: (AsteriskDialect("c1"), WebSocketChannelCodec("call_1", PARAMETERS), PACKET_BYTES),
    lambda: (AeapDialect(PARAMETERS), SpeechEngineCodec("call_1", {}), PACKET_BYTES),
    lambda: (FreeSwitchDialect(1, PARAMETERS), AudioForkCodec("call_1", {}), from_mulaw(PACKET_BYTES).tobytes()),
    lambda: (
        AudioSocketDialect(bytes(16)),
        AudioSocketCodec("call_1", CallParameters.parse(PARAMETERS)),
        from_mulaw(PACKET_BYTES).tobytes(),
    ),
]


def framed(dialect: CallDialect, frames: list[Frame]) -> list[Frame]:
    """The frames on the wire: AudioSocket has its own ones."""
    if not isinstance(dialect, AudioSocketDialect):
        return frames
    return [audiosocket_frame(EVENT, frame.encode()) for frame in frames if isinstance(frame, str)]


@pytest.mark.parametrize("pair", PAIRS, ids=["asterisk", "aeap", "freeswitch", "audiosocket"])
def test_a_gateway_understands_a_call_and_its_results_return(
    pair: Callable[[], tuple[CallDialect, CallCodec, bytes]],
) -> None:
    dialect, codec, sound = pair()
    spoken = [*dialect.opening(), *dialect.media([PACKET_BYTES]), *dialect.media([PACKET_BYTES]), *dialect.hang_up()]
    decoded = [item for frame in spoken for item in codec.decode(frame)]
    assert any(isinstance(item, Start) for item in decoded)
    assert [item for item in decoded if isinstance(item, bytes)] == [sound, sound]
    assert isinstance(decoded[-1], Stop)
    events = [frame for event in (Ready(session="s"), FINAL, Done()) for frame in codec.encode(event)]
    read = [dialect.read(frame) for frame in framed(dialect, on_connection(codec, *events))]
    assert [one for one in read if one] == [CallUtterance(0, 1, 100, 900, "Hello.", "en"), CallCompleted()]


def test_speakers_of_freeswitch_are_interleaved() -> None:
    (frame,) = FreeSwitchDialect(2, {}).media([bytes(PACKET), b"\xff" * PACKET])
    assert isinstance(frame, bytes)
    samples = np.frombuffer(frame, "<i2").reshape(-1, 2)
    assert set(samples[:, 0]) == {-32_124}
    assert set(samples[:, 1]) == {0}


def test_each_final_must_also_be_a_result_of_the_dialplan() -> None:
    dialect = AeapDialect({})
    said = {"text": "Hi.", "utterance": 1, "start_ms": 0, "end_ms": 1, "language": "en", "speaker": "inbound"}
    assert dialect.read(json.dumps({"event": "call", "call": {"type": "call.final", **said}}))
    with pytest.raises(DisconnectedError, match="1 results"):
        dialect.read('{"event":"call","call":{"type":"call.ended","reason":"completed"}}')
    wrong = '{"request":"set","id":"nova-1","params":{"results":[{"text":"Ho."}]}}'
    assert [json.loads(frame) for frame in dialect.reply(wrong)] == [{"response": "set", "id": "nova-1"}]
    with pytest.raises(DisconnectedError, match="not that of the utterance"):
        dialect.read(wrong)


@pytest.mark.parametrize(
    ("dialect", "frame"),
    [
        (AeapDialect({}), '{"response":"setup","id":"setup","error_msg":"unauthorized: wrong key"}'),
        (FreeSwitchDialect(1, {}), '{"type":"error","data":{"code":"unauthorized","message":"wrong key"}}'),
        (AudioSocketDialect(bytes(16)), audiosocket_frame(FAILURE, b"unauthorized")),
    ],
)
def test_a_refusal_is_an_error_with_its_code(dialect: CallDialect, frame: Frame) -> None:
    with pytest.raises(ServerError) as caught:
        dialect.read(frame)
    assert caught.value.code == "unauthorized"


def test_a_port_without_events_is_named() -> None:
    with pytest.raises(DisconnectedError, match="events=socket"):
        AudioSocketDialect(bytes(16)).read(audiosocket_frame(HANGUP))


def test_a_gateway_accepts_the_signature_of_a_call() -> None:
    url = "ws://127.0.0.1:8080/v1/twilio"
    assert is_signed(twilio_signature(url, "token"), "127.0.0.1:8080", "/v1/twilio", "token")
    assert not is_signed(twilio_signature(url, "other"), "127.0.0.1:8080", "/v1/twilio", "token")
