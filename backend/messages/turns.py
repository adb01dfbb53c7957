"""Messages about turns: speakers, the ends of turns, and interruptions of an answer. Pure."""

from typing import Literal

from backend.messages.options import Message


class TurnEnd(Message):
    """The speaker has finished, with this utterance. Its final follows. Only in sessions with `turn_threshold`.

    An utterance that was cut because of its length ends no turn.
    """

    type: Literal["turn_end"] = "turn_end"
    utterance: int
    end_ms: int
    silence_ms: int
    """Silence after the last speech, as far as it was received."""
    probability: float | None = None
    """Probability that the speaker has finished, 0 to 1. None if no worker has judged the last pause."""


class Interrupt(Message):
    """The user interrupts the answer that the client plays. Sent once for each time that `responding` is set."""

    type: Literal["interrupt"] = "interrupt"
    utterance: int
    start_ms: int
    """Start of the interrupting speech."""
    at_ms: int
    """End of the audio that decided."""


class SpeakerSegment(Message):
    """A part of a final that one speaker says."""

    speaker: str
    """Label of the speaker."""
    similarity: float | None = None
    """Cosine similarity of the voice to earlier speech of this speaker, -1 to 1. None: there is none."""
    start_ms: int
    end_ms: int
    text: str


class SpeakersMerged(Message):
    """Two labels turned out to be one speaker. Sent before the final that showed it."""

    type: Literal["speakers_merged"] = "speakers_merged"
    speaker: str
    """The label that stays."""
    merged: str
    """The label whose earlier finals are of `speaker` too. It is not used again."""
