"""Speech to measure a recognizer with, made of what is at hand, and how long it takes."""

from __future__ import annotations

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
Sound = NDArray[np.float32]
"""[n], 16 kHz mono, -1 to 1."""


def voice() -> tuple[list[Sound], str]:
    """A few sentences, and what speaks them: espeak-ng, else noise that rises and falls as syllables do.

    Noise is good for comparing, but few words are heard in it, so decoding counts for less than with speech.
    """
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        try:
            spoken = [
                clip.pcm().astype(np.float32) / np.float32(32_768) for clip in clips.synthesize_clips(Path(folder))
            ]
        except SetupError:
            return [murmur(3.0, seed) for seed in range(4)], "noise (espeak-ng is not installed)"
        return spoken, "espeak-ng"


def murmur(seconds: float, seed: int) -> Sound:
    """Noise, lower frequencies stronger, in syllables."""
    count = round(seconds * SAMPLE_RATE)
    noise = np.random.default_rng(seed).standard_normal(count)
    low = np.convolve(noise, np.hanning(16) / 8, mode="same")
    syllables = np.sin(np.pi * SYLLABLES_PER_SECOND * np.arange(count) / SAMPLE_RATE) ** 2
    sound: Sound = (0.1 * low * syllables).astype(np.float32)
    return sound


def said(sentences: Sequence[Sound], first: int, seconds: float) -> Sound:
    """Exactly so many seconds, from sentence number `first` on, round and round."""
    count = round(seconds * SAMPLE_RATE)
    enough = 1 + count // min(map(len, sentences))
    start = first % len(sentences)
    return np.concatenate(list(islice(cycle(sentences), start, start + enough)))[:count]


def waited(recognizer: Recognizer, speeches: Sequence[Speech], rounds: int) -> float:
    """Seconds from a batch's beginning to its end, when there is no other: the best of some rounds."""
    return min(_timed(recognizer, [speeches]) for _ in range(rounds))


def timed(recognizer: Recognizer, speeches: Sequence[Speech], rounds: int) -> float:
    """Seconds that each batch takes of many: where they overlap, less than it is waited for."""
    if recognizer.overlap == 1:
        return waited(recognizer, speeches, rounds)
    rounds *= 2 * recognizer.overlap
    return _timed(recognizer, [speeches] * rounds) / rounds


def _timed(recognizer: Recognizer, batches: Sequence[Sequence[Speech]]) -> float:
    with ThreadPoolExecutor(recognizer.overlap) as threads:
        began = time.perf_counter()
        for _ in threads.map(recognizer.recognize, batches):
            pass
        return time.perf_counter() - began
