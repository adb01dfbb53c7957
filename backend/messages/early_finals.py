"""Messages about early finals, the words of a text, and how a recognizer decoded it. Pure."""

from typing import Literal

from backend.messages.options import Message


class Word(Message):
    """A word of a text, with its times."""

    word: str
    """With the space before it: the joined words are the text."""
    start_ms: int
    end_ms: int
    confidence: float
    """Probability, 0 to 1. 0 for a word of a partial that the latest audio does not confirm."""


class EarlyFinal(Message):
    """Text of an utterance that may be over: a pause has lasted for `early_final_ms`.

    The `final` has the same text, unless `early_final_withdrawn` comes before it. If an `error` replaces the final, or
    the session is resumed, the early final is void. A busy server sends none.
    """

    type: Literal["early_final"] = "early_final"
    utterance: int
    text: str
    """Never empty."""
    language: str
    confidence: float
    """Mean token probability, 0 to 1."""
    start_ms: int
    end_ms: int
    silence_ms: int
    """Silence after the last speech when the event was sent."""
    words: tuple[Word, ...] | None = None
    turn_probability: float | None = None
    """With `turn_threshold`: the probability that the speaker has finished, 0 to 1, if a worker has judged it."""


class EarlyFinalWithdrawn(Message):
    """The `early_final` of the utterance is void, because more speech followed, or the client cleared the audio."""

    type: Literal["early_final_withdrawn"] = "early_final_withdrawn"
    utterance: int


class DecodedToken(Message):
    """A token of the recognizer's text."""

    id: int
    """Number in the vocabulary of the model."""
    bytes: tuple[int, ...]
    """Its text in UTF-8. A character may be divided among tokens."""
    logprob: float
    """Natural logarithm of its probability."""


class Decoding(Message):
    """How the recognizer decoded an utterance."""

    temperature: float
    """0: the most probable text. Above: sampled, because guards rejected the text at lower temperatures."""
    no_speech_probability: float
    """Probability that the audio contains no speech, 0 to 1."""
    tokens: tuple[DecodedToken, ...] = ()
    """The text, before its script is changed. Empty with recognizers that report none, such as remote ones."""
