"""Decode any recording that FFmpeg can read to blocks of 16 kHz PCM, mono or with its channels."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from threading import Lock

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from backend.cli.files.media.declared_length import (
    declared_frames,
    declared_s,
    ends_inside_page,
    has_uncounted_sound,
    is_wav,
    origin_s,
)
from backend.cli.files.media.errors import (
    DamagedAudioError,
    EmptyFileError,
    MediaError,
    NotMediaError,
    TooManyChannelsError,
    TruncatedAudioError,
    UnreadableError,
)
from backend.cli.files.media.sound import Sound
from backend.cli.files.media.tracks import audio_tracks, choose_track
from backend.messages.channels import MAX_CHANNELS
from backend.messages.jobs import BYTES_PER_SECOND

BLOCK_MS = 250
_BLOCK = BYTES_PER_SECOND * BLOCK_MS // 1000
# Longest gap, in seconds, in a file without a duration, such as one from a browser.
_LONGEST_UNKNOWN_GAP_S = 600.0
# Encoders pad and containers round, so intact files may be shorter than declared by less than this.
_SHORTFALL_S = 0.5
# Formats whose header declares a length, and whose samples have no other structure.
_RAW_FORMATS = frozenset({"wav", "aiff", "caf", "au", "w64"})
# FFmpeg reads any plain text file as one of these formats.
_NOT_MEDIA = frozenset({"tty", "txt"})
# Playlists and descriptions of streams make FFmpeg read other files. An upload must not name files of the server.
_REFERRING_FORMATS = frozenset(
    ["concat", "dash", "hls", "image2", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp", "vobsub", "webm_dash_manifest"]
)


class Recording:
    """One audio track of a file. Create it with `open_recording`.

    It can be read once, from any thread. `tracks` are the audio tracks of the file, and `track` is the one that is
    read. `declared_s` is the length in the file's header, or None if the header has none or estimates it. `length_s` is
    the best estimate, for progress bars. `position_s` is the end of the last block. `channels` are those of the blocks:
    one, or with `separate` all of the track.
    """

    def __init__(self, path: Path, container: InputContainer, track: int | None, *, separate: bool = False) -> None:
        self.path = path
        self.tracks = audio_tracks(container)
        self.track = choose_track(path, self.tracks, track)
        stream = container.streams.audio[self.track.number - 1]
        self.declared_s = declared_s(path, container, stream)
        self.length_s = self.declared_s or (container.duration or 0) / av.time_base or None
        self.position_s = 0.0
        self._container = container
        self.channels = _count_channels(path, stream) if separate else 1
        self._block_bytes, self._bytes_per_s = _BLOCK * self.channels, BYTES_PER_SECOND * self.channels
        # A longer gap comes from a damaged timestamp.
        longest_gap_s = max(self.length_s or 0.0, (container.duration or 0) / av.time_base) or _LONGEST_UNKNOWN_GAP_S
        self._sound = Sound(
            container,
            stream,
            origin_s=origin_s(container),
            longest_gap_s=longest_gap_s,
            declared_frames=declared_frames(path, container),
            channels=self.channels if separate else None,
        )
        # Lost samples leave no trace in such formats.
        codec = stream.codec_context  # None if FFmpeg does not know the codec
        self._is_raw = bool(codec) and codec.name.startswith("pcm_") and container.format.name in _RAW_FORMATS
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
        """Close the file, after a block that another thread is reading. Then there are no more blocks."""
        with self._reading:
            self._blocks = iter(())
            self._container.close()

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
        if is_short or self._sound.ends_damaged or ends_inside_page(self.path, self._container.format.name):
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
    try:
        # With "file:", a name such as "10:30.wav" is not parsed as a protocol.
        options = {"protocol_whitelist": "file", "format_whitelist": _self_contained_formats()}
        options |= _wav_options(path) if is_wav(path) else {}
        timeout = (open_timeout_s, None)
        container = av.open(f"file:{path}", metadata_errors="replace", container_options=options, timeout=timeout)
    except av.error.ArgumentError:  # not on the list of formats
        raise _not_media(path) from None
    except (av.FFmpegError, OSError) as error:
        raise _open_error(path, error) from None
    with container:
        if container.format.name in _NOT_MEDIA:
            raise _not_media(path)
        with closing(Recording(path, container, track, separate=separate)) as recording:
            yield recording


def _wav_options(path: Path) -> dict[str, str]:
    # FFmpeg looks for other codecs, such as AC-3, in samples of 16 bits. By default it takes 7 ms, with so few packets
    # one millisecond. It finds the same codecs.
    options = {"max_probe_packets": "4"}
    return options | ({"ignore_length": "1"} if has_uncounted_sound(path) else {})


@cache
def _self_contained_formats() -> str:
    """The names of all formats whose files contain their own data, as FFmpeg's option needs them."""
    return ",".join(sorted(av.formats_available - _REFERRING_FORMATS))


def _count_channels(path: Path, stream: AudioStream) -> int:
    """The channels of a track. Raises TooManyChannelsError."""
    count = stream.codec_context.channels if stream.codec_context else 1
    if count > MAX_CHANNELS:
        raise TooManyChannelsError(f"{path} has {count} channels: at most {MAX_CHANNELS} are recognized separately")
    return max(count, 1)


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
