"""WebM and Ogg taken apart as their bytes come in: Opus packets out, as soon as each is whole.

Sans-I/O and without a thread: a browser's MediaRecorder cuts its stream anywhere, and so may we. Sources: RFC 3533
(Ogg), RFC 7845 (Opus in Ogg), RFC 8794 (EBML), RFC 9559 (Matroska) and the WebM container guidelines.

A packet that begins with `OPUS_HEAD` opens a stream: at the beginning, and again when the client restarts its recorder
on the same connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple, Protocol

from backend.errors import AudioError

OPUS_HEAD = b"OpusHead"
_OPUS_TAGS = b"OpusTags"
_LONGEST_PACKET = 1 << 18
"""Bytes. Anything longer is passed over unread: no Opus packet is; pictures in other tracks and in tags may be."""


class OpusReader(Protocol):
    """Takes a container's bytes, cut anywhere; yields the packets of its Opus stream."""

    @property
    def partial(self) -> bool:
        """Whether the bytes so far end inside an element, a page or a packet."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every packet that these bytes complete; to be consumed whole. Raises AudioError `invalid_container`."""
        ...


def _invalid(message: str) -> AudioError:
    return AudioError(message, code="invalid_container")


class _Element(IntEnum):
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


_ENTERED = frozenset({_Element.SEGMENT, _Element.TRACKS, _Element.TRACK_ENTRY, _Element.CLUSTER, _Element.BLOCK_GROUP})
"""Elements whose children matter. They are entered and never left: a live stream does not know their sizes."""
_READ = frozenset(
    {_Element.TRACK_NUMBER, _Element.CODEC_ID, _Element.CODEC_PRIVATE, _Element.BLOCK, _Element.SIMPLE_BLOCK}
)


class _Vint(NamedTuple):
    """EBML's integer of variable length."""

    length: int
    marked: int
    """With its length marker, as element names are written."""

    @property
    def value(self) -> int:
        return self.marked & ~(1 << 7 * self.length)

    @property
    def unknown(self) -> bool:
        return self.value == (1 << 7 * self.length) - 1


def _vint(data: bytes | bytearray, at: int) -> _Vint | None:
    """The integer at a position; None when its bytes are not all there."""
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > 8:
        raise _invalid("not a WebM stream: an integer of more than 8 bytes")
    return _Vint(length, int.from_bytes(data[at : at + length], "big")) if at + length <= len(data) else None


class WebmReader:
    """The first Opus track of a WebM (or Matroska) stream. Laced blocks, which no recorder writes, are refused."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0
        """Bytes still to come that do not matter."""
        self._begun = False
        self._entry: dict[int, bytes] = {}
        self._track: int | None = None

    @property
    def partial(self) -> bool:
        """Whether the bytes so far end inside an element."""
        return bool(self._buffer) or self._skip > 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every packet that these bytes complete; to be consumed whole. Raises AudioError `invalid_container`."""
        self._buffer += data
        while self._passed_over() and (name := _vint(self._buffer, 0)) and (size := _vint(self._buffer, name.length)):
            self._check(name.marked, size)
            start = name.length + size.length
            end = start if name.marked in _ENTERED else start + size.value
            if name.marked not in _ENTERED | _READ or end - start > _LONGEST_PACKET:
                self._skip = end
                continue
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[start:end])
            del self._buffer[:end]
            yield from self._take(name.marked, body)

    def _passed_over(self) -> bool:
        passed = min(self._skip, len(self._buffer))
        del self._buffer[:passed]
        self._skip -= passed
        return self._skip == 0

    def _check(self, name: int, size: _Vint) -> None:
        if not self._begun and name != _Element.EBML:
            raise _invalid("not a WebM stream: it does not begin with an EBML header")
        if size.unknown and name not in _ENTERED:
            raise _invalid(f"WebM element {name:#x} does not say its size")
        self._begun = True

    def _take(self, name: int, body: bytes) -> Iterator[bytes]:
        match name:
            case _Element.TRACKS:
                self._track = None
            case _Element.TRACK_ENTRY:
                self._entry = {}
            case _Element.TRACK_NUMBER | _Element.CODEC_ID | _Element.CODEC_PRIVATE:
                self._entry[name] = body
                yield from self._choose_track()
            case _Element.BLOCK | _Element.SIMPLE_BLOCK:
                yield from self._packet(body)

    def _choose_track(self) -> Iterator[bytes]:
        number = self._entry.get(_Element.TRACK_NUMBER)
        head = self._entry.get(_Element.CODEC_PRIVATE)
        is_opus = self._entry.get(_Element.CODEC_ID, b"").rstrip(b"\0") == b"A_OPUS"
        if is_opus and number and head and self._track is None:
            self._track = int.from_bytes(number, "big")
            yield head

    def _packet(self, block: bytes) -> Iterator[bytes]:
        """A block: track number, 16 bits of time, 8 of flags, then the packet."""
        track = _vint(block, 0)
        if track is None or len(block) < track.length + 3:
            raise _invalid("a WebM block shorter than its header")
        if track.value != self._track:
            return
        if block[track.length + 2] & 0x06:
            raise _invalid("a WebM block with lacing")
        yield block[track.length + 3 :]


class _Page(NamedTuple):
    """Ogg's unit of transport."""

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
    """The Opus stream of an Ogg stream; of several in sequence, one after the other."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._packet = bytearray()
        self._serial = b""

    @property
    def partial(self) -> bool:
        """Whether the bytes so far end inside a page or a packet."""
        return bool(self._buffer or self._packet)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every packet that these bytes complete; to be consumed whole. Raises AudioError `invalid_container`."""
        self._buffer += data
        while (page := self._page()) is not None:
            yield from self._packets(page)

    def _page(self) -> _Page | None:
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

    def _packets(self, page: _Page) -> Iterator[bytes]:
        if page.opens_opus:
            self._serial = page.serial
        if page.serial != self._serial:
            return
        if not page.continues:
            self._packet.clear()
        at = 0
        for length in page.lacing:
            if len(self._packet) <= _LONGEST_PACKET:
                self._packet += page.body[at : at + length]
            at += length
            if length < 255:
                yield from self._finished()

    def _finished(self) -> Iterator[bytes]:
        packet = bytes(self._packet)
        self._packet.clear()
        if packet and len(packet) <= _LONGEST_PACKET and not packet.startswith(_OPUS_TAGS):
            yield packet
