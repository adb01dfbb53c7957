"""The damaged places of a recording, and how they are named. Pure."""

# Shorter damage is not reported if it costs no sound.
_AUDIBLE_S = 0.1
# Places that are closer to each other than this are one place.
_APART_S = 0.5
# Places that are named.
_NAMED = 3


class Damage:
    """Damaged places in seconds of the recording, in order."""

    def __init__(self) -> None:
        self._places: list[tuple[float, float]] = []

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, start_s: float, end_s: float, *, has_junk: bool) -> None:
        """Add a place where sound is lost, or where bytes are that are no sound (`has_junk`)."""
        if end_s - start_s < _AUDIBLE_S and not has_junk:
            return
        if self._places and start_s - self._places[-1][1] < _APART_S:
            self._places[-1] = (self._places[-1][0], end_s)
        else:
            self._places.append((start_s, end_s))

    def __str__(self) -> str:
        names = [_name(*place) for place in self._places[:_NAMED]]
        if more := len(self._places) - _NAMED:
            names += [f"in {more} more places"] if more > 0 else []
        return ", ".join(names[:-1]) + (" and " if names[:-1] else "") + names[-1]


def _name(start_s: float, end_s: float) -> str:
    if end_s - start_s < _AUDIBLE_S:
        return f"at {start_s:.1f} s"
    return f"between {start_s:.1f} s and {end_s:.1f} s"
