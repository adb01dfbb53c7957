"""Long audio for simulated clients, made of short clips."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.testkit.audio.clips import RATE, available_clips


def voices(count: int, seconds: float, language: str = "en", seed: int = 0) -> list[NDArray[np.int16]]:
    """Audio for `count` sessions: [n] int16, 16 kHz mono, each of this length. The same seed gives the same audio."""
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        clips = available_clips(Path(folder))
        spoken = [clip.pcm() for clip in clips if clip.language == language] or [clip.pcm() for clip in clips]
    return [_monologue(spoken, seconds, np.random.default_rng((seed, number))) for number in range(count)]


def add_noise(pcm: NDArray[np.int16], random: np.random.Generator) -> NDArray[np.int16]:
    """Add noise of up to 2 steps. It makes the audio of each session unique, so that a mix-up of sessions shows."""
    noise = random.integers(-2, 3, len(pcm), dtype=np.int32)
    noisy: NDArray[np.int16] = np.clip(pcm + noise, -32_768, 32_767).astype(np.int16)
    return noisy


def _monologue(clips: list[NDArray[np.int16]], seconds: float, random: np.random.Generator) -> NDArray[np.int16]:
    """Random clips with one or two seconds of silence between them, under noise of the session's own."""
    length = round(seconds * RATE)
    spoken = np.zeros(0, np.int16)
    while len(spoken) < length:
        silence = np.zeros(round(RATE * random.uniform(1, 2)), np.int16)
        spoken = np.concatenate([spoken, clips[int(random.integers(len(clips)))], silence])
    return add_noise(spoken[:length], random)
