"""Splits utterances into cues: as few as possible, each readable in its time and ending at a good place. Pure."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, starmap, zip_longest

from backend.cli.files.subtitles.breaks import UTTERANCE, break_cost
from backend.cli.files.subtitles.limits import COMFORTABLE, LINGER_MS, MAX_CUE_MS, MAX_LINES, MIN_CUE_MS, CueLimits
from backend.cli.files.subtitles.lines import cheapest_division, count_lines, lay_out
from backend.cli.files.subtitles.timing import Cue, cue_times
from backend.cli.files.subtitles.units import TimedText, Unit, units_of

# Words after a longer pause are in another cue: they would be shown too long before they are spoken.
MAX_PAUSE_MS = 1_500
# Shorter pauses occur between any two words. After a longer one, a cue may end anywhere.
MIN_PAUSE_MS, FULL_PAUSE_MS = 150, 800

# Costs, in the unit of `breaks`: of each cue, of a sentence that begins within a cue, of each second of pauses within
# a cue, of a few words apart from their sentence, of a cue that is too short; the share of a break between lines.
_CUE, _INNER_SENTENCE, _INNER_PAUSE, _ORPHAN, _SHORT, _LINE_BREAK = 6.0, 2.0, 16.0, 12.0, 30.0, 0.5
# The cost of a cue at the limit of the reading speed, and of each further multiple of it.
_FULL_SPEED, _TOO_FAST = 6.0, 60.0


def split_into_cues(utterances: Iterable[TimedText], limits: CueLimits | None = None) -> list[Cue]:
    """Split utterances, in order of time, into cues.

    Every word is in exactly one cue, in order. Cues do not overlap, and none begins before its first word is spoken.
    """
    limits = limits or CueLimits()
    units = units_of(utterances, limits)
    parts = cheapest_division(len(units), CueCost(units, limits))
    cues = [units[start:end] for start, end in parts]
    return [
        Cue(start_ms, end_ms, lay_out(cue), cue[0].speaker)
        for cue, (start_ms, end_ms) in zip(cues, cue_times(cues, limits.gap_ms), strict=True)
    ]


class CueCost:
    """The cost of showing a range of units as one cue."""

    def __init__(self, units: Sequence[Unit], limits: CueLimits) -> None:
        self._units, self._limits = units, limits
        self._break_costs = [*starmap(break_cost, zip_longest(units, units[1:]))]
        self._characters = [0, *accumulate(unit.spaced + len(unit.text) for unit in units)]
        self._sentences = self._find_sentences()
        self._inner = [0.0, *accumulate(map(self._inner_cost, range(1, len(units)))), 0.0]

    def __call__(self, start: int, end: int) -> float | None:
        """Return the cost, or None if the cue would exceed a limit."""
        if end - start > 1 and not self._fits(start, end):
            return None
        inner = self._inner[end - 1] - self._inner[start]
        outer = self._end_cost(start, end) + self._reading_cost(start, end)
        return _CUE + inner + self._line_break_cost(start, end) + outer

    def _fits(self, start: int, end: int) -> bool:
        first, before, last = self._units[start], self._units[end - 2], self._units[end - 1]
        return (
            last.limits == first.limits
            and last.speaker == first.speaker
            and last.end_ms - first.start_ms <= MAX_CUE_MS
            and last.start_ms - before.end_ms <= MAX_PAUSE_MS
            and self._length(start, end) <= (first.limits.line_length + 1) * self._limits.lines
            and count_lines(self._units[start:end]) <= self._limits.lines
        )

    def _length(self, start: int, end: int) -> int:
        return self._characters[end] - self._characters[start] - self._units[start].spaced

    def _inner_cost(self, place: int) -> float:
        """Return what it costs that the unit at `place` and the one before it are in the same cue."""
        pause_s = max(self._pause_ms(place) - MIN_PAUSE_MS, 0) / 1000
        return _INNER_PAUSE * pause_s + _INNER_SENTENCE * (self._break_costs[place - 1] <= UTTERANCE)

    def _line_break_cost(self, start: int, end: int) -> float:
        """Return what the best break between two lines costs."""
        longest = self._units[start].limits.line_length
        if self._limits.lines != MAX_LINES or self._length(start, end) <= longest:
            return 0
        breaks = (
            self._break_costs[place - 1]
            for place in range(start + 1, end)
            if max(self._length(start, place), self._length(place, end)) <= longest
        )
        return _LINE_BREAK * min(breaks, default=0)

    def _pause_ms(self, place: int) -> int:
        """Return the pause before a unit. It is long before the first and after the last."""
        if 0 < place < len(self._units):
            return max(self._units[place].start_ms - self._units[place - 1].end_ms, 0)
        return MAX_PAUSE_MS

    def _end_cost(self, start: int, end: int) -> float:
        """Return the cost of ending a cue before `end`, less after a pause, and of separating a few words."""
        cost = self._break_costs[end - 1]
        if cost > UTTERANCE:
            first, behind = self._sentences[end - 1]
            shortest = min(self._length(max(start, first), end), self._length(end, behind))
            cost += _ORPHAN if 2 * shortest < self._units[start].limits.line_length else 0
        return cost * max(1 - self._pause_ms(end) / FULL_PAUSE_MS, 0)

    def _find_sentences(self) -> list[tuple[int, int]]:
        """Return for each unit where its sentence begins and ends."""
        sentences: list[tuple[int, int]] = []
        for end, cost in enumerate(self._break_costs, 1):
            if cost <= UTTERANCE or end == len(self._units):
                sentences += [(len(sentences), end)] * (end - len(sentences))
        return sentences

    def _reading_cost(self, start: int, end: int) -> float:
        """Return the cost of a cue that is hard to read in the time for which it can be shown."""
        first, last = self._units[start], self._units[end - 1]
        until_ms = last.end_ms + LINGER_MS
        if end < len(self._units):
            until_ms = min(until_ms, self._units[end].start_ms - self._limits.gap_ms)
        shown_ms = max(until_ms - first.start_ms, 1)
        short = _SHORT * max(1 - shown_ms / MIN_CUE_MS, 0)
        share = min(self._length(start, end) * 1000 / max(shown_ms, MIN_CUE_MS) / first.limits.reading_speed, 4)
        if share <= 1:
            return short + _FULL_SPEED * max(share - COMFORTABLE, 0) / (1 - COMFORTABLE)
        return short + _FULL_SPEED + _TOO_FAST * (share - 1)
