"""Decode any recording that FFmpeg can read to blocks of 16 kHz PCM, mono or with its channels."""

import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Lock

from backend.cli.files.media.declared_length import ends_inside_page
from backend.cli.files.media.errors import (
    DamagedAudioError,
    EmptyFileError,
    NotMediaError,
    TruncatedAudioError,
    UnreadableError,
)
from backend.cli.files.media.ffmpeg_track import opened_by_ffmpeg
from backend.cli.files.media.opened_track import OpenedTrack
from backend.cli.files.media.plain_wav import opened_plain_wav
from backend.messages.jobs import BYTES_PER_SECOND

BLOCK_MS = 250
_BLOCK = BYTES_PER_SECOND * BLOCK_MS // 1000
# Encoders pad and containers round, so intact files may be shorter than declared by less than this.
_SHORTFALL_S = 0.5


class Recording:
    """One audio track of a file. Create it with `open_recording`.

    It can be read once, from any thread. `tracks` are the audio tracks of the file, and `track` is the one that is
    read. `declared_s` is the length in the file's header, or None if the header has none or estimates it. `length_s` is
    the best estimate, for progress bars. `position_s` is the end of the last block. `channels` are those of the blocks:
    one, or with `separate` all of the track.
    """

    def __init__(self, path: Path, opened: OpenedTrack) -> None:
        self.path = path
        self.tracks, self.track = opened.tracks, opened.track
        self.declared_s, self.length_s, self.channels = opened.declared_s, opened.length_s, opened.channels
        self.position_s = 0.0
        self._block_bytes, self._bytes_per_s = _BLOCK * self.channels, BYTES_PER_SECOND * self.channels
        self._sound, self._format_name, self._is_raw = opened.sound, opened.format_name, opened.is_raw
        self._blocks = self._blocks_of_file()
        self._reading = Lock()

    def read(self) -> bytes:
        """Return the next block: s16le, 16 kHz, 250 ms (the last may be shorter), interleaved. Empty at the end.

        Damaged or missing packets are replaced by silence of the same length. After the last block it raises
        TruncatedAudioError or DamagedAudioError if sound is missing, and NotMediaError or EmptyFileError if there was
        none.
        """
        with self._reading:
            return next(self._blocks, b"")

    def close(self) -> None:
        """Read no more, after a block that another thread is reading: then the file may be closed."""
        with self._reading:
            self._blocks = iter(())

    def _blocks_of_file(self) -> Iterator[bytes]:
        """Yield all blocks, then raise an error if the file is damaged."""
        pending = bytearray()
        sent = 0
        for pcm in self._sound.read():
            pending += pcm
            while len(pending) >= self._block_bytes:
                sent += self._block_bytes
                self.position_s = sent / self._bytes_per_s
                yield bytes(pending[: self._block_bytes])
                del pending[: self._block_bytes]
        self.position_s = (sent + len(pending)) / self._bytes_per_s
        if pending:
            yield bytes(pending)
        self._check_complete()

    def _check_complete(self) -> None:
        """Raise an error if the file, which has been read to its end, is not complete."""
        position, declared, damage = self.position_s, self.declared_s or 0.0, self._sound.damage
        if position == 0 and self._sound.ends_damaged:
            raise NotMediaError(f"{self.path} contains sound that cannot be decoded: it is damaged or encrypted")
        # A short file may lose all of its sound without a damaged packet, if its index points elsewhere.
        if position == 0 and declared <= _SHORTFALL_S:
            raise EmptyFileError(f"{self.path} contains no sound")
        is_short = declared - position > max(_SHORTFALL_S, declared / 1000)
        if is_short or self._sound.ends_damaged or ends_inside_page(self.path, self._format_name):
            end = f"{position:.1f} s of {declared:.1f} s" if is_short else f"{position:.1f} s"
            end += ", or sound before its end is missing" if self._is_raw else ""
            also = f". It is also damaged {damage}{self._doubt()}" if damage else ""
            raise TruncatedAudioError(f"{self.path} is truncated: it ends at {end}{also}")
        if self._is_raw and declared and position - declared > _SHORTFALL_S:
            more = f"contains {position:.1f} s of sound although its header declares {declared:.1f} s"
            raise DamagedAudioError(f"{self.path} {more}. All of it was transcribed")
        if damage:
            raise DamagedAudioError(f"{self.path} is damaged {damage}; the rest was transcribed{self._doubt()}")

    def _doubt(self) -> str:
        return "" if self._sound.has_exact_times else ". Times after the damage are estimates"


@contextmanager
def open_recording(
    path: Path, track: int | None = None, *, separate: bool = False, open_timeout_s: float | None = None
) -> Iterator[Recording]:
    """Open a recording to read the audio track with this number, counted from 1, or the default track.

    With `separate`, its channels are interleaved in each block, otherwise mixed. `open_timeout_s` limits the time to
    find the tracks. Raises a MediaError if the recording cannot be read.
    """
    _check_readable(path)
    with ExitStack() as stack:
        opened = stack.enter_context(opened_plain_wav(path, track))
        if opened is None:
            by_ffmpeg = opened_by_ffmpeg(path, track, separate=separate, open_timeout_s=open_timeout_s)
            opened = stack.enter_context(by_ffmpeg)
        yield stack.enter_context(closing(Recording(path, opened)))


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
