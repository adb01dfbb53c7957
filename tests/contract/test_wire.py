"""Wire format of messages and jobs, including data of older releases and unknown fields of newer ones."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import EntryError, ProtocolError
from backend.messages.channels import ChannelPosition, ChannelReady, ChannelResume
from backend.messages.jobs import (
    ChannelMessage,
    HypothesisWord,
    PartialResult,
    decode_audio_job,
    decode_channel_message,
    decode_transcript,
    encode_channel_message,
    encode_entry,
)
from backend.messages.protocol import (
    AudioFormat,
    Configure,
    Error,
    Finalize,
    Ready,
    Resume,
    Start,
    Translation,
    parse_client,
    parse_server,
    to_json,
)
from backend.messages.session_record import SessionRecord
from tests.testkit.streams.jobs import final, job, partial, transcript

NAMES: dict[str, Any] = {"session": "s1", "correlation_id": "c1", "sent_at": 1.5, "start_ms": 100, "end_ms": 900}
SHOWN: dict[str, Any] = {"committed": "good", "hypothesis": (HypothesisWord(text=" morning", probability=0.5),)}
TRANSLATED: dict[str, Any] = {"translate_to": ("es",), "translated": {"es": "buenos"}}
JOB = job(2, kind="preview", revision=3, heard="en", **NAMES, **SHOWN, **TRANSLATED)
JOB_HEADER = (
    b'{"kind":"preview","session":"s1","utterance":2,"correlation_id":"c1","sent_at":1.5,"revision":3,"start_ms":100,'
    b'"end_ms":900,"heard":"en","committed":"good","hypothesis":[{"text":" morning","probability":0.5}],'
    b'"translate_to":["es"],"translated":{"es":"buenos"}}'
)

SERVER_FRAMES = {
    '{"type":"ready","session":"s","resume_token":"","audio_from_ms":0,"cursor":"0-0","correlation_id":"c"}': Ready(
        session="s", correlation_id="c"
    ),
    '{"type":"partial","utterance":1,"revision":2,"committed":"a","tentative":" b","language":"en","start_ms":0,'
    '"end_ms":5}': partial(1, "a", " b", revision=2, end_ms=5),
    '{"type":"final","utterance":1,"text":"a b","language":"en","confidence":0.5,"start_ms":0,"end_ms":5,'
    '"translate_to":[],"late":false,"cursor":"1-0"}': final(1, "a b", confidence=0.5, end_ms=5, cursor="1-0"),
    '{"type":"translation","utterance":1,"language":"es","text":"a","is_final":true,"cursor":"2-0"}': Translation(
        utterance=1, language="es", text="a", is_final=True, cursor="2-0"
    ),
    '{"type":"error","code":"x","message":"m","fatal":false,"cursor":""}': Error(code="x", message="m"),
}


@pytest.mark.parametrize(("frame", "event"), SERVER_FRAMES.items())
def test_events_keep_their_wire_format(frame: str, event: Any) -> None:
    assert to_json(event) == frame
    assert parse_server(frame) == event


def test_messages_about_channels_have_their_own_fields() -> None:
    first = parse_client(
        '{"type":"start","multichannel":true,"channel_order":"time","audio":{"channels":2},'
        '"positions":[{"audio_from_ms":5,"utterance":1},{}]}'
    )
    positions = (ChannelPosition(audio_from_ms=5, utterance=1), ChannelPosition())
    audio = AudioFormat(channels=2)
    assert first == Start(multichannel=True, channel_order="time", audio=audio, positions=positions)
    resume = parse_client('{"type":"resume","session":"s","token":"t","channels":[{"cursor":"1-0"},{"utterance":2}]}')
    states = (ChannelResume(cursor="1-0"), ChannelResume(utterance=2))
    assert resume == Resume(session="s", token="t", channels=states)
    ready = Ready(session="s", channels=(ChannelReady(audio_from_ms=5, cursor="1-0"),))
    assert json.loads(to_json(ready))["channels"] == [{"audio_from_ms": 5, "cursor": "1-0"}]
    event = final(1, "a", end_ms=5).model_copy(update={"channel": 1})
    assert json.loads(to_json(event))["channel"] == 1
    assert parse_server(to_json(event)) == event


def test_a_session_record_keeps_the_channel_of_its_session() -> None:
    start = Start(audio=AudioFormat(channels=2, channel=1), channel_order="time")
    fields = SessionRecord(start=start, correlation_id="c").fields()
    assert json.loads(fields["start"]) == {"channel_order": "time", "audio": {"channels": 2, "channel": 1}}
    assert Start.model_validate_json(fields["start"]) == start


def test_jobs_keep_their_wire_format() -> None:
    fields = encode_entry(JOB, b"\1\0")
    assert fields == {b"h": JOB_HEADER, b"p": b"\1\0"}
    assert decode_audio_job(fields) == (JOB, b"\1\0")


def test_a_job_without_noise_reduction_is_written_as_before() -> None:
    assert b"denoise" not in encode_entry(job(1, denoise="off"), b"\1\0")[b"h"]
    noisy = job(1, denoise="auto")
    assert b'"denoise":"auto"' in encode_entry(noisy, b"\1\0")[b"h"]
    assert decode_audio_job(encode_entry(noisy, b"\1\0"))[0] == noisy


def test_a_job_without_formatting_is_written_as_before() -> None:
    assert not any(name in encode_entry(JOB, b"\1\0")[b"h"] for name in (b"formatting", b"written"))
    formatted = job(1, formatting=("numerals",), committed="twenty five", written="25")
    assert decode_audio_job(encode_entry(formatted, b"\1\0"))[0] == formatted


def test_an_entry_of_a_newer_release_with_unknown_fields_is_read() -> None:
    header = json.dumps({**json.loads(JOB_HEADER), "mood": "cheerful"}).encode()
    assert decode_audio_job({b"h": header, b"p": b"\1\0", b"x": b"?"})[0] == JOB


def test_an_entry_of_an_older_release_without_the_optional_fields_is_read() -> None:
    header = b'{"kind":"final","session":"s","utterance":1,"correlation_id":"c","sent_at":0,"start_ms":0,"end_ms":1}'
    read, _ = decode_audio_job({b"h": header, b"p": b"\1\0"})
    assert (read.attempt, read.finals, read.translate_to, read.denoise) == (1, "revise", (), "off")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {b"h": JOB_HEADER},
        {b"h": JOB_HEADER, b"p": b"odd"},
        {b"h": b"{}", b"p": b"\1\0"},
        {b"h": b"\xff", b"p": b"\0\0"},
    ],
)
def test_an_unreadable_entry_raises_an_entry_error(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(EntryError):
        decode_audio_job(fields)


@given(st.dictionaries(st.binary(max_size=4), st.binary(max_size=64)))
def test_any_fields_are_a_transcript_or_an_entry_error(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(EntryError):
        decode_transcript(fields)


def test_a_transcript_is_read_back_from_its_entry() -> None:
    sent = transcript(1, text="你好", language="zh", translate_to=("en", "es"))
    assert decode_transcript(encode_entry(sent)) == sent


def test_durable_events_carry_their_cursor() -> None:
    read = decode_channel_message(encode_channel_message(final(), "7-1"))
    assert read == ChannelMessage("7-1", final(cursor="7-1"))


def test_a_partial_carries_internal_fields_that_the_client_does_not_receive() -> None:
    sent = partial(1, "a", " b")
    hypothesis = (HypothesisWord(text=" b", probability=0.5),)
    result = PartialResult(**dict(sent), hypothesis=hypothesis, language_probability=0.9)
    assert decode_channel_message(encode_channel_message(result)) == ChannelMessage(None, result)
    assert json.loads(to_json(result.event())) == json.loads(to_json(sent))


@given(st.text(max_size=200))
def test_any_text_is_a_message_or_a_protocol_error(text: str) -> None:
    try:
        parse_client(text)
    except ProtocolError as error:
        assert error.code in {"invalid_json", "invalid_message", "unknown_type"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from(["start", "configure", "finalize", "keepalive", "stop", "resume", ""])


@given(st.dictionaries(st.sampled_from([*Start.model_fields, "zz"]), JSON), TYPES)
def test_any_fields_make_a_message_or_a_protocol_error(fields: dict[str, Any], kind: str) -> None:
    try:
        message = parse_client(json.dumps({"type": kind, **fields}))
    except ProtocolError as error:
        assert error.code in {"invalid_message", "unknown_type"}
        assert not error.fatal
    else:
        assert message.type == kind


def test_omitted_start_fields_have_defaults() -> None:
    assert parse_client('{"type":"start"}') == Start(audio=AudioFormat(encoding="pcm_s16le", sample_rate=16_000))


def test_configure_replaces_only_the_given_options() -> None:
    options = Start(language="en", translate_to=("es",), words=True)
    changed = Configure(translate_to=(), endpoint_ms=900).applied_to(options)
    assert changed == Start(language="en", translate_to=(), words=True, endpoint_ms=900)


def test_finalize_has_no_fields() -> None:
    assert parse_client('{"type":"finalize","surprise":1}') == Finalize()
