"""ITU-T G.711, the sound of telephone networks: one byte for each sample. Pure."""

import numpy as np
from numpy.typing import NDArray

from backend.audio.downmix import Waveform

# Added to each magnitude of mu-law, and the largest one, of 16 bits.
_BIAS, _CLIP = 132, 32_635


def _decode_mulaw(code: NDArray[np.int32]) -> NDArray[np.int32]:
    bits = ~code & 0xFF
    magnitude = ((((bits & 0x0F) << 3) + _BIAS) << ((bits >> 4) & 7)) - _BIAS
    return np.where(bits & 0x80, -magnitude, magnitude)


def _decode_alaw(code: NDArray[np.int32]) -> NDArray[np.int32]:
    bits = code ^ 0x55
    exponent, step = (bits >> 4) & 7, ((bits & 0x0F) << 4) + 8
    magnitude = np.where(exponent, (step + 0x100) << np.maximum(exponent - 1, 0), step)
    return np.where(bits & 0x80, magnitude, -magnitude)


# The value of every code, -1 to 1.
_CODES = np.arange(256, dtype=np.int32)
MU_LAW: Waveform = (_decode_mulaw(_CODES) / 32_768).astype(np.float32)
A_LAW: Waveform = (_decode_alaw(_CODES) / 32_768).astype(np.float32)


def to_mulaw(samples: NDArray[np.int16]) -> bytes:
    """Encode [n] samples."""
    linear = samples.astype(np.int32)
    magnitude = np.minimum(np.abs(linear), _CLIP) + _BIAS
    # The position of the highest bit: 7 to 14. Each exponent has 16 steps.
    exponent = np.frexp(magnitude)[1] - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(linear < 0, 0x80, 0)
    return bytes((~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8))


def from_mulaw(data: bytes) -> NDArray[np.int16]:
    """Decode [n] samples."""
    codes = np.frombuffer(data, np.uint8).astype(np.int32)
    return _decode_mulaw(codes).astype(np.int16)
