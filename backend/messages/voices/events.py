"""Events about enrolled voices. Pure."""

from typing import Literal

from backend.messages.channels import ChannelEvent

IgnoreReason = Literal["other_voice", "too_short", "not_checked"]


class EnrolmentSample(ChannelEvent):
    """Whether an utterance can be a sample of the voice that this session enrols. Sent before its final."""

    type: Literal["enrolment_sample"] = "enrolment_sample"
    utterance: int
    accepted: bool
    reason: str = ""
    """Why it is not accepted: "no_speech", "too_short", "too_quiet", "distorted", "too_noisy", "mixed" or
    "not_measured". "": it is accepted."""
    message: str = ""
    """The reason in words."""
    start_ms: int = 0
    """Times of the utterance in the audio of the session."""
    end_ms: int = 0
    speech_ms: int = 0
    level_db: float | None = None
    """Level of the speech, in dB below full scale."""
    snr_db: float | None = None
    """Level of the speech above that of the noise, in dB."""


class SpeakerEnrolled(ChannelEvent):
    """The voice is stored. `done` follows."""

    type: Literal["speaker_enrolled"] = "speaker_enrolled"
    name: str
    samples: int
    """Samples that are used."""
    similarity: float
    """Cosine similarity of the two samples that differ most, -1 to 1."""
    expires: int
    """Unix time in seconds at which the server deletes the voice."""


class SpeechIgnored(ChannelEvent):
    """With `only_speaker`: speech that gives no text. Sent before the final of its utterance."""

    type: Literal["speech_ignored"] = "speech_ignored"
    utterance: int
    start_ms: int
    end_ms: int
    duration_ms: int
    reason: IgnoreReason
    """"other_voice"; "too_short" to compare; "not_checked": no worker could compare it."""
    similarity: float | None = None
    """Cosine similarity to the voice of the speaker, -1 to 1. None: there is none."""
    by_majority: bool = False
    """Whether the utterance has several voices that could not be separated, so that most of its pieces decided."""
