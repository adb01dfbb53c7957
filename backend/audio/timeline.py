"""Media time: where the sound of a stream belongs according to its timestamps. Pure.

A stream's position is the length of its decoded audio in seconds. Sound that starts late, and packets that are missing
or were left out because they were silent, appear as a timestamp ahead of the position. Silence then fills the gap, so
that positions in the audio are times of the media.
"""

# Smaller gaps are rounding of timestamps, jitter of recorders, or clocks that drift apart.
TOLERANCE_S = 0.1
# A timestamp this much behind the position starts a new timeline, as when recordings are joined.
_BACKWARDS_S = 1.0


class Timeline:
    """Finds the gaps in one stream's timestamps.

    A jump that is longer than `max_gap_s`, or backwards, is not a gap: the sound continues where it is, and later
    timestamps count from there.
    """

    def __init__(self, max_gap_s: float, origin_s: float | None = 0.0, position_s: float = 0.0) -> None:
        """`origin_s` is the timestamp that belongs to `position_s`. None: the first one."""
        self.max_gap_s = max_gap_s
        self._offset_s = None if origin_s is None else position_s - origin_s

    def gap_before(self, time_s: float, position_s: float) -> float:
        """Seconds of silence to insert at the position, before sound with this timestamp."""
        if self._offset_s is None:
            self._offset_s = position_s - time_s
        gap_s = time_s + self._offset_s - position_s
        if not -_BACKWARDS_S <= gap_s <= self.max_gap_s:
            self._offset_s = position_s - time_s
            return 0.0
        return gap_s if gap_s > TOLERANCE_S else 0.0
