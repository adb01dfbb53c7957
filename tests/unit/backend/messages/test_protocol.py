"""Decoders return a value or raise a documented error, for any bytes."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.errors import EntryError, ProtocolError
from backend.messages.jobs import (
    ChannelMessage,
    PartialResult,
    TakenOver,
    decode_audio_job,
    decode_channel_message,
    decode_transcript,
    encode_channel_message,
    encode_entry,
)
from backend.messages.protocol import MAX_POSITION, Configure, Partial, Resume, Start, parse_client
from backend.messages.session_record import DamagedRecordError, SessionRecord
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.testkit.streams.jobs import final, job, transcript

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
EXTREME = st.sampled_from(
    [0, -1, 2**31, 2**53, 2**64, 10**30, 10**400, -(10**400), 1e308, "1", "", "\0", "{0}", [], {}]
)
ANY = JSON | EXTREME

JOB = job(1, prompt="a", translate_to=("es",), translated={"es": "b"})
TRANSCRIPT = transcript(1, text="你好", language="zh")
FINAL = final()
PARTIAL = PartialResult(utterance=1, revision=2, committed="a", tentative="", language="en", start_ms=0, end_ms=5)
RECORD = (
    b'start {"language":"en"} correlation c epoch 2 next 3 count 4 audio 9 open 5:1 closed:4 1 event:4:1 {} '
    b'translating:2 ["es"]'
).split()


def changed(sound: bytes) -> st.SearchStrategy[bytes]:
    """Replace some bytes."""

    def replace(at: int, length: int, by: bytes) -> bytes:
        return sound[:at] + by + sound[at + length :]

    return st.builds(replace, st.integers(0, len(sound)), st.integers(0, 8), st.binary(max_size=8))


def with_fields(sound: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Replace or remove some fields."""
    names = st.sampled_from([*sound, "unknown"])
    wrong = st.dictionaries(names, ANY, min_size=1, max_size=3)
    left_out = st.sets(names, max_size=1)
    return st.builds(
        lambda fields, gone: json.dumps({k: v for k, v in {**sound, **fields}.items() if k not in gone}).encode(),
        wrong,
        left_out,
    )


def bytes_like(sound: bytes) -> st.SearchStrategy[bytes]:
    """Random bytes, similar objects, and slightly changed bytes."""
    return st.binary(max_size=64) | with_fields(json.loads(sound)) | changed(sound)


# --- from clients


def messages(model: type[Start | Resume | Configure]) -> st.SearchStrategy[str]:
    fields = st.dictionaries(st.sampled_from([*model.model_fields, "unknown"]), ANY, max_size=4)
    kind = model.model_fields["type"].default
    return st.builds(lambda more: json.dumps({"session": "s", "token": "t", **more, "type": kind}), fields)


@given(messages(Start) | messages(Resume) | messages(Configure) | JSON.map(json.dumps) | st.text(max_size=40))
@example('{"type":"start","prompt":"\\ud800"}')
@example('{"type":"start","audio_from_ms":' + "9" * 5_000 + "}")
@example("[" * 100_000)
def test_any_text_frame_is_a_message_or_a_documented_error(text: str) -> None:
    try:
        message = parse_client(text)
    except ProtocolError as error:
        assert error.code in {"invalid_json", "invalid_message", "unknown_type"}
        assert not error.fatal, "whether it is fatal depends on the state of the connection"
        assert len(error.message) < 1_000
    else:
        assert parse_client(message.model_dump_json()) == message


@given(messages(Start), st.lists(messages(Configure) | st.sampled_from(['{"type":"finalize"}', '{"type":"stop"}'])))
def test_any_message_sequence_is_answered_or_rejected_with_a_documented_error(start: str, then: list[str]) -> None:
    session = Session("s", "c", SessionPolicy())
    try:
        session.receive_message(parse_client(start), 0.0)
    except ProtocolError as error:
        assert error.code in {"invalid_message", "no_consent", "speakers_unavailable", "unsupported_language"}
        return
    for text in then:
        try:
            session.receive_message(parse_client(text), 0.0)
        except ProtocolError as error:
            assert error.code in {"invalid_message", "unsupported_language", "stopped"}
            assert not error.fatal
    assert session.state in ("open", "stopping", "done")


@pytest.mark.parametrize("field", ["audio_from_ms", "utterance", "open_utterance"])
def test_numbers_are_limited_to_what_redis_counts_exactly(field: str) -> None:
    def resume(number: int) -> str:
        return json.dumps({"type": "resume", "session": "s", "token": "t", field: number})

    assert getattr(parse_client(resume(MAX_POSITION)), field) == MAX_POSITION
    with pytest.raises(ProtocolError, match=field):
        parse_client(resume(MAX_POSITION + 1))


