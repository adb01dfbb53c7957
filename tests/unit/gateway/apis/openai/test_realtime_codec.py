"""The codec of OpenAI's Realtime API, with exchanges in the form of its documentation and SDK."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.protocol import (
    Clear,
    Configure,
    DecodedToken,
    Decoding,
    Error,
    Final,
    Finalize,
    Message,
    Partial,
    Ready,
    SpeechEnded,
    SpeechStarted,
    Start,
)
from gateway.apis.openai.realtime_codec import RealtimeCodec
from gateway.apis.openai.realtime_session import SERVER_VAD, TranscriptionSession
from gateway.connection.codec import Decoded, DirectReply
from tests.testkit.native_events import EVENTS, TEXT_FRAMES

SECOND = base64.b64encode(bytes(48_000)).decode()
TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Client:
    """A client of a codec, without a session behind it."""

    def __init__(self) -> None:
        session = TranscriptionSession(turn_detection=SERVER_VAD)
        self.codec = RealtimeCodec(session, "sess_1", lambda name: name == "whisper-1")
        self.greeting = self.codec.open()

    def send(self, kind: str, **fields: Any) -> list[Decoded]:
        return list(self.codec.decode(json.dumps({"type": kind, **fields})))

    def update(self, **given: Any) -> list[Decoded]:
        return self.send("session.update", session={"type": "transcription", "audio": {"input": given}})

    def receive(self, *events: Message) -> list[dict[str, Any]]:
        return [json.loads(frame) for event in events for frame in self.codec.encode(event)]


def replies(decoded: Sequence[Decoded]) -> list[dict[str, Any]]:
    return [json.loads(frame) for item in decoded if isinstance(item, DirectReply) for frame in item.frames]


def error_of(decoded: Sequence[Decoded]) -> dict[str, Any]:
    (event,) = replies(decoded)
    assert event["type"] == "error"
    error: dict[str, Any] = event["error"]
    return error


def partial(utterance: int, committed: str, tentative: str = "") -> Partial:
    return Partial(
        utterance=utterance, revision=1, committed=committed, tentative=tentative, language="en", start_ms=0, end_ms=900
    )


def final(utterance: int, text: str) -> Final:
    return Final(utterance=utterance, text=text, language="en", confidence=0.9, start_ms=100, end_ms=1_100)


def started(utterance: int) -> SpeechStarted:
    return SpeechStarted(utterance=utterance, start_ms=100)


def ended(utterance: int) -> SpeechEnded:
    return SpeechEnded(utterance=utterance, end_ms=1_100)


def test_the_session_is_announced_and_starts_with_the_first_update() -> None:
    client = Client()
    (created,) = replies(client.greeting)
    assert created["type"] == "session.created"
    (start,) = client.update(
        transcription={"model": "whisper-1", "language": "de", "prompt": "Berlin"},
        turn_detection={"type": "server_vad", "silence_duration_ms": 300},
    )
    assert isinstance(start, Start)
    assert (start.language, start.prompt, start.endpoint_ms, start.endpointing) == ("de", "Berlin", 300, True)
    assert (start.audio.encoding, start.audio.sample_rate, start.finals) == ("pcm_s16le", 24_000, "stable")
    (updated,) = client.receive(Ready(session="s"))
    assert updated["type"] == "session.updated"
    assert updated["session"]["audio"]["input"]["transcription"]["language"] == "de"


def test_the_beta_shape_is_answered_in_its_own_form() -> None:
    client = Client()
    (start,) = client.send(
        "transcription_session.update",
        session={"input_audio_format": "g711_ulaw", "input_audio_transcription": {"model": "whisper-1"}},
    )
    assert isinstance(start, Start)
    assert (start.audio.encoding, start.audio.sample_rate) == ("mulaw", 8_000)
    (updated,) = client.receive(Ready(session="s"))
    assert updated["type"] == "transcription_session.updated"
    assert updated["session"]["input_audio_format"] == "g711_ulaw"


def test_audio_starts_a_session_that_was_not_configured() -> None:
    start, audio = Client().send("input_audio_buffer.append", audio=SECOND)
    assert isinstance(start, Start)
    assert audio == bytes(48_000)


def test_later_updates_change_the_options() -> None:
    client = Client()
    client.update()
    configure, *updated = client.update(turn_detection=None)
    assert isinstance(configure, Configure)
    assert configure.endpointing is False
    assert [event["type"] for event in replies(updated)] == ["session.updated"]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"transcription": {"model": "nope"}}, "session.audio.input.transcription.model"),
        ({"transcription": {"language": "klingon"}}, "session.audio.input.transcription.language"),
        ({"transcription": {"prompt": 5}}, "session.audio.input.transcription.prompt"),
        ({"format": {"type": "audio/mp3"}}, "session.audio.input.format.type"),
        ({"format": {"type": "audio/pcm", "rate": 16_000}}, "session.audio.input.format.rate"),
        ({"turn_detection": {"type": "magic"}}, "session.audio.input.turn_detection.type"),
        ({"turn_detection": {"silence_duration_ms": "long"}}, "session.audio.input.turn_detection.silence_duration_ms"),
        ({"turn_detection": {"color": 1}}, "session.audio.input.turn_detection.color"),
    ],
)
def test_an_invalid_field_is_named_and_changes_nothing(given: dict[str, Any], param: str) -> None:
    client = Client()
    error = error_of(client.update(**given))
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "invalid_value", param)
    (start,) = client.update()
    assert isinstance(start, Start), "the next update starts the session"


def test_an_error_names_the_event_that_caused_it() -> None:
    error = error_of(Client().send("response.create", event_id="event_7"))
    assert error["event_id"] == "event_7"
    assert "transcribes" in error["message"]


def test_the_format_cannot_change_while_audio_is_received() -> None:
    client = Client()
    client.send("input_audio_buffer.append", audio=SECOND)
    assert "cannot change" in error_of(client.update(format={"type": "audio/pcmu"}))["message"]


def test_an_utterance_is_an_item_whose_deltas_are_its_transcript() -> None:
    client = Client()
    client.update()
    events = client.receive(
        started(1),
        partial(1, "", "he"),
        partial(1, "Hello", " wor"),
        partial(1, "Hello"),
        ended(1),
        final(1, "Hello world."),
    )
    assert [event["type"] for event in events] == [
        "input_audio_buffer.speech_started",
        f"{TRANSCRIPTION}.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.completed",
    ]
    items = {event.get("item_id") or event["item"]["id"] for event in events}
    assert len(items) == 1
    assert "".join(event["delta"] for event in events if event["type"].endswith(".delta")) == "Hello world."
    assert events[-1]["transcript"] == "Hello world."
    assert events[-1]["usage"] == {"type": "duration", "seconds": 1.0}
    assert len({event["event_id"] for event in events}) == len(events)


def test_items_follow_each_other() -> None:
    client = Client()
    client.update()
    committed = [
        event
        for number in (1, 2)
        for event in client.receive(started(number), ended(number))
        if event["type"] == "input_audio_buffer.committed"
    ]
    assert committed[0]["previous_item_id"] is None
    assert committed[1]["previous_item_id"] == committed[0]["item_id"]


def test_a_transcript_that_contradicts_its_deltas_sends_no_further_delta() -> None:
    client = Client()
    client.update()
    events = client.receive(started(1), partial(1, "Hollow"), ended(1), final(1, "Hello."))
    assert [event["delta"] for event in events if event["type"].endswith(".delta")] == ["Hollow"]
    assert events[-1]["transcript"] == "Hello."


def test_log_probabilities_are_those_of_tokens() -> None:
    client = Client()
    (start,) = client.send(
        "session.update", session={"type": "transcription", "include": ["item.input_audio_transcription.logprobs"]}
    )
    assert isinstance(start, Start)
    assert start.decoding
    spelled = {b" Hi": -0.25, b" \xe4\xbd": -0.5, b"\xa0": -0.75}
    tokens = tuple(
        DecodedToken(id=i, bytes=tuple(text), logprob=logprob) for i, (text, logprob) in enumerate(spelled.items())
    )
    decoding = Decoding(temperature=0.0, no_speech_probability=0.0, tokens=tokens)
    said = final(1, "Hi 你").model_copy(update={"decoding": decoding})
    completed = client.receive(started(1), ended(1), said)[-1]
    assert completed["logprobs"] == [
        {"token": " Hi", "bytes": [32, 72, 105], "logprob": -0.25},
        {"token": " \\xe4\\xbd", "bytes": [32, 228, 189], "logprob": -0.5},
        {"token": "\\xa0", "bytes": [160], "logprob": -0.75},
    ]


def test_a_client_that_commits_gets_one_item_for_each_commit() -> None:
    client = Client()
    client.update(turn_detection=None)
    client.send("input_audio_buffer.append", audio=SECOND)
    assert client.receive(started(1), ended(1), started(2)) == [], "cut because of its length: the item continues"
    assert [*client.send("input_audio_buffer.commit")] == [Finalize()]
    events = client.receive(ended(2), final(1, "One two"), final(2, "three."))
    assert [event["type"] for event in events if event["type"].startswith("input_audio")] == [
        "input_audio_buffer.committed"
    ]
    assert events[-1]["transcript"] == "One two three."
    assert [event["type"] for event in events].count(f"{TRANSCRIPTION}.completed") == 1


def test_a_commit_needs_audio() -> None:
    client = Client()
    client.update(turn_detection=None)
    assert error_of(client.send("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
    client.send("input_audio_buffer.append", audio=SECOND)
    assert client.send("input_audio_buffer.commit") == [Finalize()]
    assert error_of(client.send("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"


def test_the_buffer_can_be_cleared() -> None:
    client = Client()
    client.update()
    clear, *rest = client.send("input_audio_buffer.clear")
    assert isinstance(clear, Clear)
    assert [event["type"] for event in replies(rest)] == ["input_audio_buffer.cleared"]


def test_an_utterance_without_a_transcript_fails_its_item() -> None:
    client = Client()
    client.update()
    client.receive(started(1), ended(1))
    (failed,) = client.receive(Error(code="max_attempts", message="failed 5 times", utterance=1))
    assert failed["type"] == f"{TRANSCRIPTION}.failed"
    assert failed["error"]["code"] == "max_attempts"


def test_errors_of_the_session_have_the_codes_of_openai() -> None:
    (event,) = Client().receive(Error(code="over_quota", message="no minutes left", fatal=True))
    assert event["error"]["code"] == "insufficient_quota"
    body = json.loads(Client().codec.refusal(Error(code="unauthorized", message="an API key is required", fatal=True)))
    assert body["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("frame", ["", "{", "[]", '"text"', "{}", '{"type": 5}', "[" * 100_000, b"\0"])
def test_frames_that_are_no_events_are_answered(frame: str | bytes) -> None:
    assert error_of(Client().codec.decode(frame))["type"] == "invalid_request_error"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KINDS = (
    "session.update",
    "transcription_session.update",
    *(f"input_audio_buffer.{name}" for name in ("append", "commit", "clear")),
)
FIELDS = (
    "audio",
    "input",
    "format",
    "transcription",
    "turn_detection",
    "include",
    "type",
    "model",
    "keywords",
    "noise_reduction",
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.dictionaries(st.sampled_from(("session", "audio", "event_id")), json_values, max_size=3),
            st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=4),
        ),
        max_size=6,
    )
)
def test_any_events_are_translated_or_answered(events: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> None:
    client = Client()
    starts = 0
    for kind, fields, session in events:
        decoded = client.send(kind, **fields, **({} if "session" in fields else {"session": session}))
        starts += sum(isinstance(item, Start) for item in decoded)
        assert all(event["type"] for event in replies(decoded))
    assert starts <= 1


@given(st.lists(TEXT_FRAMES | st.binary(max_size=50), max_size=5), EVENTS, st.booleans(), st.booleans())
def test_any_frames_and_any_events_give_events_of_the_protocol(
    frames: list[str | bytes], events: list[Message], by_turns: bool, logprobs: bool
) -> None:
    client = Client()
    include = ["item.input_audio_transcription.logprobs"] if logprobs else []
    turns = SERVER_VAD if by_turns else None
    session = {"type": "transcription", "audio": {"input": {"turn_detection": turns}}, "include": include}
    client.send("session.update", session=session)
    refused = [event for frame in frames for event in replies(client.codec.decode(frame))]
    assert {event["type"] for event in refused} <= {"error", "session.updated", "input_audio_buffer.cleared"}
    completed = [event for event in client.receive(*events) if event["type"].endswith(".completed")]
    assert len(completed) <= sum(isinstance(event, Final) for event in events)
    assert all(("logprobs" in event) == logprobs for event in completed)
