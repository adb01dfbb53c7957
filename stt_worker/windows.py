"""How audio is laid out for the encoder: window sizes, and which pieces may share a call.

Whisper was trained on 30 s windows, and most of what a short utterance costs is encoding its padding. Five fixed
sizes halve that cost; a few sizes, rather than exact ones, so that pieces of different sessions still fill a batch.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

FRAMES_PER_SECOND = 100
"""Mel frames: one every 10 ms."""
WINDOWS = (1000, 1500, 2000, 2500, 3000)
"""Mel frames. The last is what the model was trained on; nothing longer can be encoded."""
LONGEST_SECONDS = WINDOWS[-1] / FRAMES_PER_SECOND
MARGIN_SECONDS = 3.0
"""Without some silence to see at the end, the decoder repeats the sentence instead of stopping."""

K = TypeVar("K", bound=Hashable)


def window(seconds: float) -> int:
    """The smallest window, in mel frames, that holds this much audio and the margin; the longest holds up to 30 s.

    Raises ValueError for more audio than any window holds.
    """
    if seconds > LONGEST_SECONDS:
        raise ValueError(f"{seconds:.1f} s of audio do not fit a window of {LONGEST_SECONDS:.0f} s")
    needed = (seconds + MARGIN_SECONDS) * FRAMES_PER_SECOND
    return next((frames for frames in WINDOWS if frames >= needed), WINDOWS[-1])


def batches(layouts: Sequence[K], most: int) -> list[list[int]]:
    """The places of equal layouts, together and in order, at most `most` to a batch. Every place is in one batch."""
    together: dict[K, list[int]] = {}
    for place, layout in enumerate(layouts):
        together.setdefault(layout, []).append(place)
    return [places[i : i + most] for places in together.values() for i in range(0, len(places), most)]
