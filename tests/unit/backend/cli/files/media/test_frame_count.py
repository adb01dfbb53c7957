"""Damaged bytes of a format without timestamps stand for the frames that the file lacks."""

from fractions import Fraction
from typing import cast

import av
import pytest
from av.audio.stream import AudioStream

from backend.cli.files.media.frame_count import FrameCount, Mp3Frame, is_tag, mp3_frame

# MPEG-2 layer III, 48 kbit/s, 16 kHz: 216 bytes and 576 samples.
HEADER = bytes.fromhex("fff368c0")
FRAME_S = 576 / 16_000


def packet(data: bytes) -> "av.Packet[AudioStream]":
    made = cast("av.Packet[AudioStream]", av.Packet(data))
    made.time_base, made.duration = Fraction(1, 16_000), 576
    return made


def frame() -> "av.Packet[AudioStream]":
    return packet(HEADER.ljust(216, b"\x55"))


def shift_frames(count: FrameCount) -> int:
    return round(count.shift_s / FRAME_S)


@pytest.mark.parametrize(
    ("header", "size", "samples", "rate"),
    [
        ("fffb90c0", 417, 1152, 44_100),
        ("fffb92c0", 418, 1152, 44_100),
        ("fff368c0", 216, 576, 16_000),
        ("ffe328c0", 144, 576, 8_000),
    ],
)
def test_headers_of_all_versions_give_the_size_of_their_frame(header: str, size: int, samples: int, rate: int) -> None:
    assert mp3_frame(bytes.fromhex(header)) == Mp3Frame(size, samples, rate)


@pytest.mark.parametrize("data", [b"", b"\xff\xfb\x90", b"RIFF", bytes(4), b"\xff\xff\xff\xff", b"\xff\xfd\x90\xc0"])
def test_other_bytes_are_no_header(data: bytes) -> None:
    assert mp3_frame(data) is None


def test_overwritten_frames_keep_their_time_without_a_declared_number() -> None:
    count = FrameCount(None)
    for _ in range(10):
        count.add(frame())
    count.add_damaged(packet(bytes(5 * 216)))
    assert not count.is_exact
    assert shift_frames(count) == 5 - 1  # FFmpeg counts the damaged piece as one frame


@pytest.mark.parametrize(("damaged_bytes", "missing"), [(5 * 216, 5), (60, 5), (5 * 216, 0)])
def test_damage_stands_for_the_declared_frames_that_are_missing(damaged_bytes: int, missing: int) -> None:
    count = FrameCount(20 + missing)
    assert count.awaits_scan
    count.scan([*[frame()] * 10, packet(bytes(damaged_bytes)), *[frame()] * 10])
    count.add_damaged(packet(bytes(damaged_bytes)))
    assert count.is_exact
    assert shift_frames(count) == missing - 1


def test_two_damaged_places_share_the_missing_frames_by_size() -> None:
    count, places = FrameCount(20 + 9), [packet(bytes(400)), packet(bytes(800))]
    count.scan([*[frame()] * 10, places[0], *[frame()] * 10, places[1]])
    shifts = []
    for place in places:
        count.add_damaged(place)
        shifts.append(shift_frames(count))
    assert shifts == [3 - 1, 9 - 2]


def test_a_whole_frame_that_cannot_be_decoded_is_one_frame() -> None:
    count = FrameCount(None)
    count.add(frame())
    count.add_damaged(frame())
    assert count.shift_s == 0


def test_tags_of_joined_files_are_no_damage() -> None:
    assert is_tag(b"ID3\x04 title")
    assert is_tag(b"TAG title")
    assert not is_tag(bytes(10))
