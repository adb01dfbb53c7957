"""Keeps the text of one voice, for a session that wants no other. Pure, except for the model.

Short speech of all voices is similar, so it is compared with a threshold of its own. An utterance of several voices is
divided between words where the voice changes (division.py), and the parts of other voices lose their text. If it cannot
be divided, most of its pieces decide about all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backend.audio.voice_vectors import VoiceVector, decode_vector
from backend.messages.jobs import SAMPLE_RATE, AudioJob
from backend.messages.voices.events import IgnoreReason
from backend.messages.voices.profiles import TargetVoice
from stt_worker.recognizers.recognizer import Hypothesis, IgnoredPart, SpokenPart, VoiceDescriber
from stt_worker.voices.division import DescribedAudio, can_be_divided
from stt_worker.voices.speech_level import measure_level

# Speech shorter than this is compared with the threshold for short speech.
SHORT_S = 1.5
# Less speech says nothing about the voice: it gives no text.
MIN_S = 0.4
# Audio at the end of a preview that is compared.
PREVIEW_S = 3.0

Verdict = Literal["target", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class Target:
    """The voice to keep."""

    vector: VoiceVector
    threshold: float
    short_threshold: float

    @classmethod
    def of(cls, voice: TargetVoice) -> "Target":
        """Raises ValueError."""
        return cls(decode_vector(voice.embedding), voice.threshold, voice.short_threshold)

    def similarity(self, voice: VoiceVector) -> float:
        """The cosine similarity. Vectors of another model have another size, and are not similar."""
        return float(voice @ self.vector) if voice.size == self.vector.size else -1.0

    def is_spoken(self, voice: VoiceVector, seconds: float) -> bool:
        """Whether the target says this."""
        return self.similarity(voice) >= (self.threshold if seconds >= SHORT_S else self.short_threshold)


def speech_of(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Short audio without the silence around its speech. The times of words in longer audio must stay."""
    level = None if can_be_divided(samples) else measure_level(samples)
    return samples[level.start : level.end] if level else samples


def judge_preview(samples: NDArray[np.float32], target: Target, model: VoiceDescriber) -> Verdict:
    """Compare the end of an utterance that is still spoken with the target."""
    recent = samples[-round(PREVIEW_S * SAMPLE_RATE) :]
    level = measure_level(recent)
    if level is None or level.speech_s < SHORT_S:
        return "unknown"
    voice = model.embedding(recent[level.start : level.end])
    return "target" if target.is_spoken(voice, level.speech_s) else "other"


def without_unchecked(job: AudioJob, hypothesis: Hypothesis) -> Hypothesis:
    """Leave out text that was not compared, such as that of a worker without a model of voices."""
    is_unchecked = job.target is not None and job.kind == "final" and not hypothesis.target_checked
    return _without_text(hypothesis, "not_checked") if is_unchecked and hypothesis.text else hypothesis


def keep_target(
    hypothesis: Hypothesis, audio: DescribedAudio | None, parts: Sequence[SpokenPart], target: Target
) -> Hypothesis:
    """Leave out the text of other voices. `parts`: the voices in the audio. Without any, nothing is kept."""
    if not audio or not parts:
        return _without_text(hypothesis, "not_checked")
    if len(parts) == 1:
        return _all_or_nothing(hypothesis, audio, parts[0], target)
    foreign = [part for part in parts if not target.is_spoken(part.voice, part.seconds)]
    ignored = tuple(IgnoredPart(part.start, part.end, "other_voice", target.similarity(part.voice)) for part in foreign)
    lost = {n for part in foreign for n in part.words}
    words = tuple(word for n, word in enumerate(hypothesis.words) if n not in lost)
    text = "".join(word.text for word in words).strip() if foreign else hypothesis.text
    return replace(hypothesis, text=text, words=words, ignored=ignored, target_checked=True)


def _all_or_nothing(hypothesis: Hypothesis, audio: DescribedAudio, part: SpokenPart, target: Target) -> Hypothesis:
    """Keep all text of the utterance, or nothing."""
    seconds = _speech_s(audio)
    if seconds < MIN_S:
        return _without_text(hypothesis, "too_short", part)
    votes = [target.is_spoken(piece, seconds) for piece in audio.pieces]
    differs = any(votes) and not all(votes)
    is_target = sum(votes) * 2 > len(votes) if differs else target.is_spoken(part.voice, seconds)
    if is_target:
        return replace(hypothesis, target_checked=True)
    return _without_text(hypothesis, "other_voice", part, target.similarity(part.voice), by_majority=differs)


def _speech_s(audio: DescribedAudio) -> float:
    level = measure_level(audio.samples)
    return level.speech_s if level else 0.0


def _without_text(
    hypothesis: Hypothesis,
    reason: IgnoreReason,
    part: SpokenPart | None = None,
    similarity: float | None = None,
    *,
    by_majority: bool = False,
) -> Hypothesis:
    """The hypothesis without words. `part`: None is all of the audio."""
    start, end = (part.start, part.end) if part else (0.0, None)
    ignored = (IgnoredPart(start, end, reason, similarity, by_majority),)
    return replace(hypothesis, text="", words=(), ignored=ignored, target_checked=True)
