"""Incremental readers for WebM and Ogg: container bytes in, complete Opus packets out.

Sans-I/O and without threads. A browser's MediaRecorder splits its stream at arbitrary bytes, so readers accept any
split. Sources: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), RFC 8794 (EBML), RFC 9559 (Matroska), and the WebM container
guidelines (https://www.webmproject.org/docs/container/).

A packet that begins with `OPUS_HEAD` opens a stream: at the beginning, and again when the client restarts its recorder
on the same connection.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from backend.errors import AudioError

OPUS_HEAD = b"OpusHead"
_OPUS_TAGS = b"OpusTags"
# Bytes. Longer elements, such as pictures in tags, are skipped without buffering. Demultiplexers should reject Opus
# packets of more than 61,440 bytes (RFC 7845, section 6).
_MAX_PACKET = 1 << 18


def _invalid(message: str) -> AudioError:
    return AudioError(message, code="invalid_container")


class _Element(IntEnum):
    """EBML element ids with their length marker: RFC 8794, section 11.2.1 (EBML) and RFC 9559, section 5.1 (others)."""

    EBML = 0x1A45DFA3
    SEGMENT = 0x18538067
    TRACKS = 0x1654AE6B
    TRACK_ENTRY = 0xAE
    TRACK_NUMBER = 0xD7
    CODEC_ID = 0x86
    CODEC_PRIVATE = 0x63A2
    CLUSTER = 0x1F43B675
    BLOCK_GROUP = 0xA0
    BLOCK = 0xA1
    SIMPLE_BLOCK = 0xA3


# Elements whose children are read. Their ends are not tracked, because a live stream writes "unknown" as their size
# (RFC 8794, section 6.2); any element id is accepted inside.
_ENTERED = frozenset({_Element.SEGMENT, _Element.TRACKS, _Element.TRACK_ENTRY, _Element.CLUSTER, _Element.BLOCK_GROUP})
# Elements whose content is read. All others are skipped.
_READ = frozenset(
    {_Element.TRACK_NUMBER, _Element.CODEC_ID, _Element.CODEC_PRIVATE, _Element.BLOCK, _Element.SIMPLE_BLOCK}
)


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
        raise _invalid("not a WebM stream: an integer of more than 8 bytes")
    return _Vint(length, int.from_bytes(data[at : at + length], "big")) if at + length <= len(data) else None


class WebmReader:
    """Reads the first Opus track of a WebM or Matroska stream. Rejects laced blocks, which no recorder writes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        # Bytes to skip in the input that follows.
        self._skip = 0
        self._header_seen = False
        # Elements of the current track entry.
        self._entry: dict[int, bytes] = {}
        self._track: int | None = None

    @property
    def is_incomplete(self) -> bool:
        """Whether the bytes so far end inside an element."""
        return bool(self._buffer) or self._skip > 0

    def read_packets(self, data: bytes) -> Iterator[bytes]:
        """Yield every packet that these bytes complete. Consume the whole iterator before the next call.

        Raises AudioError `invalid_container`.
        """
        self._buffer += data
        while self._skip_bytes() and (name := _vint(self._buffer, 0)) and (size := _vint(self._buffer, name.length)):
            self._check_element(name.marked, size)
            start = name.length + size.length
            end = start if name.marked in _ENTERED else start + size.value
            if name.marked not in _ENTERED | _READ or end - start > _MAX_PACKET:
                self._skip = end
                continue
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[start:end])
            del self._buffer[:end]
            yield from self._read_element(name.marked, body)

    def _skip_bytes(self) -> bool:
        """Return whether everything to skip has arrived."""
        passed = min(self._skip, len(self._buffer))
        del self._buffer[:passed]
        self._skip -= passed
        return self._skip == 0

    def _check_element(self, name: int, size: _Vint) -> None:
        if not self._header_seen and name != _Element.EBML:
            raise _invalid("not a WebM stream: it does not begin with an EBML header")
        if size.is_unknown_size and name not in _ENTERED:
            raise _invalid(f"WebM element {name:#x} has an unknown size")
        self._header_seen = True

    def _read_element(self, name: int, body: bytes) -> Iterator[bytes]:
        match name:
            case _Element.TRACKS:
                self._track = None
            case _Element.TRACK_ENTRY:
                self._entry = {}
            case _Element.TRACK_NUMBER | _Element.CODEC_ID | _Element.CODEC_PRIVATE:
                self._entry[name] = body
                yield from self._choose_track()
            case _Element.BLOCK | _Element.SIMPLE_BLOCK:
                yield from self._read_block(body)

    def _choose_track(self) -> Iterator[bytes]:
        number = self._entry.get(_Element.TRACK_NUMBER)
        head = self._entry.get(_Element.CODEC_PRIVATE)
        is_opus = self._entry.get(_Element.CODEC_ID, b"").rstrip(b"\0") == b"A_OPUS"
        if is_opus and number and head and self._track is None:
            self._track = int.from_bytes(number, "big")
            yield head

    def _read_block(self, block: bytes) -> Iterator[bytes]:
        """Read a block: track number, 16 bits of time, 8 bits of flags, then the packet (RFC 9559, section 10)."""
        track = _vint(block, 0)
        if track is None or len(block) < track.length + 3:
            raise _invalid("a WebM block shorter than its header")
        if track.value != self._track:
            return
        if block[track.length + 2] & 0x06:  # the two lacing bits
            raise _invalid("a WebM block with lacing")
        yield block[track.length + 3 :]


class _Page(NamedTuple):
    """A page (RFC 3533, section 6). The lacing values are the lengths of the packet segments in the body."""

    flags: int
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

    @property
    def is_incomplete(self) -> bool:
        """Whether the bytes so far end inside a page or a packet."""
        return bool(self._buffer or self._packet)

    def read_packets(self, data: bytes) -> Iterator[bytes]:
        """Yield every packet that these bytes complete. Consume the whole iterator before the next call.

        Raises AudioError `invalid_container`.
        """
        self._buffer += data
        while (page := self._next_page()) is not None:
            yield from self._read_page(page)

    def _next_page(self) -> _Page | None:
        header = bytes(self._buffer[:27])
        if not (header.startswith(b"OggS") or b"OggS".startswith(header)):
            raise _invalid("not an Ogg stream: a page does not begin with OggS")
        if len(header) < 27:
            return None
        lacing = bytes(self._buffer[27 : 27 + header[26]])
        start = 27 + header[26]
        end = start + sum(lacing)
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[start:end])
        del self._buffer[:end]
        return _Page(header[5], header[14:18], lacing, body)

    def _read_page(self, page: _Page) -> Iterator[bytes]:
        if page.opens_opus:
            self._serial = page.serial
        if page.serial != self._serial:
            return
        if not page.continues:
            self._packet.clear()
        at = 0
        for length in page.lacing:
            if len(self._packet) <= _MAX_PACKET:
                self._packet += page.body[at : at + length]
            at += length
            if length < 255:  # a packet ends with its first segment that is not full
                yield from self._finish_packet()

    def _finish_packet(self) -> Iterator[bytes]:
        packet = bytes(self._packet)
        self._packet.clear()
        if packet and len(packet) <= _MAX_PACKET and not packet.startswith(_OPUS_TAGS):
            yield packet
