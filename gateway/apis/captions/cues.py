"""Divides the lines of a room into cues that fit on a screen. Pure.

The files that `nova transcribe` writes are divided with more care (backend/cli/files/subtitles), at milliseconds of
processor time for each line. A gateway that serves live captions has no time for that.
"""

from collections.abc import Iterator
from itertools import accumulate, pairwise

from backend.cli.files.subtitles.limits import LINGER_MS, MAX_LINES, MIN_CUE_MS, CueLimits
from backend.cli.files.subtitles.timing import Cue
from backend.text.line_breaks import split_anywhere, split_phrases

_LIMITS = CueLimits()


def cues_of(text: str, language: str, voice: str, start_ms: int, end_ms: int) -> Iterator[Cue]:
    """Divide a line between these times into cues, which follow each other. The last one stays a little longer."""
    parts = divided(" ".join(text.split()), language)
    characters = sum(map(len, parts))
    places = [0, *accumulate(map(len, parts))]
    times = [start_ms + (end_ms - start_ms) * place // characters for place in places]
    times[-1] = max(times[-1] + LINGER_MS, times[-2] + MIN_CUE_MS)
    for part, (start, end) in zip(parts, pairwise(times), strict=True):
        yield Cue(start, end, (part.strip(),), voice)


def divided(text: str, language: str) -> list[str]:
    """Divide a text into parts of similar length that each fit on two lines; joined, they are the text."""
    limit = MAX_LINES * _LIMITS.for_text(text, language).line_length
    if len(text) <= limit:
        return [text]
    ideal = len(text) / -(-len(text) // limit)
    parts = [""]
    for piece in _pieces(text, language, limit):
        if parts[-1] and (len(parts[-1]) >= ideal or len(parts[-1] + piece.rstrip()) > limit):
            parts.append("")
        parts[-1] += piece
    return parts


def _pieces(text: str, language: str, limit: int) -> Iterator[str]:
    for phrase in split_phrases(text, language):
        yield from split_anywhere(phrase, limit) if len(phrase) > limit else (phrase,)
