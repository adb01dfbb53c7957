"""The codec of Deepgram's live API, with exchanges in the form of its documentation and SDK."""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.channels import ChannelEvent
from backend.messages.protocol import (
    Done,
    Error,
    Final,
    Finalize,
    Keepalive,
    Message,
    Partial,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
    Word,
)
from gateway.apis.deepgram.live_codec import LiveCodec
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.connection.codec import Decoded, DeferredReply
from tests.testkit.audio.containers import ogg_page
from tests.testkit.native_events import EVENTS, TEXT_FRAMES

RAW = {"encoding": ["linear16"], "sample_rate": ["16000"]}


def codec(query: Mapping[str, Sequence[str]] = RAW, **more: str) -> LiveCodec:
    parameters = ListenParameters.parse({**query, **{name: [value] for name, value in more.items()}})
    return LiveCodec(parameters, "request", datetime(2026, 11, 29, tzinfo=UTC))


def opened(**more: str) -> LiveCodec:
    """A codec whose session has started."""
    live = codec(RAW, **more)
    live.open()
    return live


def received(live: LiveCodec, *events: Message) -> list[dict[str, Any]]:
    return [json.loads(frame) for event in events for frame in live.encode(event)]


def answers(decoded: Sequence[Decoded]) -> list[dict[str, Any]]:
    """The frames that a codec sends itself, once all earlier events have been encoded."""
    return [json.loads(frame) for item in decoded if isinstance(item, DeferredReply) for frame in item.build()]


def spoken(utterance: int, text: str = "Hello, world.", start_ms: int = 0, end_ms: int = 1_000) -> Final:
    words = tuple(
        Word(word=f" {word}", start_ms=start_ms + 10 * i, end_ms=start_ms + 10 * i + 9, confidence=0.9)
        for i, word in enumerate(text.split())
    )
    return Final(
        utterance=utterance, text=text, language="en", confidence=0.8, start_ms=start_ms, end_ms=end_ms, words=words
    )


def began(utterance: int, start_ms: int = 0) -> SpeechStarted:
    return SpeechStarted(utterance=utterance, start_ms=start_ms)


def over(utterance: int, end_ms: int = 1_000) -> SpeechEnded:
    return SpeechEnded(utterance=utterance, end_ms=end_ms)


def test_raw_audio_starts_a_session_at_once() -> None:
    (start,) = codec(interim_results="true", language="de", endpointing="300", keyterm="Nova").open()
    assert isinstance(start, Start)
    assert (start.language, start.endpoint_ms, start.partials, start.words) == ("de", 300, True, True)
    assert (start.hotwords, start.audio.encoding, start.audio.sample_rate) == ("Nova", "pcm_s16le", 16_000)


@pytest.mark.parametrize(("data", "encoding"), [(b"OggS....", "ogg"), (b"\x1aE\xdf\xa3....", "webm")])
def test_a_container_is_recognized_by_its_first_bytes(data: bytes, encoding: str) -> None:
    live = codec({})
    assert live.open() == ()
    assert live.decode(data[:3]) == (), "too short to tell"
    start, audio = live.decode(data[3:])
    assert isinstance(start, Start)
    assert (start.audio.encoding, audio) == (encoding, data)


def test_a_wav_stream_is_passed_on_without_its_header() -> None:
    form = struct.pack("<HHIIHH", 1, 2, 44_100, 176_400, 4, 16)
    header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + form + b"data\xff\xff\xff\xff"
    live = codec({})
    assert live.decode(header[:30]) == ()
    start, audio = live.decode(header[30:] + b"\1\2\3\4")
    assert isinstance(start, Start)
    assert (start.audio.sample_rate, start.audio.channels, audio) == (44_100, 2, b"\1\2\3\4")


def test_the_duration_of_a_wav_stream_of_floats_is_that_of_its_samples() -> None:
    form = struct.pack("<HHIIHH", 3, 1, 16_000, 64_000, 4, 32)
    live = codec({})
    live.decode(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + form + b"data\0\0\0\0" + bytes(64_000))
    assert received(live, Done())[0]["duration"] == 1.0


def test_unknown_bytes_are_refused_as_invalid_audio() -> None:
    live = codec({})
    with pytest.raises(ProtocolError) as caught:
        live.decode(b"MP3 data")
    assert live.close_frame(1008, caught.value.code) == (1008, "DATA-0000")


def test_an_utterance_gets_results_that_are_not_final_and_one_that_is() -> None:
    live = codec(interim_results="true", vad_events="true")
    shown = Partial(
        utterance=1, revision=1, committed="Hello", tentative=" world", language="en", start_ms=0, end_ms=800
    )
    speech, interim, result = received(live, began(1), shown, over(1), spoken(1))
    assert speech == {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.0}
    assert (interim["is_final"], interim["speech_final"]) == (False, False)
    assert interim["channel"]["alternatives"][0]["transcript"] == "Hello world"
    assert (result["is_final"], result["speech_final"], result["from_finalize"]) == (True, True, False)
    assert (result["start"], result["duration"]) == (0.0, 1.0)
    best = result["channel"]["alternatives"][0]
    assert (best["transcript"], best["confidence"]) == ("Hello, world.", 0.8)
    assert [(word["word"], word["punctuated_word"]) for word in best["words"]] == [
        ("hello", "Hello,"),
        ("world", "world."),
    ]


