"""Reads WAV files with one channel of 16-bit samples without FFmpeg.

Most uploads are such files. FFmpeg takes milliseconds to open one, and more to pass on its samples in small packets.
The result is the same, bit for bit. All other files, damaged ones included, are left to FFmpeg: two channels of 16 bits
may contain another codec.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from backend.audio.downmix import Waveform
from backend.audio.resampler import Resampler
from backend.cli.files.media.damage import Damage
from backend.cli.files.media.declared_length import has_uncounted_sound, wav_s
from backend.cli.files.media.opened_track import OpenedTrack
from backend.cli.files.media.tracks import Track, choose_track
from backend.messages.jobs import SAMPLE_RATE

# Other rates are damaged headers, or rare.
_RATES = range(8_000, 192_001)
# Longest header, and bytes after the samples, that are examined.
_MAX_OTHER_BYTES = 1 << 16
# Format tag, channels, and bits per sample.
_MONO_16_BIT = (1, 1, 16)


@dataclass(frozen=True, slots=True)
class PlainWav:
    """The rate of the samples, and their bytes in the file."""

    rate: int
    begin: int
    end: int

    @property
    def seconds(self) -> float:
        """The length."""
        return (self.end - self.begin) / (2 * self.rate)


class PlainSound:
    """The samples of a file, converted to 16 kHz."""

    ends_damaged = False
    has_exact_times = True

    def __init__(self, file: BinaryIO, wav: PlainWav) -> None:
        self.damage = Damage()
        self._file, self._wav = file, wav

    def read(self) -> Iterator[bytes]:
        """Yield s16le PCM, 16 kHz, in pieces of 250 ms."""
        resampler = Resampler(self._wav.rate)
        for data in self._pieces():
            yield data if self._wav.rate == SAMPLE_RATE else resampler.resample(_waveform(data)).tobytes()
        yield resampler.flush().tobytes()

    def _pieces(self) -> Iterator[bytes]:
        # As long as those of FrameConverter: the filter sees the same input.
        left, size = self._wav.end - self._wav.begin, 2 * (self._wav.rate // 4)
        self._file.seek(self._wav.begin)
        while left > 0 and (data := self._file.read(min(size, left))):
            left -= len(data)
            yield data


def _waveform(data: bytes) -> Waveform:
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768)


@contextmanager
def opened_plain_wav(path: Path, number: int | None) -> Iterator[OpenedTrack | None]:
    """Open a file to read its audio track with this number, counted from 1. None: the file needs FFmpeg.

    Raises NoTrackError and OSError.
    """
    with path.open("rb") as file:
        if (wav := _find(file)) is None or has_uncounted_sound(path):
            yield None
            return
        tracks = [Track(number=1, language="", title="", codec="pcm_s16le", is_default=False)]
        track = choose_track(path, tracks, number)
        yield OpenedTrack(tracks, track, PlainSound(file, wav), "wav", wav.seconds, wav.seconds, is_raw=True)


def _find(file: BinaryIO) -> PlainWav | None:
    """The samples of a complete file with one channel of 16 bits; None for all others."""
    header = file.read(12)
    if not header.startswith(b"RIFF") or wav_s(_rewound(file)) is None:
        return None
    begin, end = file.tell(), os.fstat(file.fileno()).st_size
    file.seek(begin - 4)
    (size,) = struct.unpack("<I", file.read(4))
    rate = _mono_rate(_rewound(file).read(begin)) if begin <= _MAX_OTHER_BYTES else None
    if rate is None or not size or size % 2 or begin + size > end or _continues(file, begin + size, end):
        return None
    return PlainWav(rate, begin, begin + size)


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _mono_rate(header: bytes) -> int | None:
    """The rate in the only chunk `fmt ` of a header, if it describes one channel of 16-bit samples."""
    at = header.find(b"fmt ")
    if at < 0 or header.count(b"fmt ") > 1 or len(header) < at + 24:
        return None
    tag, channels, rate, per_second, _, bits = struct.unpack_from("<HHIIHH", header, at + 8)
    is_plain = (tag, channels, bits) == _MONO_16_BIT and per_second == 2 * rate
    return rate if is_plain and rate in _RATES else None


def _continues(file: BinaryIO, at: int, end: int) -> bool:
    """Whether more samples may follow: FFmpeg reads all chunks of them."""
    file.seek(at)
    return end - at > _MAX_OTHER_BYTES or b"data" in file.read(end - at)
