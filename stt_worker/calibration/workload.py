"""Test audio for measurements, and timing of a recognizer. No network and no recordings are needed."""

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.errors import SetupError
from backend.load import clips
from backend.messages.jobs import SAMPLE_RATE
from stt_worker.recognizers.recognizer import Recognizer, Speech

SYLLABLES_PER_SECOND = 4.0
# [n], 16 kHz mono, from -1 to 1.
Sound = NDArray[np.float32]


def sample_sentences() -> tuple[list[Sound], str]:
    """Return a few sentences and their source: espeak-ng, or noise modulated like syllables if it is not installed.

    Noise is good enough to compare settings, but few words are recognized in it, so decoding costs less than with
    speech.
    """
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        try:
            spoken = [
                clip.pcm().astype(np.float32) / np.float32(32_768) for clip in clips.synthesize_clips(Path(folder))
            ]
        except SetupError:
            return [syllabic_noise(3.0, seed) for seed in range(4)], "noise (espeak-ng is not installed)"
        return spoken, "espeak-ng"


def syllabic_noise(seconds: float, seed: int) -> Sound:
    """Generate low-pass noise whose amplitude rises and falls like syllables."""
    count = round(seconds * SAMPLE_RATE)
    noise = np.random.default_rng(seed).standard_normal(count)
    low = np.convolve(noise, np.hanning(16) / 8, mode="same")
    syllables = np.sin(np.pi * SYLLABLES_PER_SECOND * np.arange(count) / SAMPLE_RATE) ** 2
    sound: Sound = (0.1 * low * syllables).astype(np.float32)
    return sound


def utterance(sentences: Sequence[Sound], first: int, seconds: float) -> Sound:
    """Return exactly `seconds` of audio, from sentence number `first` on, repeating the sentences."""
    count = round(seconds * SAMPLE_RATE)
    enough = 1 + count // min(map(len, sentences))
    start = first % len(sentences)
    return np.concatenate(list(islice(cycle(sentences), start, start + enough)))[:count]


def latency(recognizer: Recognizer, speeches: Sequence[Speech], rounds: int) -> float:
    """Seconds from start to end of a single batch: the best of some rounds."""
    return min(_elapsed(recognizer, [speeches]) for _ in range(rounds))


def time_per_batch(recognizer: Recognizer, speeches: Sequence[Speech], rounds: int) -> float:
    """Seconds per batch when many are decoded: less than the latency if batches overlap."""
    if recognizer.overlap == 1:
        return latency(recognizer, speeches, rounds)
    rounds *= 2 * recognizer.overlap
    return _elapsed(recognizer, [speeches] * rounds) / rounds


def _elapsed(recognizer: Recognizer, batches: Sequence[Sequence[Speech]]) -> float:
    with ThreadPoolExecutor(recognizer.overlap) as threads:
        began = time.perf_counter()
        for _ in threads.map(recognizer.recognize, batches):
            pass
        return time.perf_counter() - began
