"""The audio tracks of a file: their names, and which one is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from backend.cli.files.media.errors import NoAudioError, NoTrackError
from backend.text.printable import printable


@dataclass(frozen=True, slots=True)
class Track:
    """An audio track. `number` counts the audio tracks of the file from 1. Strings are empty if the file has none."""

    number: int
    language: str
    title: str
    codec: str
    is_default: bool

    def __str__(self) -> str:
        title = f'"{self.title}"' if self.title else ""
        facts = filter(None, (self.language, title, self.codec, "default" if self.is_default else ""))
        return f"{self.number} ({', '.join(facts)})"


def audio_tracks(container: InputContainer) -> list[Track]:
    """The audio tracks, in the order of the file."""
    return [_track(number, stream) for number, stream in enumerate(container.streams.audio, 1)]


def name_tracks(tracks: Sequence[Track]) -> str:
    """The tracks in one line, as they are printed."""
    return printable(", ".join(map(str, tracks)))


def choose_track(path: Path, tracks: Sequence[Track], number: int | None) -> Track:
    """Return the track with this number; None: the one that is marked as default, or the first one.

    Raises NoAudioError and NoTrackError.
    """
    if not tracks:
        raise NoAudioError(f"{path} has no audio track")
    if number is None:
        return next((track for track in tracks if track.is_default), tracks[0])
    if number > len(tracks):
        raise NoTrackError(f"{path} has no audio track {number}. Its audio tracks: {name_tracks(tracks)}")
    return tracks[number - 1]


def _track(number: int, stream: AudioStream) -> Track:
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown codec"
    language = stream.metadata.get("language", "")
    is_default = bool(stream.disposition & Disposition.default)
    return Track(number, "" if language == "und" else language, stream.metadata.get("title", ""), codec, is_default)
