"""Any recording that FFmpeg reads, as 16 kHz mono blocks; and what can be wrong with a file, in one tree.

MediaError                a file that cannot be transcribed, or not to its end
|- UnreadableError        `unreadable`: missing, a directory, or not ours to read
|- EmptyFileError         `empty_file`: no bytes, or no sound in them
|- NotMediaError          `not_media`: nothing that any demuxer or decoder knows
|- NoAudioError           `no_audio`: pictures or subtitles only
'- TruncatedAudioError    `truncated_audio`: it breaks off; what comes before was used
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from backend.cli.files.declared_length import declared_s, ends_inside_page
from backend.errors import NovaError
from backend.messages.jobs import BYTES_PER_SECOND, SAMPLE_RATE

BLOCK_MS = 250
_BLOCK = BYTES_PER_SECOND * BLOCK_MS // 1000
_GAP_S = 0.1
"""From here on a hole in the sound becomes silence, so that times stay those of the file."""
_SHORTFALL_S = 0.5
"""Encoders pad, and containers round: less than this is missing from many sound files."""
_NOT_MEDIA = frozenset({"tty", "txt"})
"""Formats as which FFmpeg draws plain text."""


class MediaError(NovaError):
    """A file that cannot be transcribed, or not to its end."""

    code = "media"


class UnreadableError(MediaError):
    """Missing, a directory, or not ours to read."""

    code = "unreadable"


class EmptyFileError(MediaError):
    """No bytes, or no sound in them."""

    code = "empty_file"


class NotMediaError(MediaError):
    """Nothing that any demuxer or decoder knows."""

    code = "not_media"


class NoAudioError(MediaError):
    """Pictures or subtitles only."""

    code = "no_audio"


class TruncatedAudioError(MediaError):
    """The file breaks off; what comes before was used."""

    code = "truncated_audio"


class Recording:
    """The first audio stream of a file. Made by `opened`; read once, in any threads, one after the other."""

    def __init__(self, path: Path, container: InputContainer, stream: AudioStream) -> None:
        self.path = path
        self.declared_s = declared_s(path, container, stream)
        """Seconds that the file claims to hold; None where it does not say, or only guesses."""
        self.length_s = self.declared_s or (container.duration or 0) / av.time_base or None
        """The best guess at its length, for progress bars."""
        self.position_s = 0.0
        """How far `read` has come, in seconds of the file."""
        self._container, self._stream = container, stream
        self._from_s = (container.start_time or 0) / av.time_base
        self._clipped = False
        self._blocks = self._decoded()
        self._utilization = Lock()

    def read(self) -> bytes:
        """The next block: s16le PCM, 16 kHz mono, 250 ms (the last may be shorter); empty at the end.

        Where packets are damaged or missing there is silence of the same length. Raises, after the last block:
        TruncatedAudioError when the file breaks off, NotMediaError or EmptyFileError when there was no sound at all.
        """
        with self._utilization:
            return next(self._blocks, b"")

    def close(self) -> None:
        """Let go of the file, once a thread that still reads has its block."""
        with self._utilization:
            self._container.close()

    def _decoded(self) -> Iterator[bytes]:
        """Blocks to the end, then the verdict."""
        pending = bytearray()
        sent = 0
        for piece in self._pieces():
            pending += piece
            while len(pending) >= _BLOCK:
                sent += _BLOCK
                self.position_s = sent / BYTES_PER_SECOND
                yield bytes(pending[:_BLOCK])
                del pending[:_BLOCK]
        self.position_s = (sent + len(pending)) / BYTES_PER_SECOND
        if pending:
            yield bytes(pending)
        self._judge()

    def _pieces(self) -> Iterator[bytes]:
        """Decoded frames resampled, with silence where the file has holes."""
        resampler, layout = _resampler(), None
        written = 0
        for frame in self._frames():
            if layout not in (None, (frame.format.name, frame.layout.name, frame.sample_rate)):
                resampler = _resampler()  # broadcasts change their layout midway
            layout = (frame.format.name, frame.layout.name, frame.sample_rate)
            hole_s = 0.0 if frame.time is None else frame.time - self._from_s - written / BYTES_PER_SECOND
            if self.length_s and _GAP_S < hole_s < self.length_s:
                silence = bytes(2 * round(hole_s * SAMPLE_RATE))
                written += len(silence)
                yield silence
            for piece in resampler.resample(frame):
                data = piece.to_ndarray().astype("<i2", copy=False).tobytes()
                written += len(data)
                yield data
        for rest in resampler.resample(None):
            if rest is not None:
                yield rest.to_ndarray().astype("<i2", copy=False).tobytes()

    def _frames(self) -> Iterator[av.AudioFrame]:
        """All that can be decoded; a damaged packet costs itself only."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):
                self._clipped = True
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self._clipped = True
                continue
            self._clipped = self._clipped and packet.size == 0
            yield from frames

    def _judge(self) -> None:
        """Say what is wrong with a file that has been read to its end."""
        position, declared = self.position_s, self.declared_s
        if position == 0 and self._clipped:
            raise NotMediaError(f"{self.path} holds sound that cannot be decoded: it is damaged or encrypted")
        if position == 0 and not declared:
            raise EmptyFileError(f"{self.path} holds no sound at all")
        if declared and declared - position > max(_SHORTFALL_S, declared / 1000):
            reached = f"after {position:.1f} s of {declared:.1f} s"
        elif self._clipped or ends_inside_page(self.path, self._container.format.name):
            reached = f"after {position:.1f} s"
        else:
            return
        raise TruncatedAudioError(f"{self.path} breaks off {reached}")


@contextmanager
def opened(path: Path) -> Iterator[Recording]:
    """Open a recording. Raises MediaError, one of the tree above."""
    _check_readable(path)
    try:
        # "file:", so that a name like "10:30.wav" is no protocol; and a playlist reaches nothing on the network.
        container = av.open(f"file:{path}", metadata_errors="replace", container_options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError) as error:
        raise _unopened(path, error) from None
    with container:
        if container.format.name in _NOT_MEDIA:
            raise _not_media(path)
        if not container.streams.audio:
            raise NoAudioError(f"{path} has no audio track")
        with closing(Recording(path, container, container.streams.audio[0])) as recording:
            yield recording


def _check_readable(path: Path) -> None:
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            with path.open("rb"):
                pass
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableError(f"{path} cannot be read: it is a directory")
    if stat.S_ISREG(found.st_mode) and found.st_size == 0:
        raise EmptyFileError(f"{path} is empty")


def _unopened(path: Path, error: Exception) -> MediaError:
    if isinstance(error, OSError) and not isinstance(error, av.error.InvalidDataError):
        return UnreadableError(f"{path} cannot be read: {error.strerror or os.strerror(error.errno or 0)}")
    with path.open("rb") as file:
        is_mp4 = file.read(8)[4:] == b"ftyp"
    if is_mp4:
        return TruncatedAudioError(f"{path} breaks off before its index, so nothing in it can be found")
    return _not_media(path)


def _not_media(path: Path) -> NotMediaError:
    return NotMediaError(f"{path} is neither audio nor video")


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
