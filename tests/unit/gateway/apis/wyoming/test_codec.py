"""The codec of Wyoming, with events that its own package writes and reads."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error as ErrorEvent
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info, SelectProgram
from wyoming.ping import Ping, Pong

from backend.errors import AudioError, ClientError, ProtocolError
from backend.messages.protocol import Done, Error, Final, Keepalive, Notice, Ready, Start, Stop
from gateway.apis.wyoming.codec import WyomingCodec, farewell
from gateway.apis.wyoming.info import RunningSpeech
from gateway.connection.codec import Decoded, DirectReply
from tests.unit.gateway.apis.wyoming.test_events import read, written

AUDIO: dict[str, Any] = {"rate": 16_000, "width": 2, "channels": 1}
START, STOP = AudioStart(**AUDIO), AudioStop()
CHUNK = AudioChunk(**AUDIO, audio=b"\x01\x02" * 512)


def running(**changes: Any) -> RunningSpeech:
    return RunningSpeech(**{"models": ("whisper-base",), "languages": {"en", "de"}, "version": "9.9", **changes})


def codec(**changes: Any) -> WyomingCodec:
    return WyomingCodec(lambda: running(**changes))


def received(one: WyomingCodec, *events: Eventable | Event) -> list[Decoded]:
    frames = (written(event if isinstance(event, Event) else event.event()) for event in events)
    return [item for frame in frames for item in one.decode(frame)]


def started(*events: Eventable) -> Start:
    one = codec()
    assert (received(one, *events), one.is_started) == ([], True)
    (start,) = one.open()
    assert isinstance(start, Start)
    return start


def replies(items: Sequence[Decoded]) -> list[Event]:
    frames = [frame for item in items if isinstance(item, DirectReply) for frame in item.frames]
    return [read(frame) for frame in frames if isinstance(frame, str)]


def final(text: str, utterance: int = 1, language: str = "en") -> Final:
    return Final(utterance=utterance, text=text, language=language, confidence=1, start_ms=0, end_ms=9)


def sent(one: WyomingCodec, *events: Any) -> list[Event]:
    return [read(frame) for event in events for frame in one.encode(event)]


def test_describe_lists_the_running_models_and_their_languages() -> None:
    (event,) = replies(received(codec(models={"whisper-base", "a-model"}), Describe()))
    info = Info.from_event(event)
    (program,) = info.asr
    assert (program.name, program.version, program.installed) == ("nova-voice", "9.9", True)
    assert (program.supports_transcript_streaming, program.requires_external_vad) == (True, True)
    assert (program.prefers_auto_gain_enabled, program.prefers_noise_reduction_enabled) == (False, False)
    assert [(model.name, model.languages) for model in program.models] == [
        ("a-model", ["de", "en"]),
        ("whisper-base", ["de", "en"]),
    ]
    assert not any((info.tts, info.handle, info.intent, info.wake, info.mic, info.snd, info.satellite))


def test_workers_that_announce_no_languages_recognize_all() -> None:
    (event,) = replies(received(codec(languages=None), Describe()))
    assert {"en", "zh", "cy"} < set(Info.from_event(event).asr[0].models[0].languages)


def test_before_a_worker_runs_describe_fails_and_a_request_waits() -> None:
    with pytest.raises(ClientError) as refused:
        received(codec(models=(), languages=None), Describe())
    assert (refused.value.code, refused.value.close_code) == ("model_unavailable", 1013)
    one = codec(models=(), languages=None)
    assert (received(one, Transcribe("whisper-base"), START), one.is_started) == ([], True)


def test_ping_before_and_during_the_audio() -> None:
    one = codec()
    assert Pong.from_event(*replies(received(one, Ping("a")))).text == "a"
    received(one, START)
    reply, alive = received(one, Ping())
    assert Pong.from_event(*replies([reply])).text is None
    assert alive == Keepalive()


def test_a_request_starts_a_session_with_its_language_and_words() -> None:
    start = started(
        Transcribe("whisper-base", "de", transcript_names=["Wohnzimmer"], transcript_terms=["Licht", "x" * 1_000]),
        AudioStart(rate=22_050, width=2, channels=2),
    )
    assert (start.language, start.hotwords, start.partials) == ("de", "Wohnzimmer, Licht", False)
    assert (start.audio.encoding, start.audio.sample_rate, start.audio.channels) == ("pcm_s16le", 22_050, 2)


def test_without_a_language_it_is_detected() -> None:
    assert started(START).language == started(Transcribe(), START).language == "auto"
    assert started(Transcribe(language="de"), Transcribe(), START).language == "auto", "the last request counts"


def test_the_audio_of_a_session() -> None:
    one = codec()
    received(one, START)
    empty = AudioChunk(**AUDIO, audio=b"")
    assert received(one, CHUNK, empty, CHUNK, STOP) == [CHUNK.audio, CHUNK.audio, Stop()]
    assert one.is_stopped


def test_all_texts_are_one_transcript() -> None:
    one = codec()
    received(one, START)
    ready = Ready(session="s", cursor="0-0")
    ignored = (ready, final(""), Notice(code="x", message="x"), Error(code="slip", message="x"))
    assert sent(one, *ignored) == []
    events = sent(one, final("Turn it on."), final("", 2), final("Now.", 3, "de"), Done())
    begin, first, second, whole, end = events
    assert TranscriptStart.from_event(begin).language == "en"
    chunks = [TranscriptChunk.from_event(event).text for event in (first, second)]
    transcript = Transcript.from_event(whole)
    assert (transcript.text, transcript.language) == ("Turn it on. Now.", "en")
    assert "".join(chunks) == transcript.text
    assert [event.type for event in events[-2:]] == ["transcript", "transcript-stop"]
    assert TranscriptStop.is_type(end.type)


def test_silence_has_an_empty_transcript() -> None:
    begin, whole, end = sent(codec(), Done())
    assert (begin.type, end.type) == ("transcript-start", "transcript-stop")
    assert Transcript.from_event(whole) == Transcript("")


@given(st.lists(st.text(max_size=20) | st.sampled_from(["你好。", "世界", "Hi"])))
def test_the_chunks_are_the_transcript(texts: list[str]) -> None:
    events = sent(codec(), *(final(text, number) for number, text in enumerate(texts, 1)), Done())
    chunks = [event.data["text"] for event in events if event.type == "transcript-chunk"]
    assert [event.type for event in events].count("transcript") == 1
    assert "".join(chunks) == next(event for event in events if event.type == "transcript").data["text"]
    assert [event.type for event in (events[0], events[-1])] == ["transcript-start", "transcript-stop"]


def test_an_utterance_without_text_fails_the_transcription() -> None:
    one = codec()
    sent(one, final("One."))
    (event,) = sent(one, Error(code="decode_failed", message="no text", utterance=2), final("Three.", 3), Done())
    assert ErrorEvent.from_event(event) == ErrorEvent("no text", "decode_failed")
    assert one.is_failed
    assert farewell(*one.close_frame(1000, "done")) == b""


def test_a_fatal_error_is_sent_once() -> None:
    one = codec()
    assert ErrorEvent.from_event(read(farewell(*one.close_frame(1012, "draining")).decode())).code == "draining"
    error = Error(code="overloaded", message="busy", fatal=True)
    assert [ErrorEvent.from_event(event) for event in sent(one, error, error)] == [ErrorEvent("busy", "overloaded")]
    assert farewell(*one.close_frame(1013, "overloaded")) == b""


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([CHUNK], "not_started"),
        ([STOP], "not_started"),
        ([START, STOP, CHUNK], "not_started"),
        ([START, START], "already_started"),
        ([START, Transcribe()], "already_started"),
        ([START, AudioChunk(rate=8_000, width=2, channels=1, audio=b"xx")], "invalid_audio"),
        ([START, Event("audio-chunk", {}, b"xx")], "invalid_message"),
        ([Event("audio-start", {"rate": 16_000})], "invalid_message"),
        ([AudioStart(rate=16_000, width=4, channels=1)], "invalid_audio"),
        ([Transcribe("large")], "model_not_found"),
        ([Event("transcribe", {"language": 1})], "invalid_message"),
    ],
)
def test_wrong_order_and_wrong_fields(events: list[Eventable | Event], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        received(codec(), *events)
    assert (refused.value.code, refused.value.fatal) == (code, True)


def test_other_events_are_ignored() -> None:
    one = codec()
    others = (SelectProgram("nova-voice"), Event("synthesize", {"text": "Hi"}), Event("x", {}, b"\x00"))
    assert received(one, *others, START, *others) == []


_EVENTS = st.sampled_from(["describe", "ping", "transcribe", "audio-start", "audio-chunk", "audio-stop", "x"])
_VALUES = st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3), max_size=2)
_NAMES = st.sampled_from(["rate", "width", "channels", "name", "language", "text", "transcript_names"])
_DATA = st.dictionaries(_NAMES, _VALUES) | st.just(AUDIO)


@given(st.lists(st.builds(Event, _EVENTS, _DATA, st.binary(max_size=9)), max_size=6))
def test_any_order_gives_messages_or_an_error_of_the_client(events: list[Event]) -> None:
    one, items = codec(), list[Decoded]()
    try:
        for event in events:
            items += received(one, event)
    except (ProtocolError, AudioError) as error:
        assert error.fatal
    assert [item for item in items if isinstance(item, Stop)] == [Stop()] * one.is_stopped