@pytest.mark.parametrize("cursor", ["", "1", "1-", "-1", "１-２", "١-٢", "99999999999999999999-0", "1-1\n", "(1-1"])
def test_an_accepted_cursor_is_a_valid_stream_id(cursor: str) -> None:
    with pytest.raises(ProtocolError, match="cursor"):
        parse_client(json.dumps({"type": "resume", "session": "s", "token": "t", "cursor": cursor}))


# --- entries of streams

HEADERS = bytes_like(encode_entry(JOB)[b"h"])


@given(st.fixed_dictionaries({}, optional={b"h": HEADERS, b"p": st.binary(max_size=9), b"x": st.binary(max_size=4)}))
def test_any_audio_entry_is_a_job_or_an_entry_error(fields: dict[bytes, bytes]) -> None:
    try:
        read, pcm = decode_audio_job(fields)
    except EntryError as error:
        assert "\n" not in error.message
    else:
        assert len(pcm) % 2 == 0
        assert encode_entry(read, pcm)[b"p"] == pcm


@given(st.fixed_dictionaries({}, optional={b"h": bytes_like(encode_entry(TRANSCRIPT)[b"h"]), b"x": st.binary()}))
def test_any_text_entry_is_a_transcript_or_an_entry_error(fields: dict[bytes, bytes]) -> None:
    try:
        read = decode_transcript(fields)
    except EntryError as error:
        assert "\n" not in error.message
    else:
        assert encode_entry(read)[b"h"]


# --- from the channel and the log


def channel_messages() -> st.SearchStrategy[bytes]:
    final, partial = encode_channel_message(FINAL, "7-1"), encode_channel_message(PARTIAL)
    places = st.sampled_from([b"-", b"!", b"7-1", b"7", b"", b"7-x", b"\xd9\xa1-1", b"1" * 5_000 + b"-1"])
    bodies = st.binary(max_size=20) | with_fields(json.loads(partial.partition(b" ")[2]))
    return changed(final) | changed(partial) | st.builds(lambda *parts: b" ".join(parts), places, bodies)


@given(channel_messages())
@example(b"abc " + encode_channel_message(FINAL).partition(b" ")[2])
def test_any_channel_message_is_an_event_or_a_value_error(data: bytes) -> None:
    try:
        live = decode_channel_message(data)
    except ValueError:
        return
    assert isinstance(live, ChannelMessage)
    assert live.cursor is None or [int(part) >= 0 for part in live.cursor.split("-")] == [True, True]
    assert isinstance(live.event, TakenOver) or live.event.type
    assert type(live.event) is not Partial


# --- from a session's hash


@given(st.integers(0, len(RECORD) - 1), st.binary(max_size=8) | st.sampled_from([b"-1", b"[1]", b'"es"', b"1e400"]))
def test_a_damaged_record_is_read_or_rejected_with_a_documented_error(at: int, by: bytes) -> None:
    try:
        record = SessionRecord.read([*RECORD[:at], by, *RECORD[at + 1 :]])
    except DamagedRecordError as error:
        assert error.code == "session_damaged"
    else:
        assert all(isinstance(code, str) for codes in record.translating.values() for code in codes)


@given(st.lists(st.sampled_from(RECORD) | st.binary(max_size=8)))
def test_any_fields_are_a_record_or_a_documented_error(pairs: list[bytes]) -> None:
    try:
        assert isinstance(SessionRecord.read(pairs), SessionRecord)
    except DamagedRecordError as error:
        assert error.code == "session_damaged"


def test_a_valid_record_is_read() -> None:
    record = SessionRecord.read(RECORD)
    assert (record.start, record.correlation_id) == (Start(language="en"), "c")
    assert (record.epoch, record.next, record.count, record.audio_ms, record.open) == (2, 3, 4, 9, "5:1")
    assert record.closed == {4}
    assert record.translating == {2: ("es",)}


# --- a session among inconsistent claims


def test_utterances_that_redis_has_settled_are_not_numbered_again() -> None:
    """A client first reports three finals, and none at the next resume."""
    session = Session("s", "c", SessionPolicy())
    session.resume(Resume(session="s", token="t", utterance=0), SessionRecord(Start(), "c", epoch=2, next=4, count=1))
    assert session.record().count == 3
