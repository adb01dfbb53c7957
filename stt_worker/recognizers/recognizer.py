"""The door behind which a speech model stands: audio in, hypotheses out.

To add a recognizer, write one module with a class that fulfils `Recognizer` and name it in `worker.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Speech:
    """One piece of audio to recognize, at most 30 s."""

    samples: NDArray[np.float32]
    """[n], 16 kHz mono, -1 to 1."""
    language: str | None = None
    """As the model spells it; None: detect."""
    heard: str | None = None
    """With `language` None: what was spoken before; kept unless the evidence against it is strong."""
    prefix: str = ""
    """Text that the hypothesis must begin with."""
    prompt: str = ""
    hotwords: str = ""
    beam_size: int = 1
    words: bool = False
    """Whether each word's times and probability are wanted (one more pass of the decoder)."""
    final: bool = True
    """A final may be decoded again when a guard objects; a preview is only a guess and is not."""
    traceparent: str = ""
    """Whose trace the stages of its recognition belong to."""

    @property
    def pcm(self) -> bytes:
        """The samples as they travelled: s16le, 16 kHz, mono; exact for what was made from such."""
        samples: NDArray[np.int16] = np.clip(np.rint(self.samples * np.float32(32_768)), -32_768, 32_767).astype("<i2")
        return samples.tobytes()


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word with the space that stands before it; seconds from the audio's start."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the model heard."""

    text: str
    """Begins with the prefix; stripped of outer spaces."""
    language: str
    language_probability: float
    avg_logprob: float
    """Mean natural-log probability per token."""
    no_speech_probability: float
    words: tuple[TimedWord, ...] = ()
    """Filled when asked for; joined and stripped they are `text`."""
    retried: str = ""
    """The guard that had a final decoded again; empty when the first decode stood."""


class Recognizer(Protocol):
    """A speech model. Called from `overlap` threads at a time."""

    model: str
    device: str
    """"cpu" or "cuda:0"."""
    compute_type: str
    """The arithmetic, as CTranslate2 names it; "" where nobody knows."""
    overlap: int
    """More than one where a batch can be prepared or decoded while another is decoded."""
    decoders: int
    """Batches that are really decoded at the same time."""

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """One hypothesis for each piece of audio, in order. Audio of different sessions may share a batch.

        Raises when any piece cannot be decoded; the caller tries each alone to find out which.
        """
        ...
