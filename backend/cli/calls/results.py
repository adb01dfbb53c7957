"""The results of a call through any door. `speaker` is the number of the channel, from 0."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallUtterance:
    """The text of an utterance. Times are those of the server."""

    speaker: int
    number: int
    start_ms: int
    end_ms: int
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class CallTranslation:
    """The translation of an utterance."""

    speaker: int
    number: int
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class CallProblem:
    """An utterance, or a translation, without text. The call continues."""

    speaker: int | None
    code: str
    message: str


CallResult = CallUtterance | CallTranslation | CallProblem
