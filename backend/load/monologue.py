"""The audio of one simulated speaker, and where in it there is speech, measured on the audio itself. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from backend.load.clips import AudioClip
from backend.load.ledger import split
from backend.messages.jobs import SAMPLE_RATE

# Samples, 20 ms: the resolution at which speech is distinguished from silence.
WINDOW = 320
# A window is speech if its power exceeds the 95th percentile less 30 dB (QUIET). In noisier recordings it must exceed
# the 5th percentile plus 10 dB (ABOVE_NOISE). A window above the 95th percentile less 20 dB (NOISY) is always speech.
QUIET, NOISY, ABOVE_NOISE = 1e-3, 1e-2, 10.0
NOISE_PERCENTILE, LOUD_PERCENTILE = 5, 95
# Seconds of silence after the last clip, so that its endpoint is detected like any other, not forced by `stop`.
TAIL_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class PreparedClip:
    """A clip split into frames, ready to be sent by any number of sessions."""

    clip: AudioClip
    # Samples, without padding.
    length: int
    # s16le, all of the same length; the last one is padded with silence.
    frames: tuple[bytes, ...]
    # The first samples of the windows that are speech, ascending.
    speech: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClipPlacement:
    """The position of a clip in a monologue, in samples: [start, end)."""

    start: int
    end: int
    clip: AudioClip


@dataclass(frozen=True, slots=True, eq=False)
class Monologue:
    """All audio that one session sends."""

    # s16le, 16 kHz mono. Sessions share the frames, so a hundred need no more memory than one.
    frames: tuple[bytes, ...]
    placements: tuple[ClipPlacement, ...]
    # The first samples of the windows that are speech, ascending.
    speech: NDArray[np.int64]

    def first_speech(self, from_sample: int) -> int | None:
        """The first sample of speech at or after a position, or None."""
        at = int(np.searchsorted(self.speech, from_sample - WINDOW, side="right"))
        return max(int(self.speech[at]), from_sample) if at < len(self.speech) else None

    def last_speech(self, before_sample: int) -> int | None:
        """The last sample of speech before a position, or None."""
        at = int(np.searchsorted(self.speech, before_sample, side="left")) - 1
        return min(int(self.speech[at]) + WINDOW, before_sample) - 1 if at >= 0 else None


def prepare(clip: AudioClip, pcm: NDArray[np.int16], frame: int) -> PreparedClip:
    """Split a clip into frames and detect its speech.

    `pcm` has shape [n], n > 0, 16 kHz mono. `frame` is the frame length in samples, a multiple of WINDOW.
    """
    padded = np.concatenate([pcm, np.zeros(-len(pcm) % frame, np.int16)])
    power = np.square(padded.reshape(-1, WINDOW).astype(np.float64)).mean(axis=1)
    noise, loud = np.percentile(power[: -(-len(pcm) // WINDOW)], (NOISE_PERCENTILE, LOUD_PERCENTILE))
    speech = np.flatnonzero(power > min(max(QUIET * loud, ABOVE_NOISE * noise), NOISY * loud)) * WINDOW
    return PreparedClip(clip, len(pcm), tuple(split(padded.astype("<i2", copy=False).tobytes(), frame)), speech)


def compose(clips: Sequence[PreparedClip], frame: int, seconds: float, silence_s: float, rng: Random) -> Monologue:
    """Join clips with `silence_s` seconds of silence between them, until `seconds` are reached, and append a tail.

    Clips come in random order; each is used once before any is repeated. `frame` is their frame length in samples.
    """
    silence, pause = bytes(2 * frame), round(silence_s * SAMPLE_RATE / frame)
    frames: list[bytes] = []
    placements: list[ClipPlacement] = []
    speech = [np.zeros(0, np.int64)]
    for clip in _shuffled(clips, rng):
        start = len(frames) * frame
        placements.append(ClipPlacement(start, start + clip.length, clip.clip))
        speech.append(clip.speech + start)
        frames += [*clip.frames, *[silence] * pause]
        if len(frames) * frame >= seconds * SAMPLE_RATE:
            break
    frames += [silence] * round(TAIL_S * SAMPLE_RATE / frame)
    return Monologue(tuple(frames), tuple(placements), np.concatenate(speech))


def _shuffled(clips: Sequence[PreparedClip], rng: Random) -> Iterator[PreparedClip]:
    while True:
        yield from rng.sample(clips, len(clips))
