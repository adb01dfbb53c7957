"""How audio is laid out for the encoder: window sizes, and which pieces may share a call.

Whisper was trained on 30 s windows, and most of what a short utterance costs is encoding its padding. Fixed sizes
save that; a few sizes, rather than exact ones, so that pieces of different sessions still fill a batch.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

FRAMES_PER_SECOND = 100
"""Mel frames: one every 10 ms."""
LONGEST_S = 30
"""What the model was trained on; nothing longer can be encoded."""
LONGEST = LONGEST_S * FRAMES_PER_SECOND

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Windows:
    """A rule: from `floor_s` on, one size every `step_s`; the longest is always among them. Seconds.

    The default was measured best, with base as with tiny (docs/explanation/performance.md).
    """

    floor_s: int = 8
    step_s: int = 2
    margin_s: float = 4.0
    """Without some silence to see at the end, the decoder repeats the sentence instead of stopping."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Mel frames, ascending."""
        return (*range(self.floor_s * FRAMES_PER_SECOND, LONGEST, self.step_s * FRAMES_PER_SECOND), LONGEST)

    def fit(self, seconds: float, more_s: float = 0.0) -> int:
        """The smallest window, in mel frames, that holds this much audio, the margin and `more_s`; else the longest.

        Raises ValueError for more audio than any window holds.
        """
        if seconds > LONGEST_S:
            raise ValueError(f"{seconds:.1f} s of audio do not fit a window of {LONGEST_S} s")
        needed = (seconds + self.margin_s + more_s) * FRAMES_PER_SECOND
        return next((frames for frames in self.sizes if frames >= needed), LONGEST)

    @classmethod
    def parse(cls, text: str) -> Windows:
        """ "FLOOR,STEP,MARGIN" in seconds, or "auto" for the default. Raises ValueError."""
        if text == "auto":
            return cls()
        try:
            floor_s, step_s, margin_s = text.split(",")
            rule = cls(int(floor_s), int(step_s), float(margin_s))
        except ValueError:
            rule = cls(0)
        if not (1 <= rule.floor_s <= LONGEST_S and rule.step_s >= 1 and rule.margin_s >= 0):
            raise ValueError(f"no windows can be made of {text!r}")
        return rule


def batches(layouts: Sequence[K], most: int) -> list[list[int]]:
    """The places of equal layouts, together and in order, at most `most` to a batch. Every place is in one batch."""
    together: dict[K, list[int]] = {}
    for place, layout in enumerate(layouts):
        together.setdefault(layout, []).append(place)
    return [places[i : i + most] for places in together.values() for i in range(0, len(places), most)]
