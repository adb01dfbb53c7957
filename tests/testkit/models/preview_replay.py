"""Replay of a growing utterance: what a reader would have been shown, promised and taken back.

Deterministic, unlike a live session: the audio grows by one step for each decode, whatever the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from backend.text.edits import contradicted, erased
from backend.text.normalize import normalized_words
from stt_worker.guards import withhold_reason
from stt_worker.recognizers.recognizer import Hypothesis, Recognizer, Speech
from stt_worker.stability import CaptionState, StabilityPolicy, agree

RATE = 16_000


@dataclass(slots=True)
class Replay:
    """Sums over many utterances, in words."""

    final_words: int = 0
    committed_words: int = 0
    contradicted_words: int = 0
    erased_words: int = 0
    """Taken away from the end of what was shown, by a later partial or by the final."""

    @property
    def committed_percent(self) -> float:
        """Of the finals' words: promised before the final came."""
        return 100 * self.committed_words / max(1, self.final_words)

    @property
    def contradicted_percent(self) -> float:
        """Of the promised words: not in the final."""
        return 100 * self.contradicted_words / max(1, self.committed_words)

    @property
    def erasure(self) -> float:
        """Words taken away for each word of the finals (normalized erasure, Arivazhagan et al. 2020)."""
        return self.erased_words / max(1, self.final_words)

    def add(self, shown: Sequence[str], committed: str, final: str) -> None:
        """Count one utterance: what was shown, one partial after the other, what was promised at the end, the final."""
        self.final_words += len(normalized_words(final))
        self.committed_words += len(normalized_words(committed))
        self.contradicted_words += contradicted(committed, final)
        self.erased_words += sum(
            erased(before, after) for before, after in zip(shown, [*shown[1:], final], strict=True)
        )


def grown(
    before: CaptionState, heard: Hypothesis, seconds: float, policy: StabilityPolicy | None = None
) -> CaptionState:
    """What stands after one more decode, as the worker decides it."""
    if withhold_reason(heard, seconds):
        return replace(before, hypothesis=())
    return agree(before.committed, before.tentative, before.hypothesis, heard, seconds, policy)


def replay(
    recognizer: Recognizer,
    sounds: Sequence[NDArray[np.float32]],
    language: str | None = "en",
    *,
    step_seconds: float = 1.0,
    policy: StabilityPolicy | None = None,
    beam_size: int = 5,
) -> Replay:
    """Decode every utterance each `step_seconds` of it, and once more, freely, when it is whole."""
    stable = [CaptionState("", "", ()) for _ in sounds]
    shown: list[list[str]] = [[] for _ in sounds]
    step = round(step_seconds * RATE)
    for length in range(step, max(map(len, sounds)), step):
        growing = [i for i, sound in enumerate(sounds) if len(sound) > length]
        heard = recognizer.recognize([Speech(sounds[i][:length], language, words=True, final=False) for i in growing])
        for i, hypothesis in zip(growing, heard, strict=True):
            stable[i] = grown(stable[i], hypothesis, length / RATE, policy)
            shown[i].append(stable[i].committed + stable[i].tentative)
    total = Replay()
    finals = recognizer.recognize([Speech(sound, language, beam_size=beam_size) for sound in sounds])
    for i, final in enumerate(finals):
        total.add(shown[i], stable[i].committed, final.text)
    return total
