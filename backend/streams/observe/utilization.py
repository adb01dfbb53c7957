"""The share of recent time that an activity took, for example work or speech. Pure: time is an argument."""

import math

# Half-life of the weights of the average, so the share reflects roughly the last 10 s.
HALF_LIFE_S = 10.0


class Utilization:
    """An exponentially weighted average of an on/off signal."""

    def __init__(self, now: float, share: float = 0.0) -> None:
        """`share` is the initial estimate, 0 to 1."""
        self._share, self._at = share, now
        self._is_active = False

    def set_active(self, is_active: bool, now: float) -> None:
        """The activity starts or ends now."""
        self._share, self._at = self.share(now), now
        self._is_active = is_active

    def share(self, now: float) -> float:
        """The share as of now, 0 to 1."""
        weight = math.exp2((self._at - now) / HALF_LIFE_S)
        return weight * self._share + (1.0 - weight) * self._is_active
