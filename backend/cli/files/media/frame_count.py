"""Times in formats without timestamps, such as MP3, whose frames are counted.

FFmpeg counts a damaged piece as one frame, however long it is, so what follows would be early. Here it stands for the
frames that the file's header counts and the file lacks. Without such a header, it stands for as many frames as intact
sound of that size.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from av.audio.stream import AudioStream
from av.packet import Packet

# The demuxers of such formats.
COUNTED_FORMATS = frozenset({"mp3", "aac", "ac3", "eac3", "dts", "amr"})
# Metadata between or after frames, as in files that were joined.
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")

# ISO/IEC 11172-3 and 13818-3, layer III: kbit/s of MPEG-1 and of MPEG-2 and 2.5, and the rates of MPEG-1.
_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = (44_100, 48_000, 32_000)


@dataclass(frozen=True, slots=True)
class Mp3Frame:
    """The header of an MP3 frame (layer III): the size in bytes, the number of samples, and their rate."""

    size: int
    samples: int
    rate: int


def mp3_frame(header: bytes) -> Mp3Frame | None:
    """Parse the 4 bytes of a header. None if they are not one of layer III."""
    bits = int.from_bytes(header[:4], "big")
    version, layer, bitrate, rate = bits >> 19 & 3, bits >> 17 & 3, bits >> 12 & 15, bits >> 10 & 3
    if len(header) < 4 or bits >> 21 != 0x7FF or version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return None
    is_first = version == 3
    samples, hertz = (1152 if is_first else 576), _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    kbits = (_KBITS if is_first else _KBITS_2)[bitrate]
    return Mp3Frame(samples // 8 * 1000 * kbits // hertz + (bits >> 9 & 1), samples, hertz)


def is_tag(data: bytes) -> bool:
    """Whether undecodable bytes are metadata and no damage."""
    return data.startswith(_TAGS)


class FrameCount:
    """Counts the frames of one stream in the order in which they are demuxed."""

    def __init__(self, declared_frames: int | None) -> None:
        """`declared_frames` is the number of frames in the header of an MP3 file."""
        self._declared = declared_frames
        # Frames in a damaged byte of this file.
        self._density: float | None = None
        self._intact = self._intact_bytes = 0
        self._damaged_bytes = 0
        # What FFmpeg's times lack at this place.
        self.shift_s = 0.0

    @property
    def is_exact(self) -> bool:
        """Whether times behind damage are known and not estimated."""
        return self._declared is not None

    @property
    def awaits_scan(self) -> bool:
        """Whether `scan` would make the following times exact."""
        return self._declared is not None and self._density is None

    def scan(self, packets: Iterable["Packet[AudioStream]"]) -> None:
        """Learn from all packets of the file how many frames the damaged places stand for."""
        intact = damaged = 0
        for packet in packets:
            if _is_intact(packet):
                intact += 1
            elif packet.size and not is_tag(bytes(packet)):
                damaged += packet.size
        if self._declared is not None and damaged:
            self._density = max(0, self._declared - intact) / damaged

    def add(self, packet: "Packet[AudioStream]") -> None:
        """Count a packet that was decoded."""
        self._intact += 1
        self._intact_bytes += packet.size

    def add_damaged(self, packet: "Packet[AudioStream]") -> None:
        """Count a packet that could not be decoded."""
        if _is_intact(packet) or not packet.duration:
            return  # one frame whose content is damaged
        before = self._frames()
        self._damaged_bytes += packet.size
        frame_s = float(packet.duration * (packet.time_base or Fraction()))
        self.shift_s += frame_s * (self._frames() - before - 1)

    def _frames(self) -> int:
        """Frames that the damaged bytes so far stand for."""
        density = self._density
        if density is None:
            density = self._intact / self._intact_bytes if self._intact_bytes else 0.0
        return round(self._damaged_bytes * density)


def _is_intact(packet: "Packet[AudioStream]") -> bool:
    frame = mp3_frame(bytes(packet)[:4])
    return frame is not None and frame.size == packet.size
