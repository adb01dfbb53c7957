"""The words of a text, and how a recognizer decoded it, for clients that ask for `words` and `decoding`. Pure."""

from backend.messages.options import Message


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


class Word(Message):
    """A word of a text, with its times."""

    word: str
    """With the space before it: the joined words are the text."""
    start_ms: int
    end_ms: int
    confidence: float
    """Probability, 0 to 1. 0 for a word of a partial that the latest audio does not confirm."""
