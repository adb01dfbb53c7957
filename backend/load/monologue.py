"""What one session says, and when it truly speaks: told by the audio itself, not by what a server believes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from backend.load.clips import Clip
from backend.messages.jobs import SAMPLE_RATE

WINDOW = 320
"""Samples, 20 ms: the step in which speech is told from silence."""
QUIET, NOISY, ABOVE_NOISE = 1e-3, 1e-2, 10.0
"""Speech is what has more power than the loud windows less 30 dB. Where a recording's own noise is louder than that, it
is what stands 10 dB above the noise; but always what has more than the loud windows less 20 dB."""
NOISE_PERCENTILE, LOUD_PERCENTILE = 5, 95
TAIL_S = 2.0
"""Silence behind the last word, so that it ends as every other does, and not by the session's end."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """A clip, ready to be sent by any number of sessions."""

    clip: Clip
    length: int
    """Samples."""
    frames: tuple[bytes, ...]
    """s16le, each of the same length; silence fills the last."""
    speech: NDArray[np.int64]
    """First samples of the windows that are speech, ascending."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A clip's place in a monologue: samples, from and to."""

    start: int
    end: int
    clip: Clip


@dataclass(frozen=True, slots=True, eq=False)
class Monologue:
    """All that one session says."""

    frame: int
    """Samples in each frame."""
    frames: tuple[bytes, ...]
    """s16le, 16 kHz mono; sessions share them, so that a hundred cost no more memory than one."""
    pieces: tuple[Piece, ...]
    speech: NDArray[np.int64]
    """First samples of the windows that are speech, ascending."""

    @property
    def seconds(self) -> float:
        """Its length, silence and all."""
        return len(self.frames) * self.frame / SAMPLE_RATE

    def first_speech(self, from_sample: int) -> int | None:
        """The first sample of speech from here on; None when nothing more is said."""
        at = int(np.searchsorted(self.speech, from_sample - WINDOW, side="right"))
        return max(int(self.speech[at]), from_sample) if at < len(self.speech) else None

    def last_speech(self, before_sample: int) -> int | None:
        """The last sample of speech before this one; None when nothing has been said."""
        at = int(np.searchsorted(self.speech, before_sample, side="left")) - 1
        return min(int(self.speech[at]) + WINDOW, before_sample) - 1 if at >= 0 else None


def take(clip: Clip, pcm: NDArray[np.int16], frame: int) -> Take:
    """A clip cut into frames of so many samples, whole windows; `pcm` [n], 16 kHz mono, is not empty."""
    padded = np.concatenate([pcm, np.zeros(-len(pcm) % frame, np.int16)])
    data = padded.astype("<i2", copy=False).tobytes()
    power = np.square(padded.reshape(-1, WINDOW).astype(np.float64)).mean(axis=1)
    noise, loud = np.percentile(power[: -(-len(pcm) // WINDOW)], (NOISE_PERCENTILE, LOUD_PERCENTILE))
    speech = np.flatnonzero(power > min(max(QUIET * loud, ABOVE_NOISE * noise), NOISY * loud)) * WINDOW
    return Take(clip, len(pcm), tuple(data[at : at + 2 * frame] for at in range(0, len(data), 2 * frame)), speech)


def compose(takes: Sequence[Take], frame: int, seconds: float, silence_s: float, dice: Random) -> Monologue:
    """Whole clips, each before any comes again, silence between them, until `seconds` are reached; then a tail.

    `takes` are cut into frames of `frame` samples. The same dice make the same monologue.
    """
    silence, pause = bytes(2 * frame), round(silence_s * SAMPLE_RATE / frame)
    frames: list[bytes] = []
    pieces: list[Piece] = []
    speech = [np.zeros(0, np.int64)]
    for said in _shuffled(takes, dice):
        start = len(frames) * frame
        pieces.append(Piece(start, start + said.length, said.clip))
        speech.append(said.speech + start)
        frames += [*said.frames, *[silence] * pause]
        if len(frames) * frame >= seconds * SAMPLE_RATE:
            break
    frames += [silence] * round(TAIL_S * SAMPLE_RATE / frame)
    return Monologue(frame, tuple(frames), tuple(pieces), np.concatenate(speech))


def _shuffled(takes: Sequence[Take], dice: Random) -> Iterator[Take]:
    while True:
        yield from dice.sample(takes, len(takes))
