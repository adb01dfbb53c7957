"""Attacks with audio that takes long to decode: little data with much audio, or containers with little audio."""

import struct
from collections.abc import Iterator, Mapping

from tests.chaos.clients.attack_shapes import Attack, flooding
from tests.chaos.clients.container_bombs import CONTAINER_BOMBS, ContainerBomb
from tests.testkit.raw_websocket import BINARY, TEXT, masked

SERIAL = b"bomb"
# Two empty frames of 60 ms: the shortest packet with the most audio (RFC 6716, section 3.2.5). Decoders fill in noise.
PACKET, PACKET_SAMPLES = b"\x5b\x02", 5_760
# Samples at 48 kHz per second.
RATE = 48_000


def _page(number: int, granule: int, packets: list[bytes]) -> bytes:
    """An Ogg page without a checksum. Number 0 begins the stream."""
    flags, lacing = 0x02 if number == 0 else 0, bytes(map(len, packets))
    header = struct.pack("<4sBBq4sIIB", b"OggS", 0, flags, granule, SERIAL, number, 0, len(lacing))
    return header + lacing + b"".join(packets)


def _head() -> bytes:
    opus_head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48_000, 0, 0)
    return _page(0, 0, [opus_head]) + _page(1, 0, [b"OpusTags" + struct.pack("<II", 0, 0)])


def noise(seconds: int) -> bytes:
    """An Ogg stream that decodes to noise, with 26 bytes for each second."""
    return _head() + b"".join(_pages(seconds * RATE // PACKET_SAMPLES))


def _pages(packets: int) -> Iterator[bytes]:
    for number, at in enumerate(range(0, packets, 255), 2):
        count = min(255, packets - at)
        yield _page(number, (at + count) * PACKET_SAMPLES, [PACKET] * count)


def gaps(count: int, seconds: int) -> bytes:
    """An Ogg stream whose times jump ahead `count` times."""
    jumps = (_page(1 + number, number * seconds * RATE, [PACKET]) for number in range(1, count + 1))
    return _head() + b"".join(jumps)


def _start(encoding: str, rate: int = 16_000) -> bytes:
    return masked(TEXT, f'{{"type":"start","audio":{{"encoding":"{encoding}","sample_rate":{rate}}}}}'.encode())


def _exploding(bomb: ContainerBomb) -> Attack:
    return flooding(_start(bomb.encoding), masked(BINARY, bomb.opening), repeated=masked(BINARY, bomb.frame), at_once=4)


AUDIO_BOMBS: Mapping[str, Attack] = {
    "compressed audio": flooding(_start("ogg"), repeated=masked(BINARY, noise(590))),
    "compressed audio of many": flooding(_start("ogg"), repeated=masked(BINARY, noise(590)), at_once=40),
    "jumps of time": flooding(_start("ogg"), repeated=masked(BINARY, gaps(2, 290)), at_once=10),
    "mu-law": flooding(_start("mulaw", 8_000), repeated=masked(BINARY, b"\xff" * 1_000_000), at_once=10),
    **{f"containers: {name}": _exploding(bomb) for name, bomb in CONTAINER_BOMBS.items()},
}
