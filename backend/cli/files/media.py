"""Decode any recording that FFmpeg can read to blocks of 16 kHz mono PCM."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from backend.cli.files.declared_length import declared_s, ends_inside_page
from backend.errors import NovaError
from backend.messages.jobs import BYTES_PER_SECOND, SAMPLE_RATE

BLOCK_MS = 250
_BLOCK = BYTES_PER_SECOND * BLOCK_MS // 1000
# Longer gaps between frames are filled with silence, so that times stay those of the file.
_GAP_S = 0.1
# Longest gap, in seconds, in a file without a duration, such as one from a browser.
_LONGEST_UNKNOWN_GAP_S = 600.0
# Encoders pad and containers round, so intact files may be shorter than declared by less than this.
_SHORTFALL_S = 0.5
# FFmpeg reads any plain text file as one of these formats.
_NOT_MEDIA = frozenset({"tty", "txt"})


class MediaError(NovaError):
    """A file cannot be transcribed, or not completely."""

    code = "media"


class UnreadableError(MediaError):
    """The file is missing, is a directory, or cannot be read for lack of permission."""

    code = "unreadable"


class EmptyFileError(MediaError):
    """The file has no bytes or no sound."""

    code = "empty_file"


class NotMediaError(MediaError):
    """No demuxer or decoder recognizes the file."""

    code = "not_media"


class NoAudioError(MediaError):
    """The file has no audio track."""

    code = "no_audio"


class TruncatedAudioError(MediaError):
    """The file is truncated. The audio before that point was used."""

    code = "truncated_audio"


class Recording:
    """The default audio track of a file. Create it with `open_recording`.

    It can be read once, from any thread. `declared_s` is the length in the file's header, or None if the header has
    none or estimates it. `length_s` is the best estimate, for progress bars. `position_s` is the end of the last block.
    """

    def __init__(self, path: Path, container: InputContainer, stream: AudioStream) -> None:
        self.path = path
        self.declared_s = declared_s(path, container, stream)
        self.length_s = self.declared_s or (container.duration or 0) / av.time_base or None
        self.position_s = 0.0
        self._container, self._stream = container, stream
        self._from_s = (container.start_time or 0) / av.time_base
        self._damaged = False
        self._blocks = self._blocks_of_file()
        self._reading = Lock()

    def read(self) -> bytes:
        """Return the next block: s16le, 16 kHz mono, 250 ms (the last may be shorter). Empty at the end.

        Damaged or missing packets are replaced by silence of the same length. After the last block it raises
        TruncatedAudioError if the file is truncated, and NotMediaError or EmptyFileError if there was no sound.
        """
        with self._reading:
            return next(self._blocks, b"")

    def close(self) -> None:
        """Close the file, after a block that another thread is reading."""
        with self._reading:
            self._container.close()

    def _blocks_of_file(self) -> Iterator[bytes]:
        """Yield all blocks, then raise an error if the file is damaged."""
        pending = bytearray()
        sent = 0
        for pcm in self._resampled():
            pending += pcm
            while len(pending) >= _BLOCK:
                sent += _BLOCK
                self.position_s = sent / BYTES_PER_SECOND
                yield bytes(pending[:_BLOCK])
                del pending[:_BLOCK]
        self.position_s = (sent + len(pending)) / BYTES_PER_SECOND
        if pending:
            yield bytes(pending)
        self._check_complete()

    def _resampled(self) -> Iterator[bytes]:
        """Yield resampled frames, with silence in place of gaps."""
        resampler, layout = _resampler(), None
        written = 0
        for frame in self._frames():
            if layout not in (None, (frame.format.name, frame.layout.name, frame.sample_rate)):
                resampler = _resampler()  # recorded broadcasts may change their layout
            layout = (frame.format.name, frame.layout.name, frame.sample_rate)
            gap_s = 0.0 if frame.time is None else frame.time - self._from_s - written / BYTES_PER_SECOND
            if _GAP_S < gap_s < self._longest_gap_s():
                silence = bytes(2 * round(gap_s * SAMPLE_RATE))
                written += len(silence)
                yield silence
            for resampled in resampler.resample(_finite(frame)):
                data = resampled.to_ndarray().astype("<i2", copy=False).tobytes()
                written += len(data)
                yield data
        for rest in resampler.resample(None):
            if rest is not None:
                yield rest.to_ndarray().astype("<i2", copy=False).tobytes()

    def _longest_gap_s(self) -> float:
        """A longer gap comes from a damaged timestamp."""
        return max(self.length_s or 0.0, (self._container.duration or 0) / av.time_base) or _LONGEST_UNKNOWN_GAP_S

    def _frames(self) -> Iterator[av.AudioFrame]:
        """Yield all frames that can be decoded. Damaged packets are skipped."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):
                self._damaged = True
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self._damaged = True
                continue
            # Good packets after a damaged one prove that the file is not truncated there.
            self._damaged = self._damaged and packet.size == 0
            yield from frames

    def _check_complete(self) -> None:
        """Raise an error if the file, which has been read to its end, is not complete."""
        position, declared = self.position_s, self.declared_s
        if position == 0 and self._damaged:
            raise NotMediaError(f"{self.path} contains sound that cannot be decoded: it is damaged or encrypted")
        # A short file may lose all of its sound without a damaged packet, if its index points elsewhere.
        if position == 0 and (declared or 0.0) <= _SHORTFALL_S:
            raise EmptyFileError(f"{self.path} contains no sound")
        if declared and declared - position > max(_SHORTFALL_S, declared / 1000):
            reached = f"after {position:.1f} s of {declared:.1f} s"
        elif self._damaged or ends_inside_page(self.path, self._container.format.name):
            reached = f"after {position:.1f} s"
        else:
            return
        raise TruncatedAudioError(f"{self.path} is truncated {reached}")


