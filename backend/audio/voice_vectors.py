"""Vectors that describe voices, as text and as means. Pure."""

import base64
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

VoiceVector = NDArray[np.float32]


def encode_vector(vector: VoiceVector) -> str:
    """Base64 of float16, little endian."""
    return base64.b64encode(vector.astype("<f2").tobytes()).decode()


def decode_vector(text: str) -> VoiceVector:
    """The inverse of `encode_vector`. Raises ValueError."""
    return np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)


def unit_mean(vectors: Sequence[VoiceVector]) -> VoiceVector:
    """The mean direction, of length 1."""
    total = np.sum(vectors, axis=0)
    mean: VoiceVector = (total / max(float(np.linalg.norm(total)), 1e-9)).astype(np.float32)
    return mean
