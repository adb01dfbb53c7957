"""Judges whether a speaker has finished, from the sound of the last seconds: Smart Turn.

The model is an encoder of Whisper's size "tiny" with a classifier, trained on pauses in conversations in 23 languages
(pipecat-ai/smart-turn). It takes the intonation into account, not only words. Silence and noise look finished to it, so
its result counts for speech with words only.
"""

from pathlib import Path

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.onnx_session import open_onnx

FILE = "smart-turn.onnx"
# The model was trained on audio of this length. Shorter audio has silence before it.
SECONDS = 8
FRAMES = 100 * SECONDS
_SAMPLES = SECONDS * SAMPLE_RATE


class TurnModel:
    """Smart Turn on the CPU, with one thread for each call. Calls from several threads are safe."""

    def __init__(self, directory: Path) -> None:
        """Load the model. Raises ModelError if it cannot be loaded."""
        self._session = open_onnx(directory / FILE, directory)
        self._features = FeatureExtractor()

    def probability(self, samples: NDArray[np.float32]) -> float:
        """The probability that the speaker of this audio [n], 16 kHz, has finished, 0 to 1.

        Audio of several sessions is not judged in one call: the scale of the int8 arithmetic depends on all inputs.
        """
        (judged,) = self._session.run(None, {"input_features": self._log_mel(samples)[np.newaxis]})
        return float(judged[0, 0])

    def _log_mel(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features [80, 800] of the last 8 s, whose samples have a mean of 0 and a variance of 1."""
        last = samples[-_SAMPLES:]
        padded = np.pad(last, (_SAMPLES - len(last), 0))
        scaled = (padded - padded.mean()) / np.sqrt(padded.var() + 1e-7)
        features: NDArray[np.float32] = self._features(scaled.astype(np.float32), padding=0)
        return features[:, :FRAMES]
