"""Replay a growing utterance, and count what captions showed, committed and took back.

Unlike a live session it is deterministic: the audio grows by one step per decode, on any machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from backend.text.edits import contradicted, erased
from backend.text.normalize import normalized_words
from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.recognizers.recognizer import Hypothesis, Recognizer, Speech
from stt_worker.stability import CaptionState, StabilityPolicy, update_caption
from tests.testkit.audio.clips import RATE


@dataclass(slots=True)
class CaptionCounts:
    """Sums over many utterances, in words."""

    final_words: int = 0
    committed_words: int = 0
    contradicted_words: int = 0
    erased_words: int = 0  # removed from the end of the caption, by a later partial or by the final

    @property
    def committed_percent(self) -> float:
        """Share of the finals' words that were committed before the final."""
        return 100 * self.committed_words / max(1, self.final_words)

    @property
    def contradicted_percent(self) -> float:
        """Share of the committed words that the final does not contain."""
        return 100 * self.contradicted_words / max(1, self.committed_words)

    @property
    def erasure(self) -> float:
        """Erased words per word of the finals (normalized erasure, Arivazhagan et al. 2020)."""
        return self.erased_words / max(1, self.final_words)

    def add(self, captions: Sequence[str], committed: str, final: str) -> None:
        """Count one utterance: its captions in order, the text committed in the end, and the final."""
        self.final_words += len(normalized_words(final))
        self.committed_words += len(normalized_words(committed))
        self.contradicted_words += contradicted(committed, final)
        self.erased_words += sum(map(erased, captions, [*captions[1:], final]))


def next_state(
    before: CaptionState, decoded: Hypothesis, seconds: float, policy: StabilityPolicy | None = None
) -> CaptionState:
    """The caption after one more decode, by the rules of the worker."""
    if withhold_reason(decoded, seconds):
        return replace(before, hypothesis=())
    return update_caption(before.committed, before.tentative, before.hypothesis, decoded, seconds, policy)


def replay(
    recognizer: Recognizer,
    sounds: Sequence[NDArray[np.float32]],
    language: str | None = "en",
    *,
    step_seconds: float = 1.0,
    policy: StabilityPolicy | None = None,
    beam_size: int = 5,
) -> CaptionCounts:
    """Decode every utterance each `step_seconds` of it, and once more as a final. `sounds`: [n] each, -1 to 1."""
    states = [CaptionState("", "", ()) for _ in sounds]
    captions: list[list[str]] = [[] for _ in sounds]
    step = round(step_seconds * RATE)
    for length in range(step, max(map(len, sounds)), step):
        growing = [i for i, sound in enumerate(sounds) if len(sound) > length]
        decoded = recognizer.recognize([Speech(sounds[i][:length], language, words=True, final=False) for i in growing])
        for i, hypothesis in zip(growing, decoded, strict=True):
            states[i] = next_state(states[i], hypothesis, length / RATE, policy)
            captions[i].append(states[i].committed + states[i].tentative)
    counts = CaptionCounts()
    finals = recognizer.recognize([Speech(sound, language, beam_size=beam_size) for sound in sounds])
    for i, final in enumerate(finals):
        counts.add(captions[i], states[i].committed, final.text)
    return counts
