"""The wire format of Wyoming: lines, data and payloads as its own package writes and reads them."""

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event, read_event, write_event

from backend.errors import ProtocolError
from gateway.apis.wyoming.events import MAX_DATA_BYTES, MAX_LINE_BYTES, PingRequest, body_bytes, parse_event, to_frame

PAYLOAD = 1_024


def written(event: Event) -> bytes:
    stream = BytesIO()
    write_event(event, stream)
    return stream.getvalue()


def read(frame: str) -> Event:
    event = read_event(BytesIO(frame.encode()))
    assert event
    return event


@given(
    st.text(max_size=64), st.dictionaries(st.text(), st.text() | st.integers() | st.none()), st.binary(max_size=PAYLOAD)
)
def test_events_of_the_package_are_read(kind: str, data: dict[str, object], payload: bytes) -> None:
    frame = written(Event(kind, data, payload))
    line = frame[: frame.index(b"\n") + 1]
    assert len(line) + body_bytes(line, PAYLOAD) == len(frame)
    event = parse_event(frame)
    assert (event.kind, event.data, event.payload) == (kind, data, payload)


@given(st.text(), st.dictionaries(st.sampled_from("abcd"), st.text() | st.lists(st.integers())))
def test_the_package_reads_events(kind: str, data: dict[str, object]) -> None:
    event = read(to_frame(kind, **data))
    assert (event.type, event.data, event.payload) == (kind, data, None)


def test_data_after_the_line_replace_data_in_it() -> None:
    more = b'{"b":3,"c":4}'
    line = json.dumps({"type": "x", "data": {"a": 1, "b": 2}, "data_length": len(more), "payload_length": None})
    event = parse_event(f"{line}\n".encode() + more)
    assert (event.data, event.payload) == ({"a": 1, "b": 3, "c": 4}, b"")


def test_fields_without_a_value_are_left_out() -> None:
    assert to_frame("transcript-stop") == '{"type":"transcript-stop","version":"1.10.2"}\n'
    assert to_frame("pong", text=None) == '{"type":"pong","version":"1.10.2"}\n'
    assert read(to_frame("transcript", text="", language=None)).data == {"text": ""}


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({"type": "x", "data_length": MAX_DATA_BYTES + 1}),
        json.dumps({"type": "x", "data_length": 10**30}),
        json.dumps({"type": "x", "payload_length": PAYLOAD + 1}),
        json.dumps({"type": "x", "data": {"text": "x" * MAX_LINE_BYTES}}),
    ],
)
def test_longer_events_are_refused_before_they_are_read(line: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        body_bytes(f"{line}\n".encode(), PAYLOAD)
    assert (refused.value.code, refused.value.close_code) == ("frame_too_large", 1009)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"GET / HTTP/1.1\r\n", "invalid_json"),
        (b"\n", "invalid_json"),
        (b"\xff\xfe\n", "invalid_json"),
        (b'{"type":"\\ud800"}\n', "invalid_json"),
        (b"[" * 10_000 + b"\n", "invalid_json"),
        (b"[]\n", "invalid_message"),
        (b"{}\n", "invalid_message"),
        (b'{"type":1}\n', "invalid_message"),
        (b'{"type":"x","data":[]}\n', "invalid_message"),
        (b'{"type":"x","data_length":-1}\n', "invalid_message"),
        (b'{"type":"x","payload_length":"many"}\n', "invalid_message"),
        (b'{"type":"' + b"x" * 65 + b'"}\n', "invalid_message"),
    ],
)
def test_what_is_not_an_event_is_refused(line: bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        body_bytes(line, PAYLOAD)
    assert refused.value.code == code


def test_data_that_do_not_fit_are_refused() -> None:
    for data, code in ((b"[1]", "invalid_message"), (b"{1}", "invalid_json")):
        with pytest.raises(ProtocolError) as refused:
            parse_event(b'{"type":"x","data_length":3}\n' + data)
        assert refused.value.code == code
    with pytest.raises(ProtocolError, match="ping: text is missing or invalid"):
        parse_event(b'{"type":"ping","data":{"text":[]}}\n').read(PingRequest)


@given(st.binary(max_size=300) | st.binary(max_size=30).map(lambda tail: b'{"type":"ping","data_length":9}\n' + tail))
def test_any_bytes_are_an_event_or_a_protocol_error(frame: bytes) -> None:
    try:
        body_bytes(frame.partition(b"\n")[0] + b"\n", PAYLOAD)
        parse_event(frame).read(PingRequest)
    except ProtocolError as error:
        assert error.fatal
