"""What an OpenAI-compatible speech endpoint answers (`verbose_json`), and the hypothesis it amounts to.

Endpoints differ: language by name or code, words with or without spaces, punctuation and probabilities, or none at
all. So the text is what counts: it is cut into words here, which take their times from what the endpoint says of them.
https://platform.openai.com/docs/api-reference/audio/verbose-json-object
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import accumulate

from pydantic import BaseModel, ConfigDict

from backend.errors import ProtocolError
from backend.messages import languages
from backend.messages.jobs import SAMPLE_RATE
from backend.text.normalize import letters
from backend.text.scripts import WORD
from stt_worker.recognizers.recognizer import Hypothesis, Speech, TimedWord

_NAMED = {language.name.lower(): language.whisper for language in languages.LANGUAGES if language.whisper}
_NAMED |= {"chinese": "zh", "myanmar": "my", "nynorsk": "nn"}
"""Whisper's names for languages, and its codes."""
_WORDS = re.compile(rf"\s*(?:{WORD})")


class Spoken(BaseModel):
    """A stretch of the text: seconds from the audio's start."""

    model_config = ConfigDict(frozen=True)

    start: float = 0.0
    end: float = 0.0


class Word(Spoken):
    """With or without the space and the punctuation around it."""

    word: str


class Segment(Spoken):
    """A sentence or so, and how sure the model is of it."""

    text: str = ""
    avg_logprob: float | None = None
    no_speech_prob: float | None = None


class Answer(BaseModel):
    """The endpoint's answer; `text` is all that it must hold."""

    model_config = ConfigDict(frozen=True)

    text: str
    language: str | None = None
    """"en" or "english"."""
    segments: tuple[Segment, ...] | None = None
    words: tuple[Word, ...] | None = None

    def hypothesis(self, speech: Speech) -> Hypothesis:
        """What was heard. An endpoint that says nothing of its doubts is taken at its word."""
        text = _after_prefix(speech.prefix, self.text.strip())
        logprob = _mean([segment.avg_logprob for segment in self.segments or ()])
        words = self._timed(text, _seconds(speech), math.exp(min(0.0, logprob))) if speech.words else ()
        return Hypothesis(
            text=text,
            language=speech.language or _code(self.language) or speech.heard or "en",
            language_probability=1.0,
            avg_logprob=logprob,
            no_speech_probability=_mean([segment.no_speech_prob for segment in self.segments or ()]),
            words=words,
        )

    def _timed(self, text: str, seconds: float, probability: float) -> tuple[TimedWord, ...]:
        """The text's words. Each is spoken from its first letter to its last."""
        clock = self._letter_times(seconds) or [(0.0, seconds)]
        timed: list[TimedWord] = []
        said = 0
        for word in _WORDS.findall(text):
            first, said = said, said + len(letters(word))
            start, _ = clock[min(first, len(clock) - 1)]
            _, end = clock[min(max(first, said - 1), len(clock) - 1)]
            start, end = min(max(start, 0.0), seconds), min(max(start, end), seconds)
            timed.append(TimedWord(word, start, max(start, end), probability))
        return tuple(timed)

    def _letter_times(self, seconds: float) -> list[tuple[float, float]]:
        """When each letter begins and ends, as if all of a word, or else of a segment, were equally long."""
        known = [(word.word, word.start, word.end) for word in self.words or ()]
        known = known or [(segment.text, segment.start, segment.end) for segment in self.segments or ()]
        times: list[tuple[float, float]] = []
        for text, start, end in known or [(self.text, 0.0, seconds)]:
            count = len(letters(text))
            step = (end - start) / max(1, count)
            times += [(start + i * step, start + (i + 1) * step) for i in range(count)]
        return times


def _after_prefix(prefix: str, text: str) -> str:
    """The text, made to begin with the prefix, to which this interface cannot force a model.

    It goes on behind the word up to which it has about as many letters as the prefix.
    """
    if text.startswith(prefix):
        return text
    words = _WORDS.findall(text)
    counts = [0, *accumulate(len(letters(word)) for word in words)]
    cut = min(range(len(counts)), key=lambda i: abs(counts[i] - len(letters(prefix))))
    return prefix + _punctuation_at_the_end("".join(words[:cut])) + "".join(words[cut:])


def _punctuation_at_the_end(text: str) -> str:
    return text[1 + max((i for i, character in enumerate(text) if letters(character)), default=-1) :]


def _code(said: str | None) -> str | None:
    """Whisper's code for a language that is given by name or code; None when it is unknown."""
    if not said:
        return None
    if named := _NAMED.get(said.strip().lower()):
        return named
    try:
        return languages.whisper_code(said)
    except ProtocolError:
        return None


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0


def _seconds(speech: Speech) -> float:
    return len(speech.samples) / SAMPLE_RATE
