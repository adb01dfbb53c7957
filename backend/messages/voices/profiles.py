"""Enrolled voices as they are measured, stored, and carried by jobs. Vectors are base64 of float16, little endian."""

from backend.messages.options import Message


class VoiceSample(Message):
    """The voice in an utterance of a session that enrols it, and the quality of the audio."""

    speech_s: float
    """Seconds of speech, without pauses."""
    level_db: float
    """Mean level of the speech, in dB below full scale."""
    snr_db: float
    """Level of the speech above that of the quietest parts."""
    clipped: float
    """Share of samples at full scale."""
    embedding: str
    pieces: tuple[str, ...] = ()
    """The voice in pieces of about 2.5 s."""
    short: tuple[str, ...] = ()
    """The voice in pieces of 1 s."""
    windows: tuple[str, ...] = ()
    """The voice in overlapping windows of 1.5 s, which show whether it changes. Earlier releases send none."""


class VoiceProfile(Message):
    """An enrolled voice. Redis deletes it when it expires."""

    name: str
    embedding: str
    threshold: float
    """Similarity from which on speech of 1.5 s or more is theirs. Chosen by how much their own samples differ."""
    short_threshold: float
    """The same for shorter speech."""
    samples: int
    seconds: float
    """Seconds of speech in the samples."""
    similarity: float
    """Similarity of the two samples that differ most."""
    consent: bool
    """Whether the speaker has agreed that their voice is stored."""
    created: int = 0
    """Unix time in seconds."""
    expires: int = 0
    """Unix time in seconds."""

    def summary(self) -> dict[str, object]:
        """Everything but the voice itself."""
        return self.model_dump(exclude={"embedding"})


class TargetVoice(Message):
    """The only voice that a session wants text of, as its jobs carry it."""

    embedding: str
    threshold: float
    short_threshold: float

    @classmethod
    def of(cls, profile: VoiceProfile) -> "TargetVoice":
        """The part of a profile that a worker needs."""
        return cls.model_validate(profile.model_dump(include=set(cls.model_fields)))
