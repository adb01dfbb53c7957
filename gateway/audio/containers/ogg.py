"""Incremental reader for Ogg: bytes in, complete Opus packets out. Sources: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg)."""

from collections.abc import Iterator
from typing import NamedTuple

from gateway.audio.containers.packets import MAX_EMPTY, MAX_PACKET, OPUS_HEAD, Packet, invalid_container, opus_samples

_OPUS_TAGS = b"OpusTags"
# Granule positions count samples at this rate (RFC 7845, section 4).
_GRANULE_RATE = 48_000
# Granule position of a page on which no packet ends (RFC 3533, section 6).
_NO_GRANULE = (1 << 64) - 1


class _Page(NamedTuple):
    """A page (RFC 3533, section 6). The lacing values are the lengths of the packet segments in the body."""

    flags: int
    granule: int
    serial: bytes
    lacing: bytes
    body: bytes

    @property
    def continues(self) -> bool:
        return bool(self.flags & 0x01)

    @property
    def opens_opus(self) -> bool:
        return bool(self.flags & 0x02) and self.body.startswith(OPUS_HEAD)


class OggReader:
    """Reads the Opus stream of an Ogg stream. Chained streams are read one after another."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._packet = bytearray()
        self._serial = b""
        # Pages without a segment since the last one with some.
        self._empty = 0
        # Granule position at which the first packet of the stream begins. A recording may begin later than at 0.
        self._first: int | None = None

    @property
    def is_incomplete(self) -> bool:
        """Whether the bytes so far end inside a page or a packet."""
        return bool(self._buffer or self._packet)

    def read_packets(self, data: bytes) -> Iterator[Packet]:
        """Yield every packet that these bytes complete. Consume the whole iterator before the next call.

        Raises AudioError `invalid_container`.
        """
        self._buffer += data
        while (page := self._next_page()) is not None:
            self._check_page(page)
            yield from self._read_page(page)

    def _next_page(self) -> _Page | None:
        header = bytes(self._buffer[:27])
        if not (header.startswith(b"OggS") or b"OggS".startswith(header)):
            raise invalid_container("not an Ogg stream: a page does not begin with OggS")
        if len(header) < 27:
            return None
        lacing = bytes(self._buffer[27 : 27 + header[26]])
        start = 27 + header[26]
        end = start + sum(lacing)
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[start:end])
        del self._buffer[:end]
        return _Page(header[5], int.from_bytes(header[6:14], "little"), header[14:18], lacing, body)

    def _check_page(self, page: _Page) -> None:
        self._empty = 0 if page.lacing else self._empty + 1
        if self._empty > MAX_EMPTY:
            raise invalid_container(f"more than {MAX_EMPTY:,} Ogg pages without a segment")

    def _read_page(self, page: _Page) -> Iterator[Packet]:
        if page.opens_opus:
            self._serial, self._first = page.serial, None
        if page.serial != self._serial:
            return
        packets = [packet for packet in self._finished_packets(page) if packet and len(packet) <= MAX_PACKET]
        if packets and packets[0].startswith((OPUS_HEAD, _OPUS_TAGS)):
            # Headers have pages of their own (RFC 7845, section 3).
            yield from (Packet(packet) for packet in packets if packet.startswith(OPUS_HEAD))
        elif page.granule == _NO_GRANULE:
            yield from map(Packet, packets)
        else:
            yield from self._timed(packets, page.granule)

    def _finished_packets(self, page: _Page) -> Iterator[bytes]:
        """Yield the packets that end on a page."""
        if not page.continues:
            self._packet.clear()
        at = 0
        for length in page.lacing:
            if len(self._packet) <= MAX_PACKET:
                self._packet += page.body[at : at + length]
            at += length
            if length < 255:  # a packet ends with its first segment that is not full
                yield bytes(self._packet)
                self._packet.clear()

    def _timed(self, packets: list[bytes], end: int) -> Iterator[Packet]:
        """Yield the packets of a page whose last one ends at a granule position."""
        lengths = [opus_samples(packet) for packet in packets]
        begin = end - sum(lengths)
        self._first = begin if self._first is None else self._first
        for packet, length in zip(packets, lengths, strict=True):
            yield Packet(packet, (begin - self._first) / _GRANULE_RATE)
            begin += length