def test_an_utterance_that_was_cut_for_its_length_does_not_end_the_speech() -> None:
    live = codec()
    results = received(live, began(1), over(1, 25_000), began(2, 25_000), spoken(1), over(2, 27_000), spoken(2))
    assert [result["speech_final"] for result in results] == [False, True]


def test_no_result_ends_speech_if_endpointing_is_off() -> None:
    (result,) = received(codec(endpointing="false"), began(1), over(1), spoken(1))
    assert result["speech_final"] is False


def test_a_finalize_marks_the_result_of_its_utterance() -> None:
    live = opened()
    received(live, began(1))
    finalize, *rest = live.decode('{"type": "Finalize"}')
    assert finalize == Finalize()
    received(live, over(1))
    assert answers(rest) == [], "the utterance in progress will confirm it"
    assert received(live, spoken(1))[0]["from_finalize"] is True


def test_a_finalize_is_not_confirmed_before_the_results_that_are_awaited() -> None:
    live = opened()
    received(live, began(1), over(1), began(2, 2_000), over(2, 3_000))
    _, *rest = live.decode('{"type": "Finalize"}')
    assert answers(rest) == []
    assert [result["from_finalize"] for result in received(live, spoken(1), spoken(2))] == [False, True]


def test_a_finalize_is_confirmed_when_its_utterance_fails() -> None:
    live = opened()
    received(live, began(1))
    _, *rest = live.decode('{"type": "Finalize"}')
    received(live, over(1))
    assert answers(rest) == []
    failed = Error(code="max_attempts", message="failed", fatal=False, utterance=1)
    error, result = received(live, failed)
    assert (error["type"], result["from_finalize"]) == ("Error", True)
    assert received(live, began(2), over(2), spoken(2))[0]["from_finalize"] is False


def test_a_finalize_without_speech_is_confirmed_by_an_empty_result() -> None:
    live = opened()
    _, *rest = live.decode('{"type": "Finalize"}')
    (result,) = answers(rest)
    assert (result["from_finalize"], result["channel"]["alternatives"][0]["transcript"]) == (True, "")


def test_an_utterance_end_follows_the_gap_after_the_last_word() -> None:
    live = opened(utterance_end_ms="1000", interim_results="true")
    received(live, began(1), over(1), spoken(1))
    early = live.decode(bytes(32_000))
    assert answers(early) == [], "1.0 s of audio, and the last word ends at 19 ms"
    (end,) = answers(live.decode(bytes(3_200)))
    assert end == {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 0.019}
    assert answers(live.decode(bytes(32_000))) == [], "once"


def test_an_utterance_end_follows_a_final_that_comes_after_the_gap() -> None:
    live = opened(utterance_end_ms="1000", interim_results="true")
    received(live, began(1), over(1))
    assert answers(live.decode(bytes(64_000))) == [], "no words yet"
    result, end = received(live, spoken(1))
    assert (result["type"], end["type"], end["last_word_end"]) == ("Results", "UtteranceEnd", 0.019)
    assert answers(live.decode(bytes(32_000))) == [], "once"


def test_speech_that_continues_has_no_utterance_end() -> None:
    live = opened(utterance_end_ms="1000", interim_results="true")
    received(live, began(1), over(1), spoken(1), began(2, 1_100))
    assert answers(live.decode(bytes(64_000))) == []


def test_the_stream_ends_with_metadata() -> None:
    live = opened(tag="a")
    live.decode(bytes(32_000))
    assert list(live.decode('{"type": "CloseStream"}')) == [Stop()]
    assert list(live.decode('{"type": "CloseStream"}')) == []
    assert list(live.decode(bytes(320))) == [], "audio after the end is dropped"
    (metadata,) = received(live, Done())
    assert metadata["duration"] == 1.0
    assert metadata["sha256"] == hashlib.sha256(bytes(32_000)).hexdigest()
    assert metadata["created"] == "2026-11-29T00:00:00.000Z"
    assert metadata["tags"] == ["a"]


def test_a_stream_without_audio_can_be_closed() -> None:
    start, stop = codec({}).decode(b"")
    assert isinstance(start, Start)
    assert stop == Stop()


def test_keepalives_keep_the_connection_and_silence_closes_it() -> None:
    live = codec()
    live.open()
    assert list(live.decode('{"type": "KeepAlive"}')) == [Keepalive()]
    assert live.idle_timeout_s == 10.0
    assert live.close_frame(1008, "idle_timeout") == (1011, "NET-0001")
    live.decode('{"type": "CloseStream"}')
    assert live.idle_timeout_s is None


def stereo(**more: str) -> LiveCodec:
    live = codec(RAW, channels="2", multichannel="true", **more)
    (start,) = live.open()
    assert isinstance(start, Start)
    assert (start.multichannel, start.audio.channels) == (True, 2)
    return live


def on(channel: int, event: ChannelEvent) -> ChannelEvent:
    return event.model_copy(update={"channel": channel})


