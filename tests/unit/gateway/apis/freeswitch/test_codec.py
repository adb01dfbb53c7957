"""The codec of FreeSWITCH's modules, with the metadata of their documentation and of jambonz."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.protocol import Done, Error, Final, Message, Partial, Ready, Start, Stop, Translation
from gateway.apis.freeswitch.codec import AudioForkCodec
from tests.testkit.call_events import call_events, on_connection
from tests.testkit.native_events import EVENTS, TEXT_FRAMES

# https://docs.jambonz.org/verbs/verbs/listen: the attributes of the call, and how its audio is mixed.
JAMBONZ = json.dumps(
    {
        "callSid": "bfb0d8b9",
        "direction": "inbound",
        "from": "+15550100",
        "to": "+15550199",
        "sipStatus": 200,
        "sampleRate": 16000,
        "mixType": "stereo",
        "customerData": {"any": "thing"},
        "key": "nova_secret",
        "language": "en",
    }
)
FINAL = Final(utterance=3, text="Hello.", language="en", confidence=0.9, start_ms=100, end_ms=900, channel=1)


def opened(first: str | bytes = JAMBONZ, **query: str) -> AudioForkCodec:
    codec = AudioForkCodec("call_1", query)
    assert codec.configure(first)
    codec.open()
    codec.encode(Ready(session="s"))
    return codec


def test_metadata_starts_a_session_with_a_channel_for_each_speaker() -> None:
    codec = AudioForkCodec("call_1", {})
    assert codec.configure(JAMBONZ)
    assert codec.parameters
    assert (codec.parameters.key, codec.parameters.on_socket) == ("nova_secret", True)
    started, start = codec.open()
    assert isinstance(start, Start)
    assert (start.audio.encoding, start.audio.sample_rate, start.audio.channels) == ("pcm_s16le", 16_000, 2)
    assert (start.multichannel, start.language) == (True, "en")
    (event,) = call_events(codec, started)
    assert (event["call"]["provider"], event["call"]["call_id"]) == ("freeswitch", "bfb0d8b9")
    assert event["call"]["parameters"] == {
        "callSid": "bfb0d8b9",
        "direction": "inbound",
        "from": "+15550100",
        "to": "+15550199",
        "sipStatus": "200",
    }


def test_without_metadata_the_parameters_are_in_the_url_and_no_audio_is_lost() -> None:
    codec = AudioForkCodec("call_1", {"sample_rate": "16k", "mix_type": "mixed", "language": "es"})
    assert codec.configure(b"\x01\x02" * 320)
    _, start, audio = codec.open()
    assert isinstance(start, Start)
    assert (start.audio.sample_rate, start.audio.channels, start.language) == (16_000, 1, "es")
    assert audio == b"\x01\x02" * 320
    (event,) = call_events(codec, *codec.encode(FINAL.model_copy(update={"channel": None})))
    assert event["speaker"] == "mixed"


def test_results_have_the_form_that_the_modules_pass_on() -> None:
    codec = opened()
    translated = Translation(utterance=3, language="es", text="Hola.", is_final=True, channel=1)
    partial = Partial(
        utterance=4, revision=1, committed="Good", tentative=" day", language="en", start_ms=0, end_ms=5, channel=0
    )
    failed = Error(code="overdue", message="late", utterance=5, channel=0)
    frames = [frame for event in (FINAL, translated, partial, failed, Done()) for frame in codec.encode(event)]
    final, translation, early, error, end = map(json.loads, on_connection(codec, *frames))
    assert (final["type"], final["data"]["type"], final["data"]["text"]) == ("transcription", "call.final", "Hello.")
    assert (final["data"]["speaker"], final["data"]["sequence"]) == ("outbound", 1)
    assert (translation["type"], translation["data"]["language"]) == ("transcription", "es")
    assert (early["type"], early["data"]) == (
        "transcription",
        {
            "type": "call.partial",
            "utterance": 4,
            "text": "Good day",
            "language": "en",
            "start_ms": 0,
            "end_ms": 5,
            "speaker": "inbound",
        },
    )
    assert (error["type"], error["data"]["code"]) == ("error", "overdue")
    assert (end["type"], end["data"]["reason"], end["data"]["sequence"]) == ("json", "completed", 4)


def test_events_for_a_webhook_alone_do_not_return() -> None:
    codec = opened('{"events":"webhook"}')
    assert codec.parameters
    assert not codec.parameters.on_socket
    assert len(call_events(codec, *codec.encode(FINAL.model_copy(update={"channel": None})))) == 1
    *_, error = codec.encode(Error(code="overloaded", message="busy", fatal=True))
    assert json.loads(error) == {"type": "error", "data": {"code": "overloaded", "message": "busy", "fatal": True}}


def test_keys_other_texts_and_the_end() -> None:
    codec = opened()
    (key,) = call_events(codec, *codec.decode('{"event":"dtmf","dtmf":"2","duration":"1600"}'))
    assert (key["digit"], key["speaker"]) == ("2", "inbound")
    assert codec.decode('{"note":"of the application"}') == ()
    (stop,) = codec.decode(codec.hangup)
    assert isinstance(stop, Stop)
    assert codec.decode(b"\x01\x02") == codec.decode("{}") == ()


def test_a_refusal_is_an_error_event() -> None:
    codec = AudioForkCodec("call_1", {})
    error = Error(code="unauthorized", message="an API key is required", fatal=True)
    assert [json.loads(frame)["data"]["code"] for frame in codec.encode(error)] == ["unauthorized"]
    assert json.loads(codec.refusal(error))["type"] == "error"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not JSON", "invalid_json"),
        ("[1]", "invalid_message"),
        ('{"mix_type":"quad"}', "invalid_parameter"),
        ('{"sampleRate":"fast"}', "invalid_parameter"),
        ('{"events":"email"}', "invalid_parameter"),
        ('{"partials":1}', "invalid_parameter"),
        ("x" * 200_000, "frame_too_large"),
    ],
)
def test_bad_metadata_is_a_typed_error(frame: str, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        AudioForkCodec("call_1", {}).configure(frame)
    assert caught.value.code == code


def test_later_texts_that_are_not_json_do_not_end_the_call() -> None:
    with pytest.raises(ProtocolError) as caught:
        opened().decode("bye")
    assert (caught.value.code, caught.value.fatal) == ("invalid_json", False)


@given(st.lists(TEXT_FRAMES | st.binary(max_size=8), max_size=8), EVENTS, st.booleans())
def test_any_frames_and_events_are_messages_or_typed_errors(
    frames: list[str | bytes], events: list[Message], known: bool
) -> None:
    codec = opened("{}") if known else AudioForkCodec("call_1", {})
    for frame in frames:
        with contextlib.suppress(ProtocolError):
            codec.decode(frame)
    for event in events:
        codec.encode(event)
