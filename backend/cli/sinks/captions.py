"""Divides utterances into the captions of a sink. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.cli.files.subtitles.cues import split_into_cues
from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.subtitles.units import TimedText


@dataclass(frozen=True, slots=True)
class LiveCaption:
    """Lines that are shown together. `spoken_at` is the Unix time at which their speech begins."""

    lines: tuple[str, ...]
    language: str
    spoken_at: float


def live_captions(utterance: Sequence[TimedText], limits: CueLimits, began_at: float, now: float) -> list[LiveCaption]:
    """The captions of an utterance, which may have parts by several speakers.

    `began_at` is the Unix time of position 0. A playlist is ahead of real time, so no caption is later than `now`.
    """
    return [
        LiveCaption(cue.lines, part.language, min(began_at + cue.start_ms / 1000, now))
        for part in utterance
        for cue in split_into_cues([part], limits)
    ]
