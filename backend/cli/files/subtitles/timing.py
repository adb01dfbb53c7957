"""When each cue is shown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.cli.files.subtitles.limits import COMFORTABLE, LINGER_MS, LONGEST_LINGER_MS, MAX_CUE_MS, MIN_CUE_MS
from backend.cli.files.subtitles.lines import joined
from backend.cli.files.subtitles.units import Unit


@dataclass(frozen=True, slots=True)
class Cue:
    """The lines that are shown together. `voice` names their speaker, if that is known."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    voice: str = ""


def cue_times(cues: Sequence[Sequence[Unit]], gap_ms: int) -> list[tuple[int, int]]:
    """Return when each cue begins and ends.

    A cue begins with its first word, or a little later if viewers need the time to read the one before it. It stays
    after its last word if there is room, and longer if viewers need that to read it.
    """
    starts = _first_words(cues, gap_ms)
    # The last cue first: its surplus can be passed on from cue to cue.
    for place in range(len(cues) - 2, -1, -1):
        starts[place + 1] += _delay_ms(cues, starts, place, gap_ms)
    ends = [_wanted_end(cue, start) for cue, start in zip(cues, starts, strict=True)]
    rooms = [start - gap_ms for start in starts[1:]]
    return list(zip(starts, [*map(min, ends, rooms), *ends[-1:]], strict=True))


def _first_words(cues: Sequence[Sequence[Unit]], gap_ms: int) -> list[int]:
    """Return when each cue begins: with its first word, but not before the last one has been shown for a moment."""
    starts: list[int] = []
    for cue in cues:
        earliest = starts[-1] + MIN_CUE_MS + gap_ms if starts else 0
        starts.append(max(cue[0].start_ms, earliest))
    return starts


def _delay_ms(cues: Sequence[Sequence[Unit]], starts: Sequence[int], place: int, gap_ms: int) -> int:
    """Return by how much the cue after `place` begins later, because that at `place` needs its time more."""
    missing = starts[place] + _reading_ms(cues[place]) + gap_ms - starts[place + 1]
    following = cues[place + 1]
    until = _wanted_end(following, starts[place + 1])
    if place + 2 < len(cues):
        until = min(until, starts[place + 2] - gap_ms)
    surplus = until - starts[place + 1] - max(_reading_ms(following), MIN_CUE_MS)
    latest = cues[place][-1].end_ms + LINGER_MS + gap_ms - starts[place + 1]
    longest = starts[place] + MAX_CUE_MS + gap_ms - starts[place + 1]
    return max(min(missing, surplus, latest, longest), 0)


def _reading_ms(cue: Sequence[Unit]) -> int:
    """Return how long it takes to read a cue."""
    return round(len(joined(cue)) * 1000 / cue[0].limits.reading_speed)


def _wanted_end(cue: Sequence[Unit], start_ms: int) -> int:
    """Return when a cue would end if no other followed."""
    spoken_ms = cue[-1].end_ms
    read_ms = min(start_ms + round(_reading_ms(cue) / COMFORTABLE), spoken_ms + LONGEST_LINGER_MS)
    return min(max(spoken_ms + LINGER_MS, read_ms, start_ms + MIN_CUE_MS), start_ms + MAX_CUE_MS)
