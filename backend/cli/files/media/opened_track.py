"""An opened file, and the audio track of it that a recording reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.cli.files.media.damage import Damage
from backend.cli.files.media.tracks import Track


class TrackSound(Protocol):
    """The sound of one track, which is read once.

    `damage` is complete when it has been read. `ends_damaged`: the last packets could not be decoded.
    `has_exact_times`: times behind damage are known and not estimated.
    """

    @property
    def damage(self) -> Damage: ...

    @property
    def ends_damaged(self) -> bool: ...

    @property
    def has_exact_times(self) -> bool: ...

    def read(self) -> Iterator[bytes]:
        """Yield s16le PCM, 16 kHz."""
        ...


@dataclass(frozen=True, slots=True)
class OpenedTrack:
    """The audio tracks of a file, and the sound of the one that is read. Lengths are those of `Recording`.

    `is_raw`: the header declares the length, and the samples have no other structure.
    """

    tracks: Sequence[Track]
    track: Track
    sound: TrackSound
    format_name: str
    declared_s: float | None
    length_s: float | None
    channels: int = 1
    is_raw: bool = False
