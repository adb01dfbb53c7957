"""WebM and Ogg byte by byte: streams that no muxer writes on request."""

from collections.abc import Iterable

UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
NO_GRANULE = 2**64 - 1


def element(name: int, body: bytes, size: bytes | None = None) -> bytes:
    """One EBML element."""
    length = (len(body) | 1 << 56).to_bytes(8, "big") if size is None else size
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + length + body


def track(number: int, codec: bytes, private: bytes) -> bytes:
    """A track entry."""
    return element(0xAE, element(0xD7, bytes([number])) + element(0x86, codec) + element(0x63A2, private))


def block(number: int, packet: bytes, flags: int = 0x80, *, ticks: int = 0) -> bytes:
    """A simple block, `ticks` after its cluster."""
    return element(0xA3, bytes([0x80 | number]) + ticks.to_bytes(2, "big", signed=True) + bytes([flags]) + packet)


def webm_head(*tracks: bytes, scale: int | None = None) -> bytes:
    """The beginning of a recorder's stream, before the first packet. `scale` is the length of a tick in ns."""
    info = b"" if scale is None else element(0x1549A966, element(0x2AD7B1, scale.to_bytes(4, "big")))
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    return head + element(0x18538067, info + element(0x1654AE6B, b"".join(tracks)), UNKNOWN_SIZE)


def cluster(*blocks: bytes, ticks: int = 0) -> bytes:
    """A cluster at a time."""
    return element(0x1F43B675, element(0xE7, ticks.to_bytes(8, "big")) + b"".join(blocks), UNKNOWN_SIZE)


def webm(head: bytes, packets: Iterable[tuple[int, bytes]]) -> bytes:
    """A stream of one track: an Opus header, then packets with their times in ms, one cluster for each."""
    clusters = (cluster(block(1, packet), ticks=at_ms) for at_ms, packet in packets)
    return webm_head(track(1, b"A_OPUS", head)) + b"".join(clusters)


def ogg_page(flags: int, lacing: bytes, body: bytes, granule: int = 0) -> bytes:
    """A page of the stream with serial number 0."""
    return b"OggS\0" + bytes([flags]) + granule.to_bytes(8, "little") + bytes(12) + bytes([len(lacing)]) + lacing + body


def ogg_packets(packets: Iterable[bytes], granule: int, flags: int = 0) -> bytes:
    """A page of whole packets. The last packet ends at a granule position."""
    packets = list(packets)
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    return ogg_page(flags, lacing, b"".join(packets), granule)
