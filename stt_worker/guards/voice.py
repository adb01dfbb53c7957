"""Which parts of an utterance are voiced, by their level. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE

FRAME_S = 0.02
FRAME = round(FRAME_S * SAMPLE_RATE)
# A frame is voiced if it is this much louder than the background (the 10th percentile), at most this much quieter than
# the loudest speech (the 95th percentile), and louder than this level, in dB.
ABOVE_BACKGROUND_DB, BELOW_SPEECH_DB, MIN_LEVEL_DB = 6.0, 35.0, -72.0


@dataclass(frozen=True, slots=True)
class Voice:
    """Which frames of 20 ms are voiced, and their levels in dB above that threshold."""

    levels: NDArray[np.float64]

    @property
    def voiced(self) -> NDArray[np.bool_]:
        return self.levels > 0

    def seconds(self, start_s: float = 0.0, end_s: float = np.inf) -> float:
        """Voiced seconds of a part."""
        return float(np.sum(self.voiced[to_frame(start_s) : to_frame(end_s)])) * FRAME_S


def measure_voice(samples: NDArray[np.float32]) -> Voice:
    """Find the voiced frames. `samples`: [n], 16 kHz mono."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    if not len(frames):
        return Voice(np.zeros(0))
    levels = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-12)
    background, loudest = np.percentile(levels, [10, 95])
    return Voice(levels - max(background + ABOVE_BACKGROUND_DB, loudest - BELOW_SPEECH_DB, MIN_LEVEL_DB))


def to_frame(seconds: float) -> int:
    """The frame at this time."""
    return round(min(seconds, 3_600.0) / FRAME_S)
