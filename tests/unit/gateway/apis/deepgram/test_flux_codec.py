"""The codec of Deepgram's Flux API, with exchanges in the form of its documentation and SDK."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.protocol import (
    Configure,
    Done,
    EarlyFinal,
    EarlyFinalWithdrawn,
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
    TurnEnd,
    Word,
)
from gateway.apis.deepgram.flux_codec import FluxCodec
from gateway.apis.deepgram.flux_parameters import FluxParameters
from gateway.connection.codec import Decoded, DeferredReply

RAW = {"model": ["flux-general-en"], "encoding": ["linear16"], "sample_rate": ["16000"]}
# Half of a surrogate pair, which is no text.
SURROGATE = r'{"type": "Configure", "keyterms": ["\ud800"]}'
Messages = list[dict[str, Any]]


def codec(query: Mapping[str, Sequence[str]] = RAW, **more: str) -> FluxCodec:
    parameters = FluxParameters.parse({**query, **{name: [value] for name, value in more.items()}})
    return FluxCodec(parameters, "request")


def opened(**more: str) -> FluxCodec:
    live = codec(RAW, **more)
    live.open()
    return live


def received(live: FluxCodec, *events: Message) -> Messages:
    return [json.loads(frame) for event in events for frame in live.encode(event)]


def answers(decoded: Sequence[Decoded]) -> Messages:
    """The frames that a codec sends itself, once all earlier events have been encoded."""
    return [json.loads(frame) for item in decoded if isinstance(item, DeferredReply) for frame in item.build()]


def sent(live: FluxCodec, **message: Any) -> Sequence[Decoded]:
    return live.decode(json.dumps(message))


def words(text: str, start_ms: int) -> tuple[Word, ...]:
    return tuple(
        Word(word=f" {word}", start_ms=start_ms + 100 * i, end_ms=start_ms + 100 * i + 90, confidence=0.9)
        for i, word in enumerate(text.split())
    )


def began(utterance: int = 1, start_ms: int = 0) -> SpeechStarted:
    return SpeechStarted(utterance=utterance, start_ms=start_ms)


def shown(text: str, utterance: int = 1, start_ms: int = 0, end_ms: int = 800) -> Partial:
    fields: dict[str, Any] = {"utterance": utterance, "start_ms": start_ms, "end_ms": end_ms, "language": "en"}
    return Partial(revision=1, committed="", tentative=text, words=words(text, start_ms), **fields)


def early(text: str, utterance: int = 1, silence_ms: int = 400) -> EarlyFinal:
    fields: dict[str, Any] = {"utterance": utterance, "start_ms": 0, "end_ms": 900, "language": "en"}
    return EarlyFinal(text=text, confidence=0.8, silence_ms=silence_ms, words=words(text, 0), **fields)


def over(utterance: int = 1, end_ms: int = 1_000) -> SpeechEnded:
    return SpeechEnded(utterance=utterance, end_ms=end_ms)


def spoken(text: str, utterance: int = 1, start_ms: int = 0, end_ms: int = 1_000, language: str = "en") -> Final:
    fields: dict[str, Any] = {"utterance": utterance, "start_ms": start_ms, "end_ms": end_ms, "language": language}
    return Final(text=text, confidence=0.8, words=words(text, start_ms), **fields)


def events(messages: Messages) -> list[str]:
    return [str(message.get("event", message["type"])) for message in messages]


def test_the_client_is_greeted_before_the_session_starts() -> None:
    connected, start = codec(eot_threshold="0.8", keyterm="Nova", eager_eot_threshold="0.5").open()
    assert answers([connected]) == [{"type": "Connected", "request_id": "request", "sequence_id": 0}]
    assert isinstance(start, Start)
    assert (start.language, start.endpoint_ms, start.early_final_ms) == ("en", 800, 500)
    assert (start.hotwords, start.words, start.partial_words) == ("Nova", True, True)


def test_a_container_starts_the_session_with_its_first_bytes() -> None:
    live = codec({"model": ["flux-general-en"]})
    assert len(live.open()) == 1, "only the greeting"
    start, audio = live.decode(b"OggS....")
    assert isinstance(start, Start)
    assert (start.audio.encoding, audio) == ("ogg", b"OggS....")


def test_a_turn_starts_with_its_first_words_and_ends_with_its_final() -> None:
    live = opened()
    messages = received(live, began(), shown(""), shown("Hello"), shown("Hello there"), over(), spoken("Hello there."))
    assert events(messages) == ["StartOfTurn", "Update", "EndOfTurn"]
    start, update, end = messages
    assert (start["transcript"], start["turn_index"]) == ("Hello", 0)
    assert start["words"] == [{"word": "Hello", "confidence": 0.9, "start": 0.0, "end": 0.09}]
    assert (update["transcript"], update["end_of_turn_confidence"]) == ("Hello there", 0.0)
    assert (end["transcript"], end["trigger"], end["end_of_turn_confidence"]) == ("Hello there.", "model", 0.7)
    assert (end["audio_window_start"], end["audio_window_end"]) == (0.0, 1.0)
    assert [message["sequence_id"] for message in messages] == [0, 1, 2]
    assert all(message["request_id"] == "request" for message in messages)
    assert "languages" not in end


def test_noise_is_no_turn() -> None:
    live = opened()
    assert received(live, began(), over(), spoken("")) == []
    (start, end) = received(live, began(2, 2_000), over(2, 3_000), spoken("Yes.", 2, 2_000, 3_000))
    assert (start["turn_index"], end["turn_index"]) == (0, 0)
    assert start["audio_window_start"] == 2.0


def test_an_eager_end_is_confirmed_by_an_end_with_the_same_text() -> None:
    live = opened(eager_eot_threshold="0.4")
    messages = received(live, began(), shown("Hello"), early("Hello there."), over(), spoken("Hello there."))
    assert events(messages) == ["StartOfTurn", "EagerEndOfTurn", "EndOfTurn"]
    assert messages[1]["transcript"] == messages[2]["transcript"] == "Hello there."
    assert messages[1]["end_of_turn_confidence"] == 0.4
    assert messages[1]["words"] == messages[2]["words"]


def test_a_turn_that_continues_is_resumed() -> None:
    live = opened(eager_eot_threshold="0.4")
    pause = (early("Hello."), EarlyFinalWithdrawn(utterance=1))
    rest = (shown("Hello and"), early("Hello and bye."), over(), spoken("Hello and bye."))
    assert events(received(live, began(), *pause, *rest)) == [
        "StartOfTurn",
        "EagerEndOfTurn",
        "TurnResumed",
        "Update",
        "EagerEndOfTurn",
        "EndOfTurn",
    ]


def test_where_turns_are_judged_the_confidence_is_the_probability() -> None:
    live = opened(eager_eot_threshold="0.4", eot_threshold="0.8")
    doubtful = early("Hello.").model_copy(update={"turn_probability": 0.5})
    turn = TurnEnd(utterance=1, end_ms=1_000, silence_ms=250, probability=0.86)
    messages = received(live, began(), shown("Hello"), doubtful, over(), turn, spoken("Hello."))
    assert events(messages) == ["StartOfTurn", "EagerEndOfTurn", "EndOfTurn"]
    assert [message["end_of_turn_confidence"] for message in messages[1:]] == [0.5, 0.86]


def test_a_speaker_who_has_probably_not_finished_causes_no_eager_end() -> None:
    live = opened(eager_eot_threshold="0.4", eot_threshold="0.8")
    unfinished = early("Hello and").model_copy(update={"turn_probability": 0.1})
    messages = received(live, began(), shown("Hello and"), unfinished, EarlyFinalWithdrawn(utterance=1))
    assert events(messages) == ["StartOfTurn"]
    assert events(received(live, over(), spoken("Hello and bye."))) == ["EndOfTurn"]


@pytest.mark.parametrize(
    ("timeout_ms", "probability", "trigger"),
    [("1500", 0.2, "timeout"), ("500", 0.9, "model"), ("5000", 0.2, "model"), ("5000", 0.9, "model")],
)
def test_a_judged_turn_names_its_trigger(timeout_ms: str, probability: float, trigger: str) -> None:
    live = opened(eot_timeout_ms=timeout_ms)
    turn = TurnEnd(utterance=1, end_ms=1_000, silence_ms=250, probability=probability)
    (*_, end) = received(live, began(), over(), turn, spoken("Hello."))
    assert (end["event"], end["trigger"]) == ("EndOfTurn", trigger)


def test_a_client_that_ends_turns_itself_wants_no_judgement() -> None:
    assert FluxParameters.parse({"model": ["flux-general-en"], "eot_threshold": ["1"]}).options()["turn_threshold"] == 0
    options = FluxParameters.parse({"model": ["flux-general-en"], "eot_timeout_ms": ["500"]}).options()
    assert (options["turn_threshold"], options["turn_max_ms"]) == (0.7, 500)


def test_another_text_after_an_eager_end_resumes_the_turn_first() -> None:
    live = opened(eager_eot_threshold="0.4")
    messages = received(live, began(), early("Hello."), over(), spoken("Yellow."))
    assert events(messages) == ["StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"]


def test_a_turn_whose_utterance_fails_ends_with_a_warning() -> None:
    live = opened(eager_eot_threshold="0.4")
    failed = Error(code="dead_lettered", message="failed", utterance=1)
    messages = received(live, began(), shown("Hello"), early("Hello."), over(), failed)
    assert events(messages) == ["StartOfTurn", "EagerEndOfTurn", "Warning", "TurnResumed", "EndOfTurn"]
    assert messages[2]["code"] == "DEAD_LETTERED"
    assert messages[-1]["transcript"] == ""
    assert events(received(live, began(2, 2_000), over(2), spoken("Hi.", 2, 2_000))) == ["StartOfTurn", "EndOfTurn"]


def test_the_next_turn_waits_for_the_end_of_the_last_one() -> None:
    live = opened()
    messages = received(live, began(), shown("One"), over(), began(2, 1_500), shown("Two", 2, 1_500, 2_000))
    assert events(messages) == ["StartOfTurn"]
    messages = received(live, shown("Two three", 2, 1_500, 2_500), spoken("One."))
    assert [(message["event"], message["transcript"]) for message in messages] == [
        ("EndOfTurn", "One."),
        ("StartOfTurn", "Two three"),
    ]
    assert [message["turn_index"] for message in messages] == [0, 1]


def test_a_turn_continues_over_an_utterance_that_was_cut_for_its_length() -> None:
    live = opened()
    first = (began(), shown("One"), over(1, 25_000), began(2, 25_000), spoken("One two", 1, 0, 25_000))
    second = (shown("three", 2, 25_000, 26_000), over(2, 27_000), spoken("three.", 2, 25_000, 27_000))
    messages = received(live, *first, *second)
    assert events(messages) == ["StartOfTurn", "Update", "Update", "EndOfTurn"]
    assert messages[-1]["transcript"] == "One two three."
    assert [word["word"] for word in messages[-1]["words"]] == ["One", "two", "three."]


def test_the_client_ends_a_turn() -> None:
    live = opened()
    received(live, began(), shown("Hello"))
    finalize, *rest = sent(live, type="ForceEndTurn")
    assert finalize == Finalize()
    assert received(live, over()) == answers(rest) == []
    (end,) = received(live, spoken("Hello."))
    assert (end["event"], end["trigger"], end["end_of_turn_confidence"]) == ("EndOfTurn", "manual", 1.0)


@pytest.mark.parametrize("threshold", ["0.7", "1.0"])
def test_the_client_ends_a_turn_while_the_user_continues_to_speak(threshold: str) -> None:
    live = opened(eot_threshold=threshold)
    received(live, began(), shown("Hello"))
    _, *rest = sent(live, type="ForceEndTurn")
    assert received(live, over(), began(2, 1_000), shown("there", 2, 1_000)) == answers(rest) == []
    end, start = received(live, spoken("Hello."))
    assert (end["event"], end["trigger"], end["transcript"]) == ("EndOfTurn", "manual", "Hello.")
    assert (start["event"], start["turn_index"], start["transcript"]) == ("StartOfTurn", 1, "there")


def test_a_turn_that_was_left_without_an_utterance_times_out_after_manual_mode() -> None:
    live = opened(eot_threshold="1.0", eot_timeout_ms="2000")
    received(live, began(), over(), spoken("One."))
    sent(live, type="Configure", thresholds={"eot_threshold": 0.7})
    assert answers(live.decode(bytes(32_000 * 2))) == [], "1 s after the end"
    (end,) = answers(live.decode(bytes(32_000)))
    assert (end["event"], end["trigger"]) == ("EndOfTurn", "timeout")


def test_the_end_of_no_turn_is_ignored() -> None:
    assert answers(sent(opened(), type="ForceEndTurn")) == []
    assert sent(codec({"model": ["flux-general-en"]}), type="ForceEndTurn") == (), "before the session"


def test_with_the_highest_threshold_only_the_client_or_the_timeout_ends_a_turn() -> None:
    live = opened(eot_threshold="1.0", eot_timeout_ms="30000")
    (start,) = [item for item in codec(RAW, eot_threshold="1.0").open() if isinstance(item, Start)]
    assert start.endpoint_ms == 1_000
    messages = received(live, began(), over(), spoken("One."), began(2, 5_000), over(2, 6_000))
    assert events(messages) == ["StartOfTurn"]
    _, *rest = sent(live, type="ForceEndTurn")
    assert answers(rest) == [], "the final is awaited"
    (end,) = received(live, spoken("Two.", 2, 5_000, 6_000))
    assert (end["transcript"], end["trigger"]) == ("One. Two.", "manual")


def test_a_turn_that_waits_is_ended_at_once() -> None:
    live = opened(eot_threshold="1.0")
    received(live, began(), over(), spoken("One."))
    _, *rest = sent(live, type="ForceEndTurn")
    assert events(answers(rest)) == ["EndOfTurn"]


def test_a_turn_times_out_after_enough_audio_without_speech() -> None:
    live = opened(eot_threshold="1.0", eot_timeout_ms="2000")
    received(live, began(), over(), spoken("One."))
    assert answers(live.decode(bytes(32_000 * 2))) == [], "1 s after the end"
    (end,) = answers(live.decode(bytes(32_000)))
    assert (end["event"], end["trigger"]) == ("EndOfTurn", "timeout")


def test_a_short_timeout_ends_a_turn_before_the_threshold() -> None:
    live = opened(eot_timeout_ms="500")
    *_, end = received(live, began(), over(), spoken("One."))
    assert (end["trigger"], end["end_of_turn_confidence"]) == ("timeout", 0.5)


def test_the_settings_can_be_changed() -> None:
    live = opened()
    thresholds = {"eot_threshold": 0.9, "eager_eot_threshold": 0.4}
    configure, reply = sent(live, type="Configure", thresholds=thresholds, keyterms=["Nova", "Voice"])
    assert isinstance(configure, Configure)
    assert (configure.endpoint_ms, configure.early_final_ms, configure.hotwords) == (900, 400, "Nova, Voice")
    (success,) = answers([reply])
    assert success["type"] == "ConfigureSuccess"
    assert success["thresholds"] == {"eager_eot_threshold": 0.4, "eot_threshold": 0.9, "eot_timeout_ms": 5_000}
    assert success["keyterms"] == ["Nova", "Voice"]
    configure, _ = sent(live, type="Configure", thresholds={"eager_eot_threshold": None})
    assert isinstance(configure, Configure)
    assert (configure.endpoint_ms, configure.early_final_ms) == (900, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"thresholds": {"eot_threshold": 0.2}},
        {"thresholds": {"eot_threshold": True}},
        {"thresholds": {"eot_threshold": "high"}},
        {"thresholds": {"eot_timeout_ms": 1e400}},
        {"thresholds": {"eager_eot_threshold": 0.8}},
        {"thresholds": [1]},
        {"keyterms": [1]},
        {"language_hints": ["de"]},
    ],
)
def test_an_invalid_change_is_rejected_and_changes_nothing(change: dict[str, Any]) -> None:
    live = opened()
    (failure,) = answers(sent(live, type="Configure", **change))
    assert (failure["type"], failure["code"]) == ("ConfigureFailure", "INVALID_CONFIGURATION")
    *_, end = received(live, began(), over(), spoken("One."))
    assert end["end_of_turn_confidence"] == 0.7


def test_the_multilingual_model_reports_languages() -> None:
    live = codec({**RAW, "model": ["flux-general-multi"], "language_hint": ["de", "en"]})
    (start,) = [item for item in live.open() if isinstance(item, Start)]
    assert (start.language, start.languages) == ("auto", ("de", "en"))
    *_, end = received(live, began(), over(), spoken("Hallo.", language="de"))
    assert (end["languages"], end["languages_hinted"]) == (["de"], ["de", "en"])


def test_the_end_of_the_stream_ends_the_turn() -> None:
    live = opened(eot_threshold="1.0")
    received(live, began(), over(), spoken("One."))
    assert list(sent(live, type="CloseStream")) == [Stop()]
    assert list(sent(live, type="CloseStream")) == []
    assert list(live.decode(bytes(320))) == [], "audio after the end is dropped"
    assert events(received(live, Done())) == ["EndOfTurn"]


def test_a_stream_without_audio_can_be_closed() -> None:
    start, stop = codec({"model": ["flux-general-en"]}).decode(b"")
    assert isinstance(start, Start)
    assert stop == Stop()


def test_errors_have_the_form_of_flux() -> None:
    live = opened()
    (event,) = received(live, Error(code="over_quota", message="no minutes left", fatal=True))
    assert (event["type"], event["code"], event["description"]) == ("Error", "OVER_QUOTA", "no minutes left")
    body = json.loads(live.refusal(Error(code="unauthorized", message="an API key is required", fatal=True)))
    assert body["err_code"] == "INVALID_AUTH"
    assert live.close_frame(1012, "draining") == (1011, "draining")
    assert live.close_frame(1008, "idle_timeout") == (1011, "NET-0001")
    assert live.close_frame(1008, "invalid_json") == (1008, "DATA-0000")


def test_a_keepalive_is_accepted() -> None:
    assert list(sent(opened(), type="KeepAlive")) == [Keepalive()]


@pytest.mark.parametrize(
    "frame", ["", "{", "[]", "5", '{"kind": 1}', '{"type": 5}', '{"type": "Dance"}', "[" * 9_000, SURROGATE]
)
def test_invalid_messages_are_reported(frame: str) -> None:
    with pytest.raises(ProtocolError):
        codec().decode(frame)


FRAMES = st.binary(max_size=80) | st.sampled_from(["KeepAlive", "ForceEndTurn", "CloseStream", "Configure"])


@given(st.lists(FRAMES, max_size=8), st.sampled_from([RAW, {"model": ["flux-general-multi"]}]))
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
        assert not {bytes, Configure} & set(kinds[kinds.index(Stop) :])


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional={"thresholds": JSON, "keyterms": JSON, "language_hints": JSON}))
def test_any_change_is_answered(change: dict[str, Any]) -> None:
    (reply,) = answers(sent(opened(), type="Configure", **change))
    assert reply["type"] in ("ConfigureSuccess", "ConfigureFailure")


STEPS = st.sampled_from(["start", "partial", "early", "withdraw", "cut", "end", "final", "error", "force"])


@given(st.lists(STEPS, max_size=40), st.sampled_from(["0.7", "1.0"]))
def test_any_session_gives_a_valid_sequence_of_turns(steps: list[str], threshold: str) -> None:
    """The state machine of Flux: turns do not overlap, and the end repeats the last eager end unless it was resumed."""
    live = opened(eot_threshold=threshold, eager_eot_threshold="0.4")
    messages: Messages = []
    count, ended = 0, list[int]()
    is_open = False
    for number, step in enumerate(steps):
        if step == "start" and not is_open:
            count, is_open = count + 1, True
            messages += received(live, began(count, 10_000 * count))
        elif step == "cut" and is_open:
            messages += received(live, over(count, 10_000 * count + 1_000), began(count + 1, 10_000 * count + 1_000))
            ended.append(count)
            count += 1
        elif step in ("partial", "early", "withdraw") and is_open:
            known: dict[str, Message] = {
                "partial": shown(f"text {number}", count),
                "early": early(f"text {number}", count),
                "withdraw": EarlyFinalWithdrawn(utterance=count),
            }
            messages += received(live, known[step])
        elif step == "end" and is_open:
            messages += received(live, over(count, 10_000 * count + 2_000))
            ended.append(count)
            is_open = False
        elif step == "final" and ended:
            messages += received(live, spoken("" if number % 5 == 0 else f"final {number}", ended.pop(0)))
        elif step == "error" and ended:
            messages += received(live, Error(code="x", message="x", utterance=ended.pop(0)))
        elif step == "force":
            decoded = sent(live, type="ForceEndTurn")
            if is_open:
                messages += received(live, over(count, 10_000 * count + 2_000))
                ended.append(count)
                is_open = False
            messages += answers(decoded)
    state, eager, index = "ready", "", 0
    for message in (message for message in messages if message["type"] == "TurnInfo"):
        assert message["turn_index"] == index
        match state, message["event"]:
            case ("ready", "StartOfTurn") | ("eager", "TurnResumed"):
                state = "speaking"
            case ("speaking", "Update"):
                pass
            case ("speaking", "EagerEndOfTurn"):
                assert message["transcript"]
                state, eager = "eager", message["transcript"]
            case ("speaking", "EndOfTurn"):
                state, index = "ready", index + 1
            case ("eager", "EndOfTurn"):
                assert message["transcript"] == eager
                state, index = "ready", index + 1
            case unexpected:
                raise AssertionError(unexpected)
    assert [message["sequence_id"] for message in messages] == list(range(len(messages)))
