"""Parse the `verbose_json` answers of OpenAI-compatible speech endpoints into hypotheses.

Endpoints differ: the language is a name or a code; words come with or without spaces, punctuation and probabilities, or
not at all. Only the text is relied on. It is split into words here, which get their times from whatever the endpoint
reports. https://platform.openai.com/docs/api-reference/audio/verbose-json-object
"""

import math
import re
from collections.abc import Sequence
from itertools import accumulate

from pydantic import BaseModel

from backend.errors import ProtocolError
from backend.messages import languages
from backend.messages.jobs import SAMPLE_RATE
from backend.text.normalize import letters
from backend.text.writing_systems import WORD
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, Speech

# Language names in Whisper's spelling, and Whisper's codes.
_CODES = {language.name.lower(): language.whisper for language in languages.LANGUAGES if language.whisper}
_CODES |= {"chinese": "zh", "myanmar": "my", "nynorsk": "nn"}
_WORDS = re.compile(rf"\s*(?:{WORD})")


class TimeSpan(BaseModel, frozen=True):
    """A part of the text, in seconds from the start of the audio."""

    start: float = 0.0
    end: float = 0.0


class TranscriptionWord(TimeSpan):
    """A word, with or without the space and punctuation around it."""

    word: str


class TranscriptionSegment(TimeSpan):
    """About a sentence, with the model's confidence."""

    text: str = ""
    avg_logprob: float | None = None
    no_speech_prob: float | None = None


class VerboseTranscription(BaseModel, frozen=True):
    """The answer of an endpoint. Only `text` is required; `language` is a code ("en") or a name ("english")."""

    text: str
    language: str | None = None
    segments: tuple[TranscriptionSegment, ...] | None = None
    words: tuple[TranscriptionWord, ...] | None = None

    def hypothesis(self, speech: Speech) -> Hypothesis:
        """Convert to a hypothesis. An endpoint that reports no probabilities is trusted."""
        text = _with_prefix(speech.prefix, self.text.strip())
        logprob = _mean([segment.avg_logprob for segment in self.segments or ()])
        words = self._timed_words(text, _seconds(speech), math.exp(min(0.0, logprob))) if speech.words else ()
        # Endpoints name the language of a translation, not that of the speech.
        detected = "" if speech.translate else _whisper_code(self.language)
        language = speech.language or detected or speech.last_language or "en"
        return Hypothesis(
            text=text,
            language=language,
            language_probability=1.0,
            avg_logprob=logprob,
            no_speech_probability=_mean([segment.no_speech_prob for segment in self.segments or ()]),
            words=words,
            translated=speech.is_translated_from(language),
        )

    def _timed_words(self, text: str, seconds: float, probability: float) -> tuple[RecognizedWord, ...]:
        """Split the text into words. A word lasts from its first letter to its last."""
        clock = self._letter_times(seconds) or [(0.0, seconds)]
        words: list[RecognizedWord] = []
        seen = 0
        for word in _WORDS.findall(text):
            first, seen = seen, seen + len(letters(word))
            start, _ = clock[min(first, len(clock) - 1)]
            _, end = clock[min(max(first, seen - 1), len(clock) - 1)]
            start, end = min(max(start, 0.0), seconds), min(max(start, end), seconds)
            words.append(RecognizedWord(word, start, max(start, end), probability))
        return tuple(words)

    def _letter_times(self, seconds: float) -> list[tuple[float, float]]:
        """Start and end of each letter, as if all letters of a word, or of a segment, were equally long."""
        spans = [(word.word, word.start, word.end) for word in self.words or ()]
        spans = spans or [(segment.text, segment.start, segment.end) for segment in self.segments or ()]
        times: list[tuple[float, float]] = []
        for text, start, end in spans or [(self.text, 0.0, seconds)]:
            count = len(letters(text))
            step = (end - start) / max(1, count)
            times += [(start + i * step, start + (i + 1) * step) for i in range(count)]
        return times


def _with_prefix(prefix: str, text: str) -> str:
    """Make the text begin with the prefix: this API cannot force a model to do so.

    The prefix replaces the words that have about as many letters.
    """
    if text.startswith(prefix):
        return text
    words = _WORDS.findall(text)
    counts = [0, *accumulate(len(letters(word)) for word in words)]
    cut = min(range(len(counts)), key=lambda i: abs(counts[i] - len(letters(prefix))))
    return prefix + _trailing_punctuation("".join(words[:cut])) + "".join(words[cut:])


def _trailing_punctuation(text: str) -> str:
    return text[1 + max((i for i, character in enumerate(text) if letters(character)), default=-1) :]


def _whisper_code(language: str | None) -> str | None:
    """Whisper's code of a language given by name or code; None if it is unknown."""
    if not language:
        return None
    if code := _CODES.get(language.strip().lower()):
        return code
    try:
        return languages.whisper_code(language)
    except ProtocolError:
        return None


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0


def _seconds(speech: Speech) -> float:
    return len(speech.samples) / SAMPLE_RATE
