"""The parameters of a reader. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backend.errors import ProtocolError
from backend.messages.channels import CURSOR_PATTERN
from backend.messages.languages import flores_code
from backend.messages.rooms.captions import ROOM_PATTERN
from gateway.rooms.languages import SPOKEN

# Lines that a late reader gets.
DEFAULT_LINES, MAX_LINES = 10, 100
# Stands for SPOKEN in a URL.
SPOKEN_NAME = "spoken"


@dataclass(frozen=True, slots=True)
class Reading:
    """A room, the language in which it is read, and where to start: after `cursor`, or with the last lines."""

    room: str
    language: str = SPOKEN
    lines: int = DEFAULT_LINES
    cursor: str = ""
    # Whether captions that wait for a moderator are shown, too.
    sees_held: bool = False
    # The id of the link by which the reader was admitted, or "".
    link: str = ""
    # The id of the reader's own API key, or "".
    key: str = ""


def checked_room(room: str) -> str:
    """Return the name of a room. Raises ProtocolError `invalid_message`."""
    if not re.fullmatch(ROOM_PATTERN, room):
        raise ProtocolError("a room is 1 to 48 lower-case letters, digits and hyphens", code="invalid_message")
    return room


def parse_reading(room: str, query: Mapping[str, str], last_event_id: str = "") -> Reading:
    """Read the query of a URL. Raises ProtocolError `invalid_message` and `unsupported_language`."""
    language = query.get("lang", SPOKEN_NAME)
    if language != SPOKEN_NAME:
        flores_code(language)
    lines = query.get("lines", str(DEFAULT_LINES))
    if not re.fullmatch("[0-9]{1,3}", lines) or int(lines) > MAX_LINES:
        raise ProtocolError(f"lines: must be 0 to {MAX_LINES}", code="invalid_message")
    # A browser that reconnects repeats the URL, and adds the header.
    cursor = last_event_id or query.get("cursor", "")
    if cursor and not re.fullmatch(CURSOR_PATTERN, cursor):
        raise ProtocolError("cursor: must be the `cursor` of a caption", code="invalid_message")
    held = query.get("held", "0")
    if held not in ("0", "1"):
        raise ProtocolError("held: must be 0 or 1", code="invalid_message")
    language = SPOKEN if language == SPOKEN_NAME else language
    return Reading(checked_room(room), language, int(lines), cursor, sees_held=held == "1")
