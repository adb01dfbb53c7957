"""Incremental reader for WebM: bytes in, complete Opus packets out.

Sources: RFC 8794 (EBML), RFC 9559 (Matroska), and the WebM container guidelines
(https://www.webmproject.org/docs/container/).
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from gateway.audio.containers.packets import MAX_EMPTY, MAX_PACKET, PAUSE, Packet, invalid_container

# Nanoseconds of a tick in WebM (RFC 9559, section 5.1.2.9).
_DEFAULT_SCALE = 1_000_000
# Elements between two pauses. One takes 5 to 10 microseconds.
_PAUSE_ELEMENTS = 128


class _Element(IntEnum):
    """EBML element ids with their length marker: RFC 8794, section 11.2.1 (EBML) and RFC 9559, section 5.1 (others)."""

    EBML = 0x1A45DFA3
    SEGMENT = 0x18538067
    INFO = 0x1549A966
    TIMESTAMP_SCALE = 0x2AD7B1
    TRACKS = 0x1654AE6B
    TRACK_ENTRY = 0xAE
    TRACK_NUMBER = 0xD7
    CODEC_ID = 0x86
    CODEC_PRIVATE = 0x63A2
    CLUSTER = 0x1F43B675
    TIMESTAMP = 0xE7
    BLOCK_GROUP = 0xA0
    BLOCK = 0xA1
    SIMPLE_BLOCK = 0xA3


# Elements whose children are read. Their ends are not tracked, because a live stream writes "unknown" as their size
# (RFC 8794, section 6.2); any element id is accepted inside.
_ENTERED = frozenset(
    {_Element.SEGMENT, _Element.INFO, _Element.TRACKS, _Element.TRACK_ENTRY, _Element.CLUSTER, _Element.BLOCK_GROUP}
)
# Elements of a track entry.
_TRACK_FIELDS = frozenset({_Element.TRACK_NUMBER, _Element.CODEC_ID, _Element.CODEC_PRIVATE})
_BLOCKS = frozenset({_Element.BLOCK, _Element.SIMPLE_BLOCK})
# Elements whose content is read. All others are skipped.
_READ = _TRACK_FIELDS | _BLOCKS | {_Element.TIMESTAMP_SCALE, _Element.TIMESTAMP}
_KNOWN = _ENTERED | _READ


class _Vint(NamedTuple):
    """EBML's variable-length integer (RFC 8794, section 4). `marked` includes the length marker, as in element ids."""

    length: int
    marked: int

    @property
    def value(self) -> int:
        return self.marked & ~(1 << 7 * self.length)

    @property
    def is_unknown_size(self) -> bool:
        # All value bits set: RFC 8794, section 6.2.
        return self.value == (1 << 7 * self.length) - 1


def _vint(data: bytes | bytearray, at: int) -> _Vint | None:
    """The integer at a position; None if it is not complete yet."""
    if at >= len(data):
        return None
    # The number of leading zero bits of the first byte gives the length.
    length = 9 - data[at].bit_length()
    if length > 8:
        raise invalid_container("not a WebM stream: an integer of more than 8 bytes")
    return _Vint(length, int.from_bytes(data[at : at + length], "big")) if at + length <= len(data) else None


def _integer(body: bytes) -> int:
    """An unsigned integer element (RFC 8794, section 7.2)."""
    if len(body) > 8:
        raise invalid_container("a WebM integer of more than 8 bytes")
    return int.from_bytes(body, "big")


