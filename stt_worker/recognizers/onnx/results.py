"""Turn the results of sherpa-onnx into hypotheses. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.messages.jobs import SAMPLE_RATE
from backend.text.normalize import letters
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, Speech
from stt_worker.recognizers.verbose_json import TranscriptionWord, VerboseTranscription

# A token lasts until the next one, or for this many seconds: a pause may follow it.
MAX_TOKEN_S = 0.4


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """The text of a piece of audio, and its tokens with their starts in seconds and log probabilities, if reported.

    `language`: the code that the model detected, or "".
    """

    text: str
    tokens: Sequence[str] = ()
    starts: Sequence[float] = ()
    logprobs: Sequence[float] = ()
    language: str = ""

    def hypothesis(self, speech: Speech, *, languages: frozenset[str] | None, aligned: bool) -> Hypothesis:
        """Convert to a hypothesis.

        The log probabilities are no basis for the guards, whose limits are those of Whisper: they give the confidence
        only. `languages`: those of the model. `aligned`: whether it repeats only what the audio repeats.
        """
        text = " ".join(self.text.split())
        found = VerboseTranscription(text=text, language=self._language(languages), words=self._timed_tokens(speech))
        hypothesis = found.hypothesis(speech)
        return replace(
            hypothesis,
            words=self._with_probabilities(hypothesis.words),
            confidence=math.exp(_mean(self.logprobs)) if self.logprobs else None,
            repetition_spoken=aligned,
        )

    def _language(self, languages: frozenset[str] | None) -> str | None:
        return self.language or (next(iter(languages)) if languages and len(languages) == 1 else None)

    def _timed_tokens(self, speech: Speech) -> tuple[TranscriptionWord, ...] | None:
        """The tokens as if they were words; None if the model reports no times."""
        if not self.tokens or len(self.starts) != len(self.tokens):
            return None
        seconds = len(speech.samples) / SAMPLE_RATE
        ends = [*self.starts[1:], seconds]
        return tuple(
            TranscriptionWord(word=token, start=start, end=max(start, min(end, start + MAX_TOKEN_S)))
            for token, start, end in zip(self.tokens, self.starts, ends, strict=True)
        )

    def _with_probabilities(self, words: Sequence[RecognizedWord]) -> tuple[RecognizedWord, ...]:
        """Give each word the mean over its letters of the log probabilities of their tokens."""
        by_letter = [
            logprob for token, logprob in zip(self.tokens, self.logprobs, strict=False) for _ in letters(token)
        ]
        if len(self.logprobs) != len(self.tokens) or not by_letter:
            return tuple(words)
        seen, judged = 0, []
        for word in words:
            own = by_letter[seen : seen + len(letters(word.text))] or by_letter[-1:]
            seen += len(letters(word.text))
            judged.append(replace(word, probability=math.exp(min(0.0, _mean(own))), logprob=_mean(own)))
        return tuple(judged)


def language_code(reported: str) -> str:
    """The code in a token of a language: "<|en|>" is "en"."""
    return reported.strip("<|>")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
