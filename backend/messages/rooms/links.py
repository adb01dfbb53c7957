"""Links that let others read a room. Pure."""

from typing import Literal

from pydantic import Field

from backend.messages.options import Message

# Seconds.
MIN_LINK_S, DEFAULT_LINK_S, MAX_LINK_S = 60, 86_400, 30 * 86_400
MAX_LINK_NAME = 100
# moderate: also correct lines.
LinkScope = Literal["read", "moderate"]


class RoomLink(Message):
    """A link that lets its holder read a room. Times are Unix time in seconds."""

    id: str
    name: str = Field(default="", max_length=MAX_LINK_NAME)
    """For the owner of the room."""
    created: int
    expires: int
    scope: LinkScope = "read"
    token_hash: str = ""

    def summary(self) -> dict[str, object]:
        """The link as its owner sees it."""
        return self.model_dump(exclude={"token_hash"})
