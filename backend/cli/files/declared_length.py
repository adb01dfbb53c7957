"""How long a file claims to be: what tells a file that was cut off from one that is short.

FFmpeg answers for most containers, but trusts what is there for WAV and Ogg, and guesses for bare MP3; those three
are looked into here.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

_EXACT = frozenset({"aiff", "caf", "flac", "mov", "mp4"})
"""Formats whose header counts the samples."""
_UNKNOWN_LENGTH = 0x7FFF_0000
"""Programs that write WAV into a pipe put about this, or more, for a length that they do not know."""
_LARGEST_PAGE = 27 + 255 + 255 * 255


def declared_s(path: Path, container: InputContainer, stream: AudioStream) -> float | None:
    """Seconds of sound that the file's own header promises; None where it promises nothing."""
    names = frozenset(container.format.name.split(","))
    if "matroska" in names:
        return _matroska_s(container, stream)
    if "wav" in names:
        with path.open("rb") as file:
            return wav_s(file)
    exact = bool(names & _EXACT)
    if "mp3" in names:
        with path.open("rb") as file:
            exact = counts_frames(file)
    if not exact or stream.duration is None or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def _matroska_s(container: InputContainer, stream: AudioStream) -> float | None:
    """The track's own tag; else the file's length, if there is no picture that may outlast the sound."""
    if tag := stream.metadata.get("DURATION"):
        hours, minutes, seconds = tag.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    if container.duration is None or len(container.streams) > 1:
        return None
    return container.duration / av.time_base


def wav_s(file: BinaryIO) -> float | None:
    """What the chunks `fmt ` and `data` of a RIFF file promise, whether or not the file goes on so far."""
    if file.read(12)[8:] != b"WAVE":
        return None
    bytes_per_second = 0
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", header)
        if name == b"data":
            known = bytes_per_second and size < _UNKNOWN_LENGTH
            return size / bytes_per_second if known else None
        body = file.tell()
        if name == b"fmt " and len(rate := file.read(12)[8:]) == 4:
            (bytes_per_second,) = struct.unpack("<I", rate)
        file.seek(body + size + size % 2)
    return None


def counts_frames(file: BinaryIO) -> bool:
    """Whether an MP3 file begins with a Xing or Info frame, which counts the others."""
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        file.seek(size + 10)
        head = b""
    frame = head + file.read(200)
    return b"Xing" in frame or b"Info" in frame


def ends_inside_page(path: Path, format_name: str) -> bool:
    """Whether an Ogg file ends in the middle of a page (RFC 3533); False for any other format."""
    if format_name != "ogg":
        return False
    with path.open("rb") as file:
        file.seek(-min(os.fstat(file.fileno()).st_size, _LARGEST_PAGE), os.SEEK_END)
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
