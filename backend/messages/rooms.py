"""Captions of a room, and the links that let others read it. Pure."""

from typing import Literal

from pydantic import Field

from backend.messages.options import Message

ROOM_PATTERN = r"^[a-z0-9][a-z0-9-]{0,47}$"
# The beginning of an encoded caption, which distinguishes it from the events of sessions.
CAPTION_PREFIX = b'{"type":"caption"'
# Fields of a caption that only gateways use.
_INTERNAL = {"translate_to", "is_missing", "cursor"}
# Seconds.
MIN_LINK_S, MAX_LINK_S = 60, 30 * 86_400


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
    translate_to: tuple[str, ...] = ()
    """For gateways: languages of the final translations that follow."""
    is_missing: bool = False
    """For gateways: there is no translation into `language` ("": any language), for the reason in a notice or error."""
    cursor: str = ""
    """Position in the log of the room. Final captions only."""

    def reader_json(self, cursor: str | None) -> str:
        """The caption as readers receive it."""
        public = self.model_dump_json(exclude=_INTERNAL, exclude_none=True)
        return public if cursor is None else f'{public[:-1]},"cursor":"{cursor}"}}'


class RoomLink(Message):
    """A link that lets its holder read a room. Times are Unix time in seconds."""

    id: str
    name: str = Field(default="", max_length=100)
    """For the owner of the room."""
    created: int
    expires: int
    token_hash: str = ""

    def summary(self) -> dict[str, object]:
        """The link as its owner sees it."""
        return self.model_dump(exclude={"token_hash"})
