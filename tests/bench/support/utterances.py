"""Audio for benchmarks: clips of real speech, cut into utterances by the gateway's segmenter."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.text.edits import WordErrors
from tests.paths import SHARED
from tests.testkit.audio.clips import RATE, Clip, available_clips, shared_clips
from tests.testkit.audio.reference import segment


@dataclass(frozen=True, slots=True)
class BenchClip:
    """A recording, its text, and its utterances."""

    text: str
    language: str
    pcm: NDArray[np.int16]  # [n], 16 kHz mono
    utterances: tuple[NDArray[np.float32], ...]  # [n] each, -1 to 1: what an STT worker decodes

    @property
    def seconds(self) -> float:
        """Duration of the utterances."""
        return sum(map(len, self.utterances)) / RATE


def bench_clips(languages: Sequence[str], seconds: float) -> list[BenchClip]:
    """Clips in these languages, about `seconds` of each. The selection is always the same.

    The clips are those of ../shared. Without it they are English sentences spoken by espeak-ng.
    """
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        found = [clip for clip in available_clips(Path(folder)) if clip.kind != "bad-ref"]
        return [
            one
            for language in languages
            for one in _enough([clip for clip in found if clip.language == language], seconds)
        ]


def languages() -> list[str]:
    """The languages that have clips, English first."""
    found = {clip.language for clip in shared_clips()} if SHARED.is_dir() else set()
    return ["en", *sorted(found - {"en"})]


def error_percent(clips: Sequence[BenchClip], texts: Sequence[str], language: str) -> float:
    """Word error rate in percent, from one text per clip. Languages without spaces are scored by characters."""
    errors = WordErrors(language)
    for clip, text in zip(clips, texts, strict=True):
        if clip.language == language:
            errors.add(clip.text, text)
    return errors.percent


def join_utterances(clips: Sequence[BenchClip], texts: Sequence[str]) -> list[str]:
    """One text per clip, from one text per utterance."""
    left = iter(texts)
    return [" ".join(next(left) for _ in clip.utterances) for clip in clips]


def _enough(clips: Sequence[Clip], seconds: float) -> list[BenchClip]:
    """Clips in random order, so that long and short ones are mixed, until their utterances last `seconds`."""
    total = 0.0
    chosen: list[BenchClip] = []
    for index in np.random.default_rng(0).permutation(len(clips)):
        if chosen and total >= seconds:
            break
        chosen.append(_segmented(clips[index]))
        total += chosen[-1].seconds
    return chosen


def _segmented(clip: Clip) -> BenchClip:
    pcm = clip.pcm()
    samples = pcm.astype(np.float32) / np.float32(32_768)
    return BenchClip(clip.text, clip.language, pcm, tuple(samples[a:b] for a, b in segment(pcm).utterances))
