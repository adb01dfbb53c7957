"""What is decoded in a measurement: clips of real speech, cut into utterances by the gateway's own ears."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.load import clips
from backend.messages.protocol import Start
from backend.text.edits import WordErrors
from gateway.session.segmenter import Rules
from tests.chaos.ledger import RATE, reference
from tests.paths import SHARED
from tests.testkit.audio.clips import shared_clips


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording, what is said in it, and what a gateway makes of it."""

    text: str
    language: str
    pcm: NDArray[np.int16]
    """[n], 16 kHz mono."""
    utterances: tuple[NDArray[np.float32], ...]
    """[n] each, -1 to 1: the stretches that an STT worker is given."""

    @property
    def seconds(self) -> float:
        """Of audio in the utterances."""
        return sum(map(len, self.utterances)) / RATE


def spoken(languages: Sequence[str], seconds: float) -> list[Spoken]:
    """Clips in these languages, of each about so many seconds, the same every time.

    They are those of ../shared where it is, else English sentences that espeak-ng speaks. Raises SetupError.
    """
    return [one for language in languages for one in _enough(_in(language), seconds)]


def languages() -> list[str]:
    """Those that there are clips in, English first."""
    found = {clip.language for clip in shared_clips(SHARED)} if SHARED.is_dir() else set()
    return ["en", *sorted(found - {"en"})]


def errors(spoken: Sequence[Spoken], heard: Sequence[str], language: str) -> float:
    """Word error rate, in per cent, of the texts of whole clips; by characters where no spaces are written."""
    counted = WordErrors(language)
    for said, text in zip(spoken, heard, strict=True):
        if said.language == language:
            counted.add(said.text, text)
    return counted.percent


def joined(spoken: Sequence[Spoken], texts: Sequence[str]) -> list[str]:
    """One text for each clip, from one for each utterance."""
    left = iter(texts)
    return [" ".join(next(left) for _ in said.utterances) for said in spoken]


def _in(language: str) -> list[Spoken]:
    """All of them, long and short mixed."""
    if SHARED.is_dir():
        found = [clip for clip in shared_clips(SHARED) if clip.language == language and clip.kind != "bad-ref"]
        said = [(clip.text, clip.pcm()) for clip in found]
    else:
        with tempfile.TemporaryDirectory(prefix="nova-") as folder:
            said = [
                (clip.text, clip.pcm()) for clip in clips.synthesize_clips(Path(folder)) if clip.language == language
            ]
    order = np.random.default_rng(0).permutation(len(said))
    return [_heard(said[i][0], language, said[i][1]) for i in order]


def _heard(text: str, language: str, pcm: NDArray[np.int16]) -> Spoken:
    bounds = reference(pcm, Rules(pause_ms=200), Start().endpoint_ms).utterances
    samples = pcm.astype(np.float32) / np.float32(32_768)
    return Spoken(text, language, pcm, tuple(samples[start:end] for start, end in bounds))


def _enough(found: Sequence[Spoken], seconds: float) -> list[Spoken]:
    total = 0.0
    some: list[Spoken] = []
    for one in found:
        if some and total >= seconds:
            break
        some.append(one)
        total += one.seconds
    return some
