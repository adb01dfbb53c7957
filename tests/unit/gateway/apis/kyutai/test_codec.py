"""The codec of moshi-server's streaming recognition, with the messages of Kyutai's scripts."""

import json
from collections.abc import Sequence
from typing import Any

import msgpack
import numpy as np
import pytest

from backend.errors import ProtocolError
from backend.messages.protocol import (
    Done,
    Error,
    Final,
    Finalize,
    Message,
    Notice,
    Partial,
    Ready,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
)
from gateway.apis.kyutai.codec import KyutaiCodec
from gateway.apis.kyutai.parameters import KyutaiParameters
from gateway.connection.codec import Decoded, DeferredReply, Frame
from tests.unit.gateway.apis.kyutai.test_words import timed

Replies = list[dict[str, Any]]
MARKER = {"type": "Marker", "id": 5}


def opened(**parameters: Any) -> KyutaiCodec:
    codec = KyutaiCodec(KyutaiParameters(**parameters))
    codec.open()
    return codec


def read(frames: Sequence[Frame]) -> Replies:
    return [msgpack.unpackb(frame) if isinstance(frame, bytes) else json.loads(frame) for frame in frames]


def received(codec: KyutaiCodec, *events: Message) -> Replies:
    return [reply for event in events for reply in read(codec.encode(event))]


def answers(decoded: Sequence[Decoded]) -> Replies:
    return [reply for item in decoded if isinstance(item, DeferredReply) for reply in read(item.build())]


def audio(samples: int) -> bytes:
    packed: bytes = msgpack.packb({"type": "Audio", "pcm": [0.25] * samples}, use_single_float=True)
    return packed


def message(**fields: Any) -> bytes:
    packed: bytes = msgpack.packb(fields)
    return packed


def began(utterance: int = 1) -> SpeechStarted:
    return SpeechStarted(utterance=utterance, start_ms=0)


def over(utterance: int = 1) -> SpeechEnded:
    return SpeechEnded(utterance=utterance, end_ms=1_000)


def shown(committed: str, tentative: str = "", utterance: int = 1) -> Partial:
    fields: dict[str, Any] = {"utterance": utterance, "start_ms": 0, "end_ms": 800, "language": "en", "revision": 1}
    return Partial(committed=committed, tentative=tentative, words=timed(committed + tentative), **fields)


def spoken(text: str, utterance: int = 1) -> Final:
    fields: dict[str, Any] = {"utterance": utterance, "start_ms": 0, "end_ms": 1_000, "language": "en"}
    return Final(text=text, confidence=0.8, words=timed(text) or None, **fields)


def texts(replies: Replies) -> list[str]:
    return [reply["text"] for reply in replies if reply["type"] == "Word"]


def refused(codec: KyutaiCodec, frame: Frame) -> ProtocolError:
    with pytest.raises(ProtocolError) as raised:
        codec.decode(frame)
    assert raised.value.fatal
    return raised.value


def test_the_session_starts_before_the_first_message() -> None:
    (start,) = KyutaiCodec(KyutaiParameters()).open()
    assert isinstance(start, Start)
    assert (start.audio.encoding, start.audio.sample_rate) == ("pcm_f32le", 24_000)
    assert (start.finals, start.words, start.partial_words) == ("stable", True, True)
    assert received(KyutaiCodec(KyutaiParameters()), Ready(session="s")) == [{"type": "Ready"}]


def test_audio_is_passed_on_as_floats() -> None:
    data, *_ = opened().decode(audio(240))
    assert isinstance(data, bytes)
    assert np.frombuffer(data, "<f4").tolist() == [0.25] * 240


def test_words_have_their_times_and_are_sent_once() -> None:
    codec = opened()
    replies = received(codec, began(), shown("Good", " morning"), shown("Good", " mourning"))
    assert replies == [{"type": "Word", "text": "Good", "start_time": 0.0}, {"type": "EndWord", "stop_time": 0.09}]
    rest = received(codec, over(), spoken("Good morning."))
    assert rest == [{"type": "Word", "text": "morning.", "start_time": 0.1}, {"type": "EndWord", "stop_time": 0.19}]


def test_words_of_the_next_utterance_wait_for_the_final_of_this_one() -> None:
    codec = opened()
    replies = received(codec, began(1), shown("One"), over(1), began(2), shown("Three", utterance=2))
    assert texts(replies) == ["One"]
    assert texts(received(codec, spoken("One two.", 1))) == ["two.", "Three"]
    assert texts(received(codec, spoken("Three four.", 2))) == ["four."]


