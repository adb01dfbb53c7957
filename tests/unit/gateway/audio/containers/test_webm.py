"""Packets of WebM have the times of their blocks and clusters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import AudioError
from gateway.audio.containers.packets import MAX_EMPTY, PAUSE, Packet
from gateway.audio.containers.webm import WebmReader
from tests.testkit.audio.containers import block, cluster, element, track, webm, webm_head

HEAD = b"OpusHead\x01\x01" + bytes(9)
TRACK = track(1, b"A_OPUS", HEAD)


def times_ms(stream: bytes) -> list[int | None]:
    packets = list(WebmReader().read_packets(stream))
    assert packets[0] == Packet(HEAD)
    return [None if packet.time_s is None else round(1_000 * packet.time_s) for packet in packets[1:]]


@given(st.lists(st.integers(0, 2**40), max_size=10), st.integers(-(2**15), 2**15 - 1))
def test_a_block_is_at_the_time_of_its_cluster_plus_its_own(clusters: list[int], ticks: int) -> None:
    stream = webm_head(TRACK) + b"".join(cluster(block(1, b"sound", ticks=ticks), ticks=at) for at in clusters)
    assert times_ms(stream) == [at + ticks for at in clusters]


def test_ticks_have_the_length_that_the_segment_declares() -> None:
    stream = webm_head(TRACK, scale=100_000) + cluster(block(1, b"sound", ticks=50), ticks=80_000)
    assert times_ms(stream) == [8_005]


def test_a_block_in_a_group_has_a_time() -> None:
    group = element(0xA0, element(0xA1, b"\x81\x00\x07\x00sound"))
    assert times_ms(webm_head(TRACK) + cluster(group, ticks=1_000)) == [1_007]


def test_a_second_recording_on_the_connection_has_its_own_ticks() -> None:
    first = webm_head(TRACK, scale=1_000) + cluster(block(1, b"sound"), ticks=5_000_000)
    reader = WebmReader()
    packets = [*reader.read_packets(first), *reader.read_packets(webm(HEAD, [(20, b"sound")]))]
    assert [packet.time_s for packet in packets] == [None, 5.0, None, 0.02]


PADDING = b"\xec\x80"


def pauses(data: bytes) -> int:
    return list(WebmReader().read_packets(webm_head(TRACK) + data)).count(PAUSE)


@given(st.integers(0, 3_000))
def test_at_most_128_elements_are_read_between_two_pauses(count: int) -> None:
    assert 0 <= pauses(PADDING * count) - count // 128 <= 1


def test_few_elements_are_read_without_a_pause() -> None:
    assert pauses(cluster(*[block(1, b"sound")] * 50)) == 0


def test_an_element_that_arrives_byte_by_byte_counts_once() -> None:
    reader, stream = WebmReader(), webm_head(TRACK) + cluster(block(1, bytes(20_000)))
    assert not [byte for byte in stream if PAUSE in reader.read_packets(bytes([byte]))]


def test_a_block_without_a_packet_is_skipped() -> None:
    assert times_ms(webm_head(TRACK) + cluster(block(1, b""), block(1, b"sound"), ticks=5)) == [5]


@given(st.integers(0, MAX_EMPTY - 20))
@settings(max_examples=10)
def test_padding_between_blocks_is_not_refused(count: int) -> None:
    unit = PADDING * count + cluster(block(1, b"sound"))
    reader = WebmReader()
    packets = [*reader.read_packets(webm_head(TRACK) + 3 * unit)]
    assert len([packet for packet in packets if packet.data == b"sound"]) == 3


def test_padding_without_end_is_refused_across_frames() -> None:
    reader = WebmReader()
    list(reader.read_packets(webm_head(TRACK) + PADDING * (MAX_EMPTY - 100)))
    with pytest.raises(AudioError, match="without a block"):
        list(reader.read_packets(PADDING * 101))
