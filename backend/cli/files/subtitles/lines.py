"""Divides a text into lines or cues at the least cost. Pure."""

from collections.abc import Callable, Sequence
from math import inf

from backend.cli.files.subtitles.breaks import break_cost
from backend.cli.files.subtitles.units import Unit

# Returns the cost of the part from a first to a last index, exclusive. None: this part and longer ones are too long.
PartCost = Callable[[int, int], float | None]

# A further line costs more than any uneven or badly placed break.
_LINE = 1_000.0
_UNEVEN = 60.0


def cheapest_division(count: int, cost: PartCost) -> list[tuple[int, int]]:
    """Divide `count` items into parts with the least total cost, as index ranges. A part of one item has a cost."""
    best, before = [0.0] + [inf] * count, [0] * (count + 1)
    for start in range(count):
        for end in range(start + 1, count + 1):
            of_part = cost(start, end)
            if of_part is None:
                break
            if best[start] + of_part < best[end]:
                best[end], before[end] = best[start] + of_part, start
    parts = []
    while count:
        parts.append((before[count], count))
        count = before[count]
    return parts[::-1]


def joined(units: Sequence[Unit]) -> str:
    """Return the text of a line."""
    return "".join(" " * (unit.spaced and place > 0) + unit.text for place, unit in enumerate(units))


def count_lines(units: Sequence[Unit]) -> int:
    """Return how many lines of the usual length the units need."""
    lines, length = 0, inf
    for unit in units:
        length += unit.spaced + len(unit.text)
        if length > unit.limits.line_length:
            lines, length = lines + 1, len(unit.text)
    return lines


def lay_out(units: Sequence[Unit]) -> tuple[str, ...]:
    """Divide the units of a cue into as few lines as possible, of similar length, without a break after an article."""
    limit = units[0].limits.line_length
    ideal = len(joined(units)) / count_lines(units)

    def cost(start: int, end: int) -> float | None:
        length = len(joined(units[start:end]))
        if length > limit and end - start > 1:
            return None
        last = 0.0 if end == len(units) else break_cost(units[end - 1], units[end])
        return _LINE + last + _UNEVEN * ((length - ideal) / limit) ** 2

    return tuple(joined(units[start:end]) for start, end in cheapest_division(len(units), cost))
