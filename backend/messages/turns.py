"""Events about speech, speakers, turns and interruptions. Pure."""

from typing import Literal

from backend.messages.channels import ChannelEvent
from backend.messages.decoding import Word
from backend.messages.options import Message


class TurnEnd(ChannelEvent):
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


class Interrupt(ChannelEvent):
    """The user interrupts the answer that the client plays. Sent once for each time that `responding` is set."""

    type: Literal["interrupt"] = "interrupt"
    utterance: int
    start_ms: int
    """Start of the interrupting speech."""
    at_ms: int
    """End of the audio that decided."""


class SpeechStarted(ChannelEvent):
    """Speech was detected."""

    type: Literal["speech_started"] = "speech_started"
    utterance: int
    """Number within the session, from 1."""
    start_ms: int


class SpeechEnded(ChannelEvent):
    """The utterance has ended. Its final follows."""

    type: Literal["speech_ended"] = "speech_ended"
    utterance: int
    end_ms: int


class EarlyFinal(ChannelEvent):
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


class EarlyFinalWithdrawn(ChannelEvent):
    """The `early_final` of the utterance is void, because more speech followed, or the client cleared the audio."""

    type: Literal["early_final_withdrawn"] = "early_final_withdrawn"
    utterance: int


class SpeakerSegment(Message):
    """A part of a final that one speaker says."""

    speaker: str
    """Label of the speaker."""
    similarity: float | None = None
    """Cosine similarity of the voice to earlier speech of this speaker, -1 to 1. None: there is none."""
    start_ms: int
    end_ms: int
    text: str


class SpeakersMerged(ChannelEvent):
    """Two labels turned out to be one speaker. Sent before the final that showed it."""

    type: Literal["speakers_merged"] = "speakers_merged"
    speaker: str
    """The label that stays."""
    merged: str
    """The label whose earlier finals are of `speaker` too. It is not used again."""


class Finalize(Message):
    """Ends the utterance in progress immediately."""

    type: Literal["finalize"] = "finalize"


class Clear(Message):
    """Discards the audio of the utterance in progress. It gets no final, and the next one has the same number."""

    type: Literal["clear"] = "clear"
