"""Opus packets, as the readers of WebM and Ogg return them.

Readers are sans-I/O and without threads. A browser's MediaRecorder splits its stream at arbitrary bytes, so they accept
any split.

A packet that begins with `OPUS_HEAD` opens a stream: at the beginning, and again when the client restarts its recorder
on the same connection. Times start again at 0 then.
"""

from typing import NamedTuple

from backend.errors import AudioError

OPUS_HEAD = b"OpusHead"
# Bytes. Demultiplexers should reject Opus packets of more than 61,440 bytes (RFC 7845, section 6).
MAX_PACKET = 1 << 18
# Elements of WebM without a block, or pages of Ogg without a segment, that may follow each other. A recorder writes a
# handful of them: padding, and the heads of segments, tracks and clusters. Such elements have two bytes, so a frame of
# a megabyte may contain half a million.
MAX_EMPTY = 10_000


class Packet(NamedTuple):
    """A packet, and the time in seconds at which its sound belongs in the stream. None: the container does not say."""

    data: bytes
    time_s: float | None = None

    @property
    def is_audio(self) -> bool:
        """Whether this is neither a header nor a `PAUSE`."""
        return bool(self.data) and not self.data.startswith(OPUS_HEAD)


# Stands between packets where a reader has worked for a millisecond without one, so that others can have their turn.
PAUSE = Packet(b"")


def opus_samples(packet: bytes) -> int:
    """The length of an Opus packet in samples at 48 kHz, from its first bytes (RFC 6716, section 3.1)."""
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1_920, 2_880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    return frame * ((1, 2, 2)[code] if code < 3 else packet[1] & 63 if len(packet) > 1 else 0)


def invalid_container(message: str) -> AudioError:
    """The error for bytes that are not what the client announced."""
    return AudioError(message, code="invalid_container")
