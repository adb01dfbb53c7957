"""Packets of Ogg have the times that follow from the granule positions of their pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import AudioError
from gateway.audio.containers.ogg import OggReader
from gateway.audio.containers.packets import MAX_EMPTY
from tests.testkit.audio.containers import NO_GRANULE, ogg_packets, ogg_page

HEAD = b"OpusHead\x01\x01" + bytes(9)
OPEN = ogg_packets([HEAD], 0, flags=2) + ogg_packets([b"OpusTags"], 0)
# 20 ms each: the first byte of RFC 6716 says so.
PACKET, LENGTH = b"\xf8sound", 960


def times_ms(stream: bytes) -> list[float | None]:
    packets = [packet for packet in OggReader().read_packets(stream) if packet.data != HEAD]
    return [None if packet.time_s is None else round(1_000 * packet.time_s, 3) for packet in packets]


@given(st.integers(0, 2**40), st.lists(st.tuples(st.integers(1, 50), st.integers(0, 100)), min_size=1, max_size=8))
def test_a_page_ends_at_its_granule_position_relative_to_the_first(begin: int, pages: list[tuple[int, int]]) -> None:
    stream, expected, at = OPEN, [], 0
    for number, (count, missing) in enumerate(pages):
        at += LENGTH * missing if number else 0
        expected += [(at + LENGTH * index) / 48 for index in range(count)]
        at += LENGTH * count
        stream += ogg_packets([PACKET] * count, begin + at)
    assert times_ms(stream) == [round(at, 3) for at in expected]


def test_a_packet_that_ends_on_a_later_page_has_the_time_of_that_page() -> None:
    long = b"\xf8" + bytes(299)
    stream = OPEN + ogg_packets([PACKET], LENGTH) + ogg_page(0, b"\xff", long[:255], NO_GRANULE)
    stream += ogg_page(1, b"\x2d", long[255:], 10 * LENGTH)
    assert times_ms(stream) == [0.0, 180.0]


def test_packets_of_a_page_without_a_position_have_no_time() -> None:
    assert times_ms(OPEN + ogg_packets([PACKET], NO_GRANULE)) == [None]


def test_a_chained_stream_begins_at_zero_again() -> None:
    once = OPEN + ogg_packets([PACKET] * 2, 5_000 * LENGTH)
    assert times_ms(once + once) == [0.0, 20.0, 0.0, 20.0]


def test_pages_without_a_segment_are_refused_after_many() -> None:
    reader, empty = OggReader(), ogg_page(0, b"", b"")
    for _ in range(2):  # a packet starts the count again
        list(reader.read_packets(OPEN + empty * MAX_EMPTY))
    with pytest.raises(AudioError, match="without a segment"):
        list(reader.read_packets(empty))
