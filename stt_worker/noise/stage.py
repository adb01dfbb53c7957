"""The stage of the STT worker that reduces noise before speech is recognized."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import structlog
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE, StreamKind
from stt_worker import metrics
from stt_worker.recognizers.recognizer import Denoiser, Speech
from stt_worker.voices.speech_level import measure_level

log = structlog.get_logger()

# "auto" reduces the noise in audio whose speech is less than this above the noise, in dB. Chosen with one half of the
# clips of `python -m tests.bench.denoise`.
NOISY_DB = 10.0
# Share of the audio as it is that is added to the audio without noise. It covers what the model has distorted, which
# harms recognition more than noise (Iwamoto and others, "How bad are artifacts?", 2022). Chosen with the same half.
KEPT = 0.5


def is_noisy(samples: NDArray[np.float32]) -> bool:
    """Whether "auto" reduces the noise in this audio [n], 16 kHz.

    The noise is the 10th percentile of the levels of frames, because speech has pauses (Stahl, Fischer and Bippus,
    "Quantile Based Noise Estimation for Spectral Subtraction and Wiener Filtering", 2000). Loud noise counts as speech,
    so the estimate is some dB too high there, and noise with pauses is not noticed.
    """
    level = measure_level(samples)
    return level is not None and level.snr_db < NOISY_DB


def mix(samples: NDArray[np.float32], reduced: NDArray[np.float32], kept: float = KEPT) -> NDArray[np.float32]:
    """Add a share of the audio as it is to the audio with less noise. Their levels stay."""
    share = np.float32(kept)
    return share * samples + (1 - share) * reduced


class NoiseStage:
    """Reduces the noise in several pieces of audio at once. Each takes one core."""

    def __init__(self, model: Denoiser) -> None:
        self._model = model
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="noise")

    def reduce(self, speeches: Sequence[Speech], kind: StreamKind) -> list[Speech]:
        """The audio to recognize, in order: with less noise where that is wanted."""
        chosen = {i: one for i, one in enumerate(speeches) if _is_wanted(one)}
        if not chosen:
            return list(speeches)
        metrics.DENOISED.labels(kind).inc(sum(len(one.samples) for one in chosen.values()) / SAMPLE_RATE)
        reduced = dict(zip(chosen, self._threads.map(self._reduced, chosen.values()), strict=True))
        return [reduced.get(i, speech) for i, speech in enumerate(speeches)]

    def _reduced(self, speech: Speech) -> Speech:
        try:
            return replace(speech, samples=mix(speech.samples, self._model.denoise(speech.samples)))
        except Exception as error:  # onnxruntime has no base class for its errors
            # Text of noisy audio is better than none.
            log.warning("noise_not_reduced", error=repr(error))
            return speech


def _is_wanted(speech: Speech) -> bool:
    return speech.denoise == "on" or (speech.denoise == "auto" and is_noisy(speech.samples))
