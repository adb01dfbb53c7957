"""Encoder windows: which sizes are used, and which pieces of audio can share a call.

Whisper was trained on windows of 30 s, and encoding the padding is most of the cost of a short utterance. Shorter
windows avoid it. A few fixed sizes, instead of exact ones, let audio of different sessions still share a batch.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

# Mel frames: Whisper's hop length is 10 ms.
FRAMES_PER_SECOND = 100
# The window that Whisper was trained on. The encoder has no positions for more audio.
LONGEST_S = 30
LONGEST = LONGEST_S * FRAMES_PER_SECOND

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class EncoderWindows:
    """Window sizes from `floor_s` on, one every `step_s`; the longest window is always among them.

    `margin_s` is the silence kept after the speech: without it the decoder repeats the sentence instead of stopping.
    The defaults had the lowest word error rate and cost in `python -m tests.bench.encoder_windows`, with base and with
    tiny (docs/explanation/performance.md).
    """

    floor_s: int = 8
    step_s: int = 2
    margin_s: float = 4.0

    @property
    def sizes(self) -> tuple[int, ...]:
        """The window sizes in mel frames, ascending."""
        return (*range(self.floor_s * FRAMES_PER_SECOND, LONGEST, self.step_s * FRAMES_PER_SECOND), LONGEST)

    def fit(self, seconds: float, more_s: float = 0.0) -> int:
        """Return the smallest window, in mel frames, for this much audio, the margin and `more_s`, or the longest.

        Raises ValueError if the audio alone is longer than the longest window.
        """
        if seconds > LONGEST_S:
            raise ValueError(f"{seconds:.1f} s of audio do not fit a window of {LONGEST_S} s")
        needed = (seconds + self.margin_s + more_s) * FRAMES_PER_SECOND
        return next((frames for frames in self.sizes if frames >= needed), LONGEST)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse "FLOOR,STEP,MARGIN" in seconds, or "auto" for the defaults. Raises ValueError."""
        if text == "auto":
            return cls()
        try:
            floor_s, step_s, margin_s = text.split(",")
            windows = cls(int(floor_s), int(step_s), float(margin_s))
        except ValueError:
            windows = cls(0)
        if not (1 <= windows.floor_s <= LONGEST_S and windows.step_s >= 1 and windows.margin_s >= 0):
            raise ValueError(f"{text!r} does not describe encoder windows: expected FLOOR,STEP,MARGIN in seconds")
        return windows


def group_batches(layouts: Sequence[K], max_size: int) -> list[list[int]]:
    """Group the indices of equal layouts into batches of at most `max_size`, in order. Each index is in one batch."""
    groups: dict[K, list[int]] = {}
    for index, layout in enumerate(layouts):
        groups.setdefault(layout, []).append(index)
    return [group[i : i + max_size] for group in groups.values() for i in range(0, len(group), max_size)]
