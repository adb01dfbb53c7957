"""Opens a file with FFmpeg, which finds its format."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from backend.cli.files.media.declared_length import declared_frames, declared_s, has_uncounted_sound, is_wav, origin_s
from backend.cli.files.media.errors import (
    MediaError,
    NotMediaError,
    TooManyChannelsError,
    TruncatedAudioError,
    UnreadableError,
)
from backend.cli.files.media.opened_track import OpenedTrack
from backend.cli.files.media.sound import Sound
from backend.cli.files.media.tracks import audio_tracks, choose_track
from backend.messages.channels import MAX_CHANNELS

# Longest gap, in seconds, in a file without a duration, such as one from a browser.
_LONGEST_UNKNOWN_GAP_S = 600.0
# Formats whose header declares a length, and whose samples have no other structure.
_RAW_FORMATS = frozenset({"wav", "aiff", "caf", "au", "w64"})
# FFmpeg reads any plain text file as one of these formats.
_NOT_MEDIA = frozenset({"tty", "txt"})
# Playlists and descriptions of streams make FFmpeg read other files. An upload must not name files of the server.
_REFERRING_FORMATS = frozenset(
    ["concat", "dash", "hls", "image2", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp", "vobsub", "webm_dash_manifest"]
)


@contextmanager
def opened_by_ffmpeg(
    path: Path, number: int | None, *, separate: bool = False, open_timeout_s: float | None = None
) -> Iterator[OpenedTrack]:
    """Open a file to read its audio track with this number. Arguments and errors are those of `open_recording`."""
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
        yield _opened(path, container, number, separate)


def _opened(path: Path, container: InputContainer, number: int | None, separate: bool) -> OpenedTrack:
    tracks = audio_tracks(container)
    track = choose_track(path, tracks, number)
    stream = container.streams.audio[track.number - 1]
    declared, estimate_s = declared_s(path, container, stream), (container.duration or 0) / av.time_base
    length_s = declared or estimate_s or None
    channels = _count_channels(path, stream) if separate else 1
    sound = Sound(
        container,
        stream,
        origin_s=origin_s(container),
        # A longer gap comes from a damaged timestamp.
        longest_gap_s=max(length_s or 0.0, estimate_s) or _LONGEST_UNKNOWN_GAP_S,
        declared_frames=declared_frames(path, container),
        channels=channels if separate else None,
    )
    # Lost samples leave no trace in such formats.
    codec = stream.codec_context  # None if FFmpeg does not know the codec
    is_raw = bool(codec) and codec.name.startswith("pcm_") and container.format.name in _RAW_FORMATS
    return OpenedTrack(tracks, track, sound, container.format.name, declared, length_s, channels, is_raw)


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