@contextmanager
def open_recording(path: Path) -> Iterator[Recording]:
    """Open a recording. Raises a MediaError if it cannot be read."""
    _check_readable(path)
    try:
        # With "file:", a name such as "10:30.wav" is not parsed as a protocol. The whitelist keeps playlists from
        # accessing the network.
        container = av.open(f"file:{path}", metadata_errors="replace", container_options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError) as error:
        raise _open_error(path, error) from None
    with container:
        if container.format.name in _NOT_MEDIA:
            raise _not_media(path)
        if not container.streams.audio:
            raise NoAudioError(f"{path} has no audio track")
        with closing(Recording(path, container, _default_track(container))) as recording:
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


def _open_error(path: Path, error: Exception) -> MediaError:
    if isinstance(error, OSError) and not isinstance(error, av.error.InvalidDataError):
        return UnreadableError(f"{path} cannot be read: {error.strerror or os.strerror(error.errno or 0)}")
    with path.open("rb") as file:
        is_mp4 = file.read(8)[4:] == b"ftyp"
    if is_mp4:
        return TruncatedAudioError(f"{path} is truncated before its index, so it cannot be decoded")
    return _not_media(path)


def _not_media(path: Path) -> NotMediaError:
    return NotMediaError(f"{path} is neither audio nor video")


def _default_track(container: InputContainer) -> AudioStream:
    """The audio track that is marked as default, or the first one."""
    tracks = container.streams.audio
    return next((track for track in tracks if track.disposition & Disposition.default), tracks[0])


def _finite(frame: av.AudioFrame) -> av.AudioFrame:
    """The same frame, with silence in place of samples that are not numbers."""
    if not frame.format.name.startswith(("flt", "dbl")):
        return frame
    samples = frame.to_ndarray()
    if np.isfinite(samples).all():
        return frame
    finite = np.where(np.isfinite(samples), samples, samples.dtype.type(0))
    repaired = av.AudioFrame.from_ndarray(finite, format=frame.format.name, layout=frame.layout.name)
    repaired.sample_rate, repaired.pts, repaired.time_base = frame.sample_rate, frame.pts, frame.time_base
    return repaired


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
