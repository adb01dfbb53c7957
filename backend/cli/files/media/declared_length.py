"""The length that a file declares, which distinguishes a truncated file from a short one.

FFmpeg reports it for most containers. For WAV and Ogg it reports the length of the existing data, and for MP3 without
a Xing header it estimates, so these three formats are parsed here.
"""

import os
import struct
from math import isfinite
from pathlib import Path
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from backend.cli.files.media.frame_count import Mp3Frame, mp3_frame

# Formats with the number of samples in the header.
_EXACT = frozenset({"aiff", "caf", "flac", "mov", "mp4"})
# MP4 whose first sound or picture is later than this is a part of a live stream.
_LATEST_MP4_S = 600.0
# Programs that write WAV to a pipe do not know the length and write about this value or more.
_UNKNOWN_LENGTH = 0x7FFF_0000
# Chunks of a WAV file that are examined. Files have a few; a file of empty chunks would keep a core busy for minutes.
MAX_CHUNKS = 1_000
# RFC 3533: a header of 27 bytes, a table of 255 segments, and 255 bytes per segment.
_MAX_PAGE_BYTES = 27 + 255 + 255 * 255


def declared_s(path: Path, container: InputContainer, stream: AudioStream) -> float | None:
    """The length in seconds according to the file's header, or None."""
    names = frozenset(container.format.name.split(","))
    if "matroska" in names:
        return _matroska_s(container, stream)
    if "wav" in names:
        with path.open("rb") as file:
            return wav_s(file)
    if "mp3" in names:
        with path.open("rb") as file:
            return mp3_s(file)
    if not names & _EXACT or stream.duration is None or stream.time_base is None:
        return None
    late_s = float((stream.start_time or 0) * stream.time_base) - origin_s(container)
    return float(stream.duration * stream.time_base) + max(0.0, late_s)


def origin_s(container: InputContainer) -> float:
    """The timestamp at which the recording begins.

    It is 0 if the file has a length that includes its beginning: Matroska, and edit lists of MP4. Other files, and
    parts of a live stream, begin with their first sound or picture.
    """
    start_s, names = (container.start_time or 0) / av.time_base, container.format.name.split(",")
    latest_s = (
        (container.duration or 0) / av.time_base if "matroska" in names else _LATEST_MP4_S if "mov" in names else 0
    )
    return 0.0 if 0 < start_s <= latest_s else start_s


def _matroska_s(container: InputContainer, stream: AudioStream) -> float | None:
    """The tag of the track, or the length of the file if it has no other track that may be longer."""
    if (tag_s := _clock_s(stream.metadata.get("DURATION", ""))) is not None:
        return tag_s
    if container.duration is None or len(container.streams) > 1:
        return None
    return container.duration / av.time_base


def _clock_s(tag: str) -> float | None:
    """The seconds of a tag such as "00:01:02.5". None if it is not one."""
    try:
        hours, minutes, seconds = tag.split(":")
        total_s = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return None
    return total_s if isfinite(total_s) else None


def wav_s(file: BinaryIO) -> float | None:
    """The length in seconds according to the chunks `fmt ` and `data` of a RIFF file, or None."""
    if file.read(12)[8:] != b"WAVE":
        return None
    bytes_per_second = 0
    for _ in range(MAX_CHUNKS):
        if len(header := file.read(8)) < 8:
            break
        name, size = struct.unpack("<4sI", header)
        if name == b"data":
            known = bytes_per_second and size < _UNKNOWN_LENGTH
            return size / bytes_per_second if known else None
        body = file.tell()
        if name == b"fmt " and len(rate := file.read(12)[8:]) == 4:
            (bytes_per_second,) = struct.unpack("<I", rate)
        file.seek(body + size + size % 2)
    return None


def declared_frames(path: Path, container: InputContainer) -> int | None:
    """The number of frames in the header of an MP3 file. None without one, and for other formats."""
    if container.format.name != "mp3":
        return None
    with path.open("rb") as file:
        return counted_frames(file)[0]


def is_wav(path: Path) -> bool:
    """Whether the file begins with the header of a WAV file."""
    with path.open("rb") as file:
        return wav_s(file) is not None


def has_uncounted_sound(path: Path) -> bool:
    """Return whether a WAV file continues after the chunk that holds its sound, and not with other chunks."""
    with path.open("rb") as file:
        if wav_s(file) is None:
            return False
        # The position is that of the sound.
        file.seek(-4, os.SEEK_CUR)
        (size,) = struct.unpack("<I", file.read(4))
        end, at = os.fstat(file.fileno()).st_size, file.tell() + size
        return not (_are_chunks(file, at, end) or _are_chunks(file, at + at % 2, end))


def _are_chunks(file: BinaryIO, at: int, end: int) -> bool:
    """Whether nothing but complete RIFF chunks follow. Only the first MAX_CHUNKS are examined."""
    for _ in range(MAX_CHUNKS):
        if end - at < 8:
            break
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8))
        at += 8 + size + size % 2
        if not name.isascii() or not name.decode("ascii").isprintable() or at > end + 1:
            return False
    return True


def mp3_s(file: BinaryIO) -> float | None:
    """The length in seconds of an MP3 file that counts its frames, or None."""
    count, frame = counted_frames(file)
    return count * frame.samples / frame.rate if count and frame else None


def counted_frames(file: BinaryIO) -> tuple[int | None, Mp3Frame | None]:
    """The number of frames according to the Xing or Info frame at the beginning of an MP3 file, and its header."""
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        file.seek(size + 10)
        head = b""
    data = head + file.read(200)
    at = max(data.find(b"Xing"), data.find(b"Info"))
    frame = mp3_frame(data)
    has_count = at >= 0 and len(data) >= at + 12 and data[at + 7] & 1
    return (int.from_bytes(data[at + 8 : at + 12], "big") if has_count else None), frame


def ends_inside_page(path: Path, format_name: str) -> bool:
    """Return whether an Ogg file ends within a page (RFC 3533). False for other formats."""
    if format_name != "ogg":
        return False
    with path.open("rb") as file:
        file.seek(-min(os.fstat(file.fileno()).st_size, _MAX_PAGE_BYTES), os.SEEK_END)
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
