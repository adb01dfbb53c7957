"""The fields of `start` about enrolled voices. They cannot be changed during a session."""

from typing import Annotated

from pydantic import AfterValidator, Field

from backend.messages.options import Message, Options

# Characters of a name.
MAX_NAME = 64
# Enrolled speakers that one session may name.
MAX_KNOWN_SPEAKERS = 20
DEFAULT_DAYS, MAX_DAYS = 365, 3_650


def checked_name(name: str) -> str:
    """Return the name. Raises ValueError if it cannot be one: numbers are the labels of speakers without a name."""
    if not name or len(name) > MAX_NAME or name != name.strip() or not name.isprintable() or "/" in name:
        raise ValueError(f"a name has 1 to {MAX_NAME} printable characters, without / and without spaces around it")
    if name.isdigit():
        raise ValueError("a name must not be a number, because numbers are the labels of other speakers")
    if name in (".", ".."):
        raise ValueError('a name must not be "." or "..", because the URL to delete the voice cannot contain them')
    return name


SpeakerName = Annotated[str, AfterValidator(checked_name)]


class Enrolment(Message):
    """The name under which a session stores the voice of its speaker."""

    name: SpeakerName
    """An earlier voice with this name is replaced."""
    consent: bool = False
    """Whether the speaker has agreed that their voice is stored. Without it, the session is refused."""
    days: int = Field(default=DEFAULT_DAYS, ge=1, le=MAX_DAYS)
    """Days until the server deletes the voice."""


class VoiceStart(Options):
    """The fields of `start` about enrolled voices."""

    enrol: Enrolment | None = None
    """Enrols the speaker: each utterance is a sample of their voice, and `stop` stores it."""
    known_speakers: tuple[SpeakerName, ...] = Field(default=(), max_length=MAX_KNOWN_SPEAKERS)
    """With `speakers`: enrolled speakers whose finals have their name as the label."""
    only_speaker: str = ""
    """Name of an enrolled speaker. Speech of other voices gives no text, but `speech_ignored`."""