def test_an_utterance_that_failed_does_not_hold_the_next_one_back() -> None:
    codec = opened()
    lost = Error(code="overdue", message="no result", utterance=1)
    assert texts(received(codec, began(1), over(1), began(2), lost, spoken("Two.", 2))) == ["Two."]


def test_a_step_follows_each_80_ms_of_audio() -> None:
    codec = opened()
    assert answers(codec.decode(audio(1_919))) == []
    assert answers(codec.decode(audio(1))) == [{"type": "Step", "step_idx": 0, "prs": [1.0] * 4, "buffered_pcm": 0}]
    steps = answers(codec.decode(audio(2 * 1_920 + 7)))
    assert [(step["step_idx"], step["buffered_pcm"]) for step in steps] == [(1, 1_927), (2, 7)]


def test_the_pause_probability_is_the_state_of_the_speech_detector() -> None:
    codec, pauses = opened(), []
    for event in (began(), shown("One"), over(), spoken("One."), began(2)):
        received(codec, event)
        pauses += [step["prs"][2] for step in answers(codec.decode(audio(1_920)))]
    assert pauses == [0.0, 0.0, 1.0, 1.0, 0.0]


def test_a_marker_is_answered_at_once_if_all_is_decided() -> None:
    decoded = opened().decode(message(**MARKER))
    assert decoded[0] == Finalize()
    assert answers(decoded) == [MARKER]


def test_a_marker_follows_the_words_of_the_utterance_that_it_ends() -> None:
    codec = opened()
    received(codec, began(1), over(1), began(2), over(2))
    assert answers(codec.decode(message(**MARKER))) == []
    assert [reply["type"] for reply in received(codec, spoken("One.", 1))] == ["Word", "EndWord"]
    assert [reply["type"] for reply in received(codec, spoken("Two.", 2))] == ["Word", "EndWord", "Marker"]


@pytest.mark.parametrize("end", [spoken(""), Error(code="overdue", message="no result", utterance=1)])
def test_a_marker_is_answered_if_there_are_no_words(end: Message) -> None:
    codec = opened()
    received(codec, began(), over())
    for marker in (1, 2):
        codec_answers = answers(codec.decode(message(type="Marker", id=marker)))
        assert codec_answers == []
    assert [reply["id"] for reply in received(codec, end)] == [1, 2]


def test_init_is_answered_before_audio_and_refused_after() -> None:
    codec = opened()
    assert answers(codec.decode(message(type="Init"))) == [{"type": "Ready"}]
    codec.decode(audio(1))
    assert refused(codec, message(type="Init")).code == "invalid_message"


def test_a_zero_byte_ends_the_audio_once() -> None:
    codec = opened()
    assert codec.decode(b"\0") == (Stop(),)
    assert codec.decode(audio(10)) == ()
    assert codec.decode(b"\0") == ()


def test_errors_are_messages_and_notices_are_not() -> None:
    error = Error(code="overloaded", message="the system is busy", fatal=True)
    assert received(opened(), error) == [{"type": "Error", "message": "the system is busy"}]
    assert received(opened(), Notice(code="x", message="y"), Done()) == []
    assert json.loads(opened().refusal(error)) == {"type": "Error", "message": "the system is busy"}


@pytest.mark.parametrize("frame", ["hello", "", b"hello", message(type="Text"), message(type="OggOpus", data=b"OggS")])
def test_garbage_is_refused(frame: Frame) -> None:
    assert refused(opened(), frame).close_code == 1007


def test_ogg_opus_is_served_where_the_address_names_it() -> None:
    codec = KyutaiCodec(KyutaiParameters(format="OggOpusMessagePack"))
    (start,) = codec.open()
    assert isinstance(start, Start)
    assert start.audio.encoding == "ogg"
    assert codec.decode(message(type="OggOpus", data=b"OggS")) == (b"OggS",)
    assert refused(codec, audio(10)).code == "invalid_message"


def test_raw_audio_is_answered_with_json_without_steps() -> None:
    codec = opened(format="Pcm")
    data = bytes(2 * 1_920)
    assert codec.decode(data) == (data,)
    frames = [*codec.encode(Ready(session="s")), *codec.encode(began()), *codec.encode(spoken("Grüße"))]
    assert [json.loads(frame)["type"] for frame in frames] == ["Ready", "Word", "EndWord"]
    assert all(isinstance(frame, str) for frame in frames)
    assert "Grüße" in frames[1]
    assert "/v1/stream" in refused(codec, '{"type":"start"}').message
    assert codec.decode(b"") == (Stop(),)