class WebmReader:
    """Reads the first Opus track of a WebM or Matroska stream. Rejects laced blocks, which no recorder writes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        # Bytes to skip in the input that follows.
        self._skip = 0
        # Elements so far, and those of them since the last block.
        self._elements = self._empty = 0
        self._header_seen = False
        # Elements of the current track entry.
        self._entry: dict[int, bytes] = {}
        self._track: int | None = None
        # Nanoseconds of a tick, and the time of the current cluster in ticks.
        self._scale = _DEFAULT_SCALE
        self._cluster = 0

    @property
    def is_incomplete(self) -> bool:
        """Whether the bytes so far end inside an element."""
        return bool(self._buffer) or self._skip > 0

    def read_packets(self, data: bytes) -> Iterator[Packet]:
        """Yield every packet that these bytes complete, and `PAUSE` between many elements.

        Consume the whole iterator before the next call.

        Raises AudioError `invalid_container`.
        """
        self._buffer += data
        while self._skip_bytes() and (name := _vint(self._buffer, 0)) and (size := _vint(self._buffer, name.length)):
            self._check_element(name.marked, size)
            start = name.length + size.length
            end = start if name.marked in _ENTERED else start + size.value
            if name.marked not in _KNOWN or end - start > MAX_PACKET:
                # Longer elements, such as pictures in tags, are skipped without buffering.
                self._skip = end
            elif len(self._buffer) < end:
                return
            else:
                body = bytes(self._buffer[start:end])
                del self._buffer[:end]
                yield from self._read_element(name.marked, body)
            if self._count_element(name.marked):
                yield PAUSE

    def _skip_bytes(self) -> bool:
        """Return whether everything to skip has arrived."""
        passed = min(self._skip, len(self._buffer))
        del self._buffer[:passed]
        self._skip -= passed
        return self._skip == 0

    def _check_element(self, name: int, size: _Vint) -> None:
        if not self._header_seen and name != _Element.EBML:
            raise invalid_container("not a WebM stream: it does not begin with an EBML header")
        if size.is_unknown_size and name not in _ENTERED:
            raise invalid_container(f"WebM element {name:#x} has an unknown size")
        self._header_seen = True

    def _count_element(self, name: int) -> bool:
        """Return whether a pause is due."""
        self._elements += 1
        self._empty = 0 if name in _BLOCKS else self._empty + 1
        if self._empty > MAX_EMPTY:
            raise invalid_container(f"more than {MAX_EMPTY:,} WebM elements without a block")
        return self._elements % _PAUSE_ELEMENTS == 0

    def _read_element(self, name: int, body: bytes) -> Iterator[Packet]:
        match name:
            case _Element.SEGMENT:
                self._scale, self._cluster = _DEFAULT_SCALE, 0
            case _Element.TIMESTAMP_SCALE:
                self._scale = _integer(body) or _DEFAULT_SCALE
            case _Element.TRACKS:
                self._track = None
            case _Element.TRACK_ENTRY:
                self._entry = {}
            case _ if name in _TRACK_FIELDS:
                self._entry[name] = body
                yield from self._choose_track()
            case _Element.TIMESTAMP:
                self._cluster = _integer(body)
            case _Element.BLOCK | _Element.SIMPLE_BLOCK:
                yield from self._read_block(body)

    def _choose_track(self) -> Iterator[Packet]:
        number = self._entry.get(_Element.TRACK_NUMBER)
        head = self._entry.get(_Element.CODEC_PRIVATE)
        is_opus = self._entry.get(_Element.CODEC_ID, b"").rstrip(b"\0") == b"A_OPUS"
        if is_opus and number and head and self._track is None:
            self._track = int.from_bytes(number, "big")
            yield Packet(head)

    def _read_block(self, block: bytes) -> Iterator[Packet]:
        """Read a block: track number, 16 bits of time, 8 bits of flags, then the packet (RFC 9559, section 10).

        The time is signed and relative to that of the cluster.
        """
        track = _vint(block, 0)
        if track is None or len(block) < track.length + 3:
            raise invalid_container("a WebM block shorter than its header")
        if track.value != self._track:
            return
        if block[track.length + 2] & 0x06:  # the two lacing bits
            raise invalid_container("a WebM block with lacing")
        if len(block) == track.length + 3:
            return  # no packet
        ticks = self._cluster + int.from_bytes(block[track.length : track.length + 2], "big", signed=True)
        yield Packet(block[track.length + 3 :], ticks * self._scale / 1e9)
