"""Server-sent events as the standard describes them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.cli.follow.event_stream import MAX_EVENT_BYTES, EventStreamParser, EventTooLongError, StreamEvent

STREAM = (
    'retry: 2000\n\n:\n\nid: 5-0\nevent: caption\ndata: {"a":\ndata: "é"}\n\n'
    "event: caption\r\ndata:two\r\n\r\nid: 6-0\n\nevent: end\rdata: three\r\rdata: cut off"
).encode()
EVENTS = [
    StreamEvent("caption", '{"a":\n"é"}', "5-0"),
    StreamEvent("caption", "two", "5-0"),
    StreamEvent("end", "three", "6-0"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_do_not_depend_on_how_the_bytes_arrive(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    parser = EventStreamParser()
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(places)]
    assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS


@given(st.binary(max_size=300))
def test_any_bytes_can_arrive(received: bytes) -> None:
    for event in EventStreamParser().feed(received):
        assert event.data or event.name


@pytest.mark.parametrize("piece", [b"x" * 65_536, b"data: " + b"x" * 65_530 + b"\n"])
def test_an_endless_event_is_an_error(piece: bytes) -> None:
    parser = EventStreamParser()
    for _ in range(MAX_EVENT_BYTES // len(piece) - 1):
        parser.feed(piece)
    with pytest.raises(EventTooLongError):
        parser.feed(3 * piece)
