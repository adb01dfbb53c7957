"""The codec of Asterisk's speech engine, with messages of Asterisk 22.10."""

import contextlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.protocol import Configure, Done, Error, Final, Message, Partial, Ready, Start, Stop
from gateway.apis.aeap.codec import SpeechEngineCodec
from gateway.calls.call_log import CallEvent
from gateway.connection.codec import Decoded, DeferredReply, DirectReply
from tests.testkit.call_events import call_events
from tests.testkit.native_events import EVENTS, TEXT_FRAMES

FINAL = Final(utterance=1, text="Yes, please.", language="en", confidence=0.912, start_ms=0, end_ms=900)
PARTIAL = Partial(utterance=1, revision=1, committed="Yes,", tentative=" ple", language="en", start_ms=0, end_ms=500)


def setup(codec: str = "ulaw", **params: str) -> str:
    body = {"version": "0.1.0", "codecs": [{"name": codec}], **({"params": params} if params else {})}
    return json.dumps({"request": "setup", "id": "setup-1", **body})


def request(name: str, params: Any) -> str:
    return json.dumps({"request": name, "id": "r1", "params": params})


def opened(**params: str) -> SpeechEngineCodec:
    codec = SpeechEngineCodec("call_1", {})
    assert codec.configure(setup(**params))
    codec.open()
    codec.encode(Ready(session="s"))
    return codec


def answers(decoded: Sequence[Decoded]) -> list[dict[str, Any]]:
    """The frames that Asterisk receives at once, without the events of the call."""
    frames: list[str | bytes] = []
    for item in decoded:
        frames += item.frames if isinstance(item, DirectReply) else ()
        frames += item.build() if isinstance(item, DeferredReply) else ()
    return [json.loads(frame) for frame in frames if not isinstance(frame, CallEvent)]


def test_setup_opens_a_session_and_is_answered_once_it_is_open() -> None:
    codec = SpeechEngineCodec("call_1", {})
    assert codec.configure(setup(key="nova_secret", language="de", order="4711"))
    assert codec.parameters
    assert codec.parameters.key == "nova_secret"
    started, start = codec.open()
    assert isinstance(start, Start)
    assert (start.audio.encoding, start.audio.sample_rate, start.language) == ("mulaw", 8_000, "de")
    (event,) = call_events(codec, started)
    assert (event["call"]["provider"], event["call"]["parameters"]) == ("aeap", {"order": "4711"})
    (answer,) = codec.encode(Ready(session="s"))
    assert json.loads(answer) == {"response": "setup", "id": "setup-1", "codecs": [{"name": "ulaw"}]}
    assert codec.encode(Ready(session="s")) == []


@pytest.mark.parametrize(
    ("name", "params", "encoding", "rate"),
    [
        ("alaw", {}, "alaw", 8_000),
        ("slin", {}, "pcm_s16le", 8_000),
        ("slin", {"sample_rate": "16000"}, "pcm_s16le", 16_000),
    ],
)
def test_linear_audio_has_the_rate_of_a_parameter(name: str, params: dict[str, str], encoding: str, rate: int) -> None:
    codec = SpeechEngineCodec("call_1", {})
    codec.configure(setup(name, **params))
    _, start = codec.open()
    assert isinstance(start, Start)
    assert (start.audio.encoding, start.audio.sample_rate) == (encoding, rate)


def test_each_utterance_is_a_result_that_ends_the_wait_of_the_dialplan() -> None:
    codec = opened()
    said, result = codec.encode(FINAL)
    assert call_events(codec, said)[0]["text"] == "Yes, please."
    expected = {"text": "Yes, please.", "score": 91, "grammar": "", "best": 0}
    assert json.loads(result) == {"request": "set", "id": "nova-1", "params": {"results": [expected]}}
    assert codec.decode('{"response":"set","id":"nova-1"}') == ()
    assert codec.encode(FINAL.model_copy(update={"text": ""})) == []


def test_results_that_asterisk_asks_for_are_the_words_so_far() -> None:
    codec = opened(partials="true")
    assert answers(codec.decode(request("get", ["results"])))[0]["params"] == {"results": []}
    asked = codec.decode(request("get", ["results"]))
    codec.encode(PARTIAL)
    # The answer is decided on in order with the events: the partial is before it.
    assert answers(asked)[0]["params"]["results"][0]["text"] == "Yes, ple"
    codec.encode(FINAL)
    assert answers(codec.decode(request("get", ["results"])))[0]["params"] == {"results": []}


