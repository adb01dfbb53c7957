"""Messages about early finals, and the words of a text. Pure."""

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
