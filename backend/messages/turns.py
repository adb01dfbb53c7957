"""Messages about turns: when the speaker has finished, and when the user interrupts an answer. Pure."""

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
