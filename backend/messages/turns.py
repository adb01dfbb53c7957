"""Messages about turns: when the speaker has finished. Pure."""

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
    """Silence after the last speech."""
    probability: float | None = None
    """Probability that the speaker has finished, 0 to 1. None if no worker has judged the last pause."""
