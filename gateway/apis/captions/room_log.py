"""Reads the log of a room for feeds that are requested again and again."""

from collections.abc import Sequence

from backend.messages.rooms.captions import Caption
from backend.streams.rooms.rooms import RedisRooms
from gateway.rooms.feed import MAX_READ_LANGUAGES, TooManyLanguagesError
from gateway.rooms.languages import SPOKEN, written_language
from gateway.rooms.lines.corrections import LoggedCaption
from gateway.rooms.lines.held import shown_captions


async def logged_captions(rooms: RedisRooms, room: str, since_ms: int = 0) -> list[LoggedCaption]:
    """The final captions since a Unix time, oldest first, each with its cursor. Raises REDIS_ERRORS."""
    messages = [message async for message in rooms.read_log(room, f"{max(since_ms - 1, 0)}-0")]
    return [(one.cursor, one.event) for one in messages if one.cursor and isinstance(one.event, Caption)]


async def readable_captions(rooms: RedisRooms, room: str) -> Sequence[LoggedCaption]:
    """The final captions that do not wait for a moderator. Raises REDIS_ERRORS."""
    hold = await rooms.hold(room)
    return shown_captions(await logged_captions(rooms, room), hold)


async def keep_translating(rooms: RedisRooms, room: str, language: str) -> None:
    """Count a request as a reader of this language. Raises TooManyLanguagesError and REDIS_ERRORS."""
    if language == SPOKEN:
        return
    read = await rooms.languages(room)
    same = next((code for code in read if written_language(code) == written_language(language)), None)
    if same is None and len(read) >= MAX_READ_LANGUAGES:
        raise TooManyLanguagesError
    await rooms.renew_languages(room, [same or language])
