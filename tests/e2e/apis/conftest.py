"""Two recordings, and helpers of the tests."""

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from backend.text.edits import WordErrors
from tests.testkit.audio.clips import Clip


@pytest.fixture(scope="module")
def english(speech_clips: list[Clip]) -> list[Clip]:
    """Two English recordings of a few seconds."""
    several = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt" and len(clip.text) > 30]
    return sorted(several, key=lambda clip: len(clip.pcm()))[:2]


def error_percent(clip: Clip, text: str) -> float:
    """The word error rate of a transcript."""
    errors = WordErrors()
    errors.add(clip.text, text)
    return errors.percent


def resampled(pcm: NDArray[np.int16], rate: int) -> bytes:
    """[n] at 16 kHz as s16le of another rate."""
    frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
    frame.sample_rate = 16_000
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    return b"".join(out.to_ndarray().tobytes() for one in (frame, None) for out in resampler.resample(one))
