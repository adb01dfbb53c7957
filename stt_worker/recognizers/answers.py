"""The decoder's answer to one piece of audio, and what the guards make of it.

Each guard judges the answer as it was decoded, and none what another one has left of it. `Answer.guarded` combines
their verdicts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.guards import hallucinations, omissions
from stt_worker.guards.bias import is_prompted, logprob_without_prompt
from stt_worker.guards.repetitions import Repetition, is_repetitive, judge_repetition
from stt_worker.guards.voice import Voice, measure_voice
from stt_worker.recognizers.language_choice import SpokenLanguage
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, Speech
from stt_worker.recognizers.words import DecodedWords

# Mean log probability of the words before a loop. Above it they are accepted without a second decode: the decoder said
# everything and only failed to stop.
ACCEPTED_LOGPROB = -0.4


@dataclass(frozen=True, slots=True)
class GuardedHypothesis:
    """A hypothesis, and the reason of a guard to decode it again, or ""."""

    hypothesis: Hypothesis
    objection: str

    def needs_retry(self, speech: Speech) -> bool:
        """Whether to decode a final again.

        Text that will be withheld as silence is not decoded again; repetitive text may still become right.
        """
        withheld = hallucinations.withhold_reason(self.hypothesis, seconds(speech))
        return speech.final and bool(self.objection) and withheld in {"", "repetitive"}

    def or_better(self, second: "GuardedHypothesis") -> "GuardedHypothesis":
        """Prefer one without an objection, then the more probable one; record why there was a second decode."""
        best = max(second, self, key=lambda result: (not result.objection, result.hypothesis.avg_logprob))
        return replace(best, hypothesis=replace(best.hypothesis, retried=self.hypothesis.retried or self.objection))


@dataclass(frozen=True)
class Answer:
    """The answer of the decoder. `logprob` is the mean over its tokens, without forced ones."""

    speech: Speech
    text: DecodedWords
    language: SpokenLanguage
    logprob: float
    no_speech: float
    repetition: Repetition | None = None
    temperature: float = 0.0

    @cached_property
    def voice(self) -> Voice:
        return measure_voice(self.speech.samples)

    @property
    def is_translated(self) -> bool:
        """Whether the text is English, and the speech is not."""
        return self.speech.is_translated_from(self.language.code)

    @property
    def is_repetitive(self) -> bool:
        """Whether the times of all words are needed, for `with_times`."""
        return is_repetitive(self.text.text, self.text.words)

    def with_times(self, words: Sequence[RecognizedWord]) -> "Answer":
        """Judge the repetitions by the times of all words, before punctuation is joined."""
        return replace(self, repetition=judge_repetition(words, self.voice, self.speech.prefix))

    @property
    def kept(self) -> DecodedWords:
        """The text without a loop."""
        return self.text.first(self.repetition.keep) if self.repetition else self.text

    @property
    def is_cut(self) -> bool:
        return self.kept is not self.text

    @property
    def may_omit(self) -> bool:
        """Whether a final may leave out speech. This must not depend on whether the client wants words.

        A translation has no words for parts of the speech, and others in another order.
        """
        return self.speech.final and not self.is_translated and omissions.may_omit(self.kept.text, self.voice)

    @cached_property
    def is_prompted(self) -> bool:
        """Whether the text may come from the prompt instead of the audio."""
        return is_prompted(self.text.words, f"{self.speech.hotwords} {self.speech.prompt}")

    @property
    def needs_words(self) -> bool:
        """Whether the times of the words that are kept are needed, for `guarded`."""
        return self.speech.words or self.is_cut or self.may_omit or self.is_prompted

    def guarded(self, words: tuple[RecognizedWord, ...]) -> GuardedHypothesis:
        """Combine the verdicts. `words` are those that are kept, if they were needed."""
        is_spoken = bool(self.repetition and self.repetition.is_spoken)
        # A loop of the decoder is easy to predict, so the whole text looks probable. What a speaker repeats counts.
        is_looped = self.is_cut and not is_spoken
        logprob = _mean_word_logprob(words) if is_looped else self.logprob
        hypothesis = Hypothesis(
            self.kept.text,
            self.language.code,
            self.language.probability,
            logprob,
            self.no_speech,
            words if self.speech.words else (),
            languages=self.language.detected,
            omitted=omissions.find_omission(words, self.voice, self.speech.prefix) if self.may_omit and words else None,
            decoded=self.text.text if self.is_cut else "",
            repetition_spoken=is_spoken,
            temperature=self.temperature,
            logprob_without_prompt=logprob_without_prompt(words) if self.is_prompted else None,
            translated=self.is_translated,
        )
        objection = hallucinations.retry_reason(self.text.text, seconds(self.speech), self.logprob, self.repetition)
        is_accepted = objection == "loop" and is_looped and bool(words) and logprob > ACCEPTED_LOGPROB
        return GuardedHypothesis(hypothesis, "" if is_accepted else objection)


def seconds(speech: Speech) -> float:
    """Duration of the audio."""
    return len(speech.samples) / SAMPLE_RATE


def _mean_word_logprob(words: tuple[RecognizedWord, ...]) -> float:
    return float(np.mean([np.log(max(word.probability, 1e-6)) for word in words])) if words else 0.0
