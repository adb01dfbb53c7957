"""The parameters of caption feeds. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from backend.errors import ProtocolError
from gateway.rooms.languages import SPOKEN
from gateway.rooms.reading import SPOKEN_NAME, parse_reading

# Unix time in ms until the year 5138.
_TIME = re.compile(r"[0-9]{1,14}")
_NUMBER = re.compile("[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class FeedQuery:
    """The request of a reader: a room in one language."""

    room: str
    language: str = SPOKEN
    # Unix time at which the times of the feed begin; None: the first caption of the room.
    epoch_ms: int | None = None
    # Whether lines are sent as they are spoken.
    is_followed: bool = False


def parse_feed_query(room: str, query: Mapping[str, str]) -> FeedQuery:
    """Read the query of a URL. Raises ProtocolError `invalid_message` and `unsupported_language`."""
    language = query.get("language") or query.get("lang") or SPOKEN_NAME
    reading = parse_reading(room, {"lang": language})
    epoch = query.get("epoch_ms", "")
    if epoch and not _TIME.fullmatch(epoch):
        raise ProtocolError("epoch_ms: must be a Unix time in milliseconds", code="invalid_message")
    follow = query.get("follow", "0")
    if follow not in ("0", "1", "false", "true"):
        raise ProtocolError("follow: must be 0 or 1", code="invalid_message")
    return FeedQuery(reading.room, reading.language, int(epoch) if epoch else None, follow in ("1", "true"))


def parse_segment(number: str) -> int:
    """The number of a segment. Raises ProtocolError `invalid_message`."""
    if not _NUMBER.fullmatch(number):
        raise ProtocolError("a segment is named captions-N.vtt, N is a number", code="invalid_message")
    return int(number)


def segment_query(query: Mapping[str, str]) -> str:
    """The query of a segment in a playlist: players resolve its URL without that of the playlist (RFC 3986, 5.2)."""
    kept = {name: query[name] for name in ("language", "lang", "token", "epoch_ms") if name in query}
    return f"?{urlencode(kept)}" if kept else ""
