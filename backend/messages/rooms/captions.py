"""Captions of a room. Pure."""

from typing import Literal

from backend.messages.options import Message

ROOM_PATTERN = r"^[a-z0-9][a-z0-9-]{0,47}$"
# Or "": none.
ROOM_OR_NONE_PATTERN = r"^([a-z0-9][a-z0-9-]{0,47})?$"
# The beginning of an encoded caption, which distinguishes it from the events of sessions.
CAPTION_PREFIX = b'{"type":"caption"'
# Fields of a caption that only gateways use.
_INTERNAL = {"translate_to", "is_missing", "is_correction", "cursor"}
# Characters of a corrected line.
MAX_CORRECTION = 2_000


class Caption(Message):
    """The text of a line of a room in one language. A later caption of the same line replaces an earlier one."""

    type: Literal["caption"] = "caption"
    line: str
    """Id of the line in the room."""
    text: str
    """Empty if the line has no words. Remove it."""
    language: str
    """Language of the text."""
    is_translation: bool = False
    is_final: bool = False
    """Whether the text stays as it is."""
    speaker: str | None = None
    """Label of the speaker, if the session labels speakers."""
    start_ms: int | None = None
    end_ms: int | None = None
    merged_speakers: dict[str, str] | None = None
    """Labels that turned out to be another speaker, each with the label that stays. Rename them in earlier lines whose
    ids begin with the same characters up to the hyphen."""
    corrected: bool | None = None
    """True if a moderator has changed the text."""
    translate_to: tuple[str, ...] = ()
    """For gateways: languages of the final translations that follow."""
    is_missing: bool = False
    """For gateways: there is no translation into `language` ("": any language), for the reason in a notice or error."""
    is_correction: bool = False
    """For gateways: replaces the text of an earlier caption of the line in this language ("": in all languages)."""
    cursor: str = ""
    """Position in the log of the room. Final captions only."""

    def reader_json(self, cursor: str | None) -> str:
        """The caption as readers receive it."""
        public = self.model_dump_json(exclude=_INTERNAL, exclude_none=True)
        return public if cursor is None else f'{public[:-1]},"cursor":"{cursor}"}}'

    @property
    def session(self) -> str:
        """The common part of the ids of the session's lines."""
        return self.line.rpartition("-")[0]


def encode_caption(caption: Caption) -> str:
    """The caption as gateways exchange it: with its type, and without other default values."""
    body = caption.model_dump_json(exclude_defaults=True)
    return f"{CAPTION_PREFIX.decode()},{body[1:]}"