def test_each_channel_has_its_own_results() -> None:
    live = stereo(vad_events="true")
    events = [on(1, began(1)), on(0, began(1)), on(0, spoken(1, "Hello.")), on(1, spoken(1, "Good morning."))]
    started_right, started_left, left, right = received(live, *events)
    assert (started_right["channel"], started_left["channel"]) == ([1, 2], [0, 2])
    assert [(one["channel_index"], one["channel"]["alternatives"][0]["transcript"]) for one in (left, right)] == [
        ([0, 2], "Hello."),
        ([1, 2], "Good morning."),
    ]


def test_a_finalize_is_confirmed_by_each_channel() -> None:
    live = stereo()
    received(live, on(0, began(1)))
    finalize, *replies = live.decode('{"type": "Finalize"}')
    assert isinstance(finalize, Finalize)
    received(live, on(0, SpeechEnded(utterance=1, end_ms=900)))
    (nothing,) = answers(replies)
    assert (nothing["channel_index"], nothing["from_finalize"]) == ([1, 2], True)
    (result,) = received(live, on(0, spoken(1)))
    assert (result["channel_index"], result["from_finalize"]) == ([0, 2], True)


def test_each_channel_has_its_own_utterance_ends() -> None:
    live = stereo(utterance_end_ms="1000")
    received(live, on(1, began(1)), on(1, SpeechEnded(utterance=1, end_ms=900)), on(1, spoken(1)))
    assert answers(live.decode(bytes(2 * 32_000 // 2))) == []
    (end,) = answers(live.decode(bytes(2 * 32_000)))
    assert (end["type"], end["channel"]) == ("UtteranceEnd", [1, 2])


def test_the_metadata_has_the_number_of_channels_and_the_extra_values() -> None:
    live = stereo(extra="call:7")
    live.decode(bytes(2 * 32_000))
    (about,) = received(live, Done())
    assert (about["channels"], about["duration"], about["extra"]) == (2, 1.0, {"call": "7"})


def test_a_container_tells_the_number_of_channels_before_the_session_starts() -> None:
    live = codec({}, multichannel="true")
    head = b"OpusHead\1\2" + bytes(9)
    page = ogg_page(2, bytes([len(head)]), head)
    assert live.decode(page[:30]) == ()
    start, audio = live.decode(page[30:])
    assert isinstance(start, Start)
    assert (start.audio.encoding, start.audio.channels, start.multichannel, audio) == ("ogg", 2, True, page)


def test_errors_have_deepgrams_form() -> None:
    live = codec()
    (event,) = received(live, Error(code="over_quota", message="no minutes left", fatal=True))
    assert (event["type"], event["variant"], event["description"]) == ("Error", "over_quota", "no minutes left")
    body = json.loads(live.refusal(Error(code="unauthorized", message="an API key is required", fatal=True)))
    assert body == {"err_code": "INVALID_AUTH", "err_msg": "an API key is required", "request_id": "request"}


@pytest.mark.parametrize("frame", ["", "{", "[]", "5", '{"kind": 1}', '{"type": 5}', '{"type": "Dance"}'])
def test_invalid_messages_are_reported(frame: str) -> None:
    with pytest.raises(ProtocolError):
        codec().decode(frame)


@given(
    st.lists(st.binary(max_size=80) | st.sampled_from(["KeepAlive", "Finalize", "CloseStream"]), max_size=8),
    st.sampled_from([RAW, {}, {"encoding": ["mulaw"], "sample_rate": ["8000"], "utterance_end_ms": ["1000"]}]),
)
def test_any_frames_start_and_stop_a_session_at_most_once(
    frames: list[bytes | str], query: Mapping[str, Sequence[str]]
) -> None:
    live = codec(query)
    decoded = list(live.open())
    for frame in frames:
        try:
            decoded += live.decode(frame if isinstance(frame, bytes) else json.dumps({"type": frame}))
        except ProtocolError:
            return
    assert answers(decoded) is not None
    kinds = [type(item) for item in decoded]
    assert kinds.count(Start) <= 1
    assert kinds.count(Stop) <= 1
    if Stop in kinds:
        assert Start in kinds[: kinds.index(Stop)]
        assert bytes not in kinds[kinds.index(Stop) :]


@given(st.lists(TEXT_FRAMES | st.binary(max_size=50), max_size=5), EVENTS, st.booleans())
def test_any_frames_and_any_events_are_translated_or_refused(
    frames: list[str | bytes], events: list[Message], starts: bool
) -> None:
    live = opened(utterance_end_ms="1000", vad_events="true") if starts else codec({})
    decoded: list[Decoded] = []
    for frame in frames:
        try:
            decoded += live.decode(frame)
        except ProtocolError as error:
            assert error.code in {"invalid_json", "unknown_type", "invalid_audio"}
    sent = received(live, *events) + answers(decoded)
    assert {message["type"] for message in sent} <= {"Results", "SpeechStarted", "UtteranceEnd", "Metadata", "Error"}
    finals = [message for message in sent if message["type"] == "Results" and message["is_final"]]
    assert len(finals) >= sum(isinstance(event, Final) for event in events)
