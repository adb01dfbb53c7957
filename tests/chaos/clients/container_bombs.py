"""Frames of a megabyte at most that take a container's reader long and contain little audio, or none."""

import struct
from collections.abc import Mapping
from typing import Literal, NamedTuple

from tests.testkit.audio.containers import NO_GRANULE, block, cluster, ogg_packets, ogg_page, track, webm_head

MAX_FRAME = 1 << 20


class ContainerBomb(NamedTuple):
    """The beginning of a stream, then a frame that a client may repeat."""

    encoding: Literal["webm", "ogg"]
    opening: bytes
    frame: bytes


# 20 ms, and the shortest frame of Opus, 2.5 ms.
SHORT_PACKET, SHORTEST_PACKET = b"\x08", b"\x80"


def opus_head(pre_skip: int = 0) -> bytes:
    """An Opus header. The codec removes `pre_skip` samples at 48 kHz from the beginning."""
    return b"OpusHead\x01\x01" + struct.pack("<HIhB", pre_skip, 48_000, 0, 0)


def _webm(unit: bytes, head: bytes = b"") -> ContainerBomb:
    return ContainerBomb("webm", webm_head(track(1, b"A_OPUS", head or opus_head())), unit * (MAX_FRAME // len(unit)))


def _ogg(unit: bytes) -> ContainerBomb:
    opening = ogg_packets([opus_head()], 0, 2) + ogg_packets([b"OpusTags" + bytes(8)], 0)
    return ContainerBomb("ogg", opening, unit * (MAX_FRAME // len(unit)))


def _small_block(track_number: int, packet: bytes) -> bytes:
    """A simple block with a size of one byte."""
    return bytes([0xA3, 0x84 + len(packet), 0x80 | track_number, 0, 0, 0x80]) + packet


CONTAINER_BOMBS: Mapping[str, ContainerBomb] = {
    "Void": _webm(b"\xec\x80"),
    "timestamps": _webm(b"\xe7\x80"),
    "nested clusters": _webm(b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7),
    "track entries": _webm(b"\xae\x80"),
    "blocks of another track": _webm(_small_block(2, b"")),
    "blocks without packets": _webm(_small_block(1, b"")),
    "Opus headers in blocks": _webm(_small_block(1, opus_head())),
    "tracks": _webm(b"\x16\x54\xae\x6b\x80" + track(1, b"A_OPUS", opus_head())),
    "headers and packets": _webm(_small_block(1, opus_head()) + _small_block(1, SHORT_PACKET)),
    "skipped audio": _webm(_small_block(1, SHORTEST_PACKET), opus_head(pre_skip=65_535)),
    "padded clusters": _webm(cluster(block(1, SHORT_PACKET)) + b"\xec\x80" * 4_000),
    "empty pages": _ogg(ogg_page(0, b"", b"")),
    "pages of empty segments": _ogg(ogg_page(0, bytes(255), b"")),
    "pages of tiny packets": _ogg(ogg_page(0, b"\1" * 255, SHORT_PACKET * 255, NO_GRANULE)),
    "Opus headers in pages": _ogg(ogg_packets([opus_head()] * 255, 0)),
    "Ogg streams": _ogg(ogg_packets([opus_head()], 0, 2)),
}
