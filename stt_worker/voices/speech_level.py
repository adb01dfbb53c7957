"""Where the speech in an utterance is, and how loud it is above the noise. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE

# Samples of a frame: 20 ms.
FRAME = SAMPLE_RATE // 50
# Frames are speech if they are at most this far below the loudest ones. Unvoiced sounds are 20 dB below vowels.
RANGE_DB = 25.0
# Silence of a file, and the largest ratio that is reported.
FLOOR_DB, MAX_SNR_DB = -100.0, 60.0
# Kept before the first loud frame and after the last one.
MARGIN = SAMPLE_RATE // 20
FULL_SCALE = 0.999


@dataclass(frozen=True, slots=True)
class SpeechLevel:
    """`start`, `end`: first and last sample of the speech. Levels in dB below full scale.

    `speech_s`: seconds of speech without pauses. `clipped`: share of samples at full scale.
    """

    start: int
    end: int
    speech_s: float
    level_db: float
    snr_db: float
    clipped: float


def measure_level(samples: NDArray[np.float32]) -> SpeechLevel | None:
    """Measure an utterance [n], from -1 to 1. None: it is shorter than a frame."""
    if len(samples) < FRAME:
        return None
    power, loud = _power(samples), _loud(samples)
    levels = 10 * np.log10(power)
    places = np.flatnonzero(loud)
    level_db = float(10 * np.log10(float(power[loud].mean())))
    return SpeechLevel(
        start=max(0, int(places[0]) * FRAME - MARGIN),
        end=min(len(samples), (int(places[-1]) + 1) * FRAME + MARGIN),
        speech_s=float(loud.sum()) * FRAME / SAMPLE_RATE,
        level_db=level_db,
        snr_db=min(MAX_SNR_DB, level_db - float(np.percentile(levels, 10))),
        clipped=float(np.mean(np.abs(samples) >= FULL_SCALE)),
    )


def without_pauses(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The loud frames of the audio [n], at least one frame, one after the other."""
    return _frames(samples)[_loud(samples)].reshape(-1)


def _loud(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each frame is speech."""
    levels = 10 * np.log10(_power(samples))
    loud: NDArray[np.bool_] = levels >= np.percentile(levels, 95) - RANGE_DB
    return loud


def _power(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean power of each frame, not below that of silence."""
    power: NDArray[np.float64] = np.mean(_frames(samples).astype(np.float64) ** 2, axis=1)
    return np.maximum(power, 10 ** (FLOOR_DB / 10))


def _frames(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