def test_settings_can_be_read_and_changed() -> None:
    codec = opened(language="en", key="nova_secret")
    change, reply = codec.decode(request("set", {"language": "de,fr", "results_type": "normal"}))
    assert change == Configure(language="auto", languages=("de", "fr"))
    assert answers([reply]) == [{"response": "set", "id": "r1"}]
    read = answers(codec.decode(request("get", ["language", "codec"])))
    assert read[0]["params"] == {"language": "de,fr", "codec": "ulaw"}
    assert codec.decode(request("set", {"hotwords": "Nova"}))[0] == Configure(hotwords="Nova")
    for frame in (
        request("get", ["key"]),
        request("get", []),
        request("set", {"colour": "red"}),
        request("set", {"hotwords": "x" * 2_000}),
        request("set", {}),
        request("dance", {}),
        setup(),
    ):
        (answer,) = answers(codec.decode(frame))
        assert answer["error_msg"].partition(":")[0] in ("invalid_parameter", "unknown_type")
        assert "nova_secret" not in json.dumps(answer)


def test_keys_that_are_pressed_are_events() -> None:
    codec = opened()
    *keys, reply = codec.decode(request("set", {"dtmf": "42"}))
    assert [event["digit"] for event in call_events(codec, *keys)] == ["4", "2"]
    assert answers([reply]) == [{"response": "set", "id": "r1"}]


def test_a_refusal_is_the_response_to_setup() -> None:
    codec = SpeechEngineCodec("call_1", {})
    codec.configure(setup(key="nova_wrong"))
    (answer,) = codec.encode(Error(code="unauthorized", message="this key is unknown", fatal=True))
    assert json.loads(answer) == {
        "response": "setup",
        "id": "setup-1",
        "error_msg": "unauthorized: this key is unknown",
    }


def test_the_end_of_the_connection_ends_the_call() -> None:
    codec = opened()
    assert codec.decode(b"\xff" * 160) == (b"\xff" * 160,)
    (stop,) = codec.decode(codec.hangup)
    assert isinstance(stop, Stop)
    assert codec.decode(b"\xff") == codec.decode(request("get", ["results"])) == ()
    assert call_events(codec, *codec.encode(Done()))[0]["reason"] == "completed"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\xff" * 160, "not_started"),
        ("hello", "invalid_json"),
        ("[]", "invalid_message"),
        ('{"request":5,"params":{"a":{}}}', "invalid_message"),
        (request("get", ["results"]), "not_started"),
        (setup("opus"), "unsupported_encoding"),
        ('{"request":"setup","id":"1"}', "unsupported_encoding"),
        (setup("slin", sample_rate="many"), "invalid_parameter"),
        (setup(events="email"), "invalid_parameter"),
        ("x" * 200_000, "frame_too_large"),
    ],
)
def test_bad_first_frames_are_typed_errors(frame: str | bytes, code: str) -> None:
    codec = SpeechEngineCodec("call_1", {})
    with pytest.raises(ProtocolError) as caught:
        codec.configure(frame)
    assert caught.value.code == code


@given(st.lists(TEXT_FRAMES | st.binary(max_size=8), max_size=8), EVENTS, st.booleans())
def test_any_frames_and_events_are_messages_or_typed_errors(
    frames: list[str | bytes], events: list[Message], known: bool
) -> None:
    codec = opened() if known else SpeechEngineCodec("call_1", {})
    for frame in frames:
        with contextlib.suppress(ProtocolError):
            codec.decode(frame)
    for event in events:
        codec.encode(event)


def test_setup_is_answered_once() -> None:
    codec = SpeechEngineCodec("call_1", {})
    codec.configure('{"request":"setup","id":"1","codecs":[{"name":"ulaw"}]}')
    codec.open()
    (answer,) = codec.answer_setup()
    assert json.loads(answer)["response"] == "setup"
    assert codec.answer_setup() == ()
    assert list(codec.encode(Ready(session="s"))) == []
    assert codec.error_frames(Error(code="overloaded", message="busy", fatal=True)) == ()
