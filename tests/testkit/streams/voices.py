"""Voices as a worker describes them, made without a model."""

import base64

import numpy as np
from numpy.typing import NDArray

from backend.messages.jobs import DescribedVoice, FinalResult

SIZE = 192


def voice(speaker: int, variation: float = 0.0, seed: int = 0) -> NDArray[np.float32]:
    """A vector of length 1. Those of different speakers are nearly at right angles.

    `variation` 1 is as long as the voice itself: the similarity to other speech of the speaker falls to 0.7.
    """
    own = np.random.default_rng([1, speaker]).normal(size=SIZE)
    other = np.random.default_rng([2, speaker, seed]).normal(size=SIZE)
    mixed = own / np.linalg.norm(own) + variation * other / np.linalg.norm(other)
    made: NDArray[np.float32] = (mixed / np.linalg.norm(mixed)).astype(np.float32)
    return made


def described(speaker: int, start_ms: int, end_ms: int, text: str, variation: float = 0.3) -> DescribedVoice:
    """A part of an utterance. It is the same for the same arguments."""
    vector = voice(speaker, variation, seed=start_ms)
    embedding = base64.b64encode(vector.astype("<f2").tobytes()).decode()
    return DescribedVoice(start_ms=start_ms, end_ms=end_ms, text=text, embedding=embedding)


def spoken_final(utterance: int, *speakers: int, seconds: float = 3.0) -> FinalResult:
    """A final in which each of the speakers says one word, for `seconds` each."""
    length, start_ms = round(1000 * seconds), utterance * 100_000
    parts = tuple(
        described(speaker, start_ms + n * length, start_ms + (n + 1) * length, f"word{n}")
        for n, speaker in enumerate(speakers)
    )
    return FinalResult(
        utterance=utterance,
        text=" ".join(part.text for part in parts),
        language="en",
        confidence=0.9,
        start_ms=start_ms,
        end_ms=start_ms + length * len(speakers),
        voices=parts,
    )
