"""Publishes a session in its room, and learns which languages are read there."""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial

import structlog

from backend.messages.jobs import cursor_position
from backend.messages.protocol import Message
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.rooms.rooms import LIVE, NO_POSITION, PublishedCaption, RedisRooms, RoomTakenError
from backend.streams.session.sessions import Sessions
from gateway.rooms.publishing.captions import CaptionBuilder

# Captions that wait for Redis. At the limit, the oldest are lost to the room, and the session continues.
MAX_WAITING = 1_000
# Captions of speech in progress are dropped earlier, because the final follows.
MAX_WAITING_LIVE = 50
# Captions in one call of Redis.
BATCH = 50
# Interval at which the languages are read from Redis.
LANGUAGES_EVERY_S = 1.0

# The position before the first event of a session.
BEGINNING = "0-0"

log = structlog.get_logger()


class RoomPublisher:
    """The room of one session, on the side of the speaker."""

    def __init__(
        self, rooms: RedisRooms, room: str, owner: str, session: str, settled: int = 0, speaker: str | None = None
    ) -> None:
        """`settled`: the last utterance that has a final. `speaker`: whose speech it is, if finals do not say."""
        self.room = room
        # Languages that are read in the room, on any gateway.
        self.read_languages: tuple[str, ...] = ()
        # Position in the session log. Earlier text is not for the room.
        self.begin = BEGINNING
        self._rooms, self._owner, self._session = rooms, owner, session
        self._builder = CaptionBuilder(session, settled, speaker)
        self._waiting: deque[PublishedCaption] = deque()
        self._changed, self._closed = asyncio.Event(), False

    @property
    def waiting(self) -> int:
        """Captions that wait for Redis."""
        return len(self._waiting)

    def publish(self, event: Message) -> None:
        """Queue the caption of an event, if readers see it."""
        caption = self._builder.caption(event)
        if caption is None or (not caption.is_final and len(self._waiting) >= MAX_WAITING_LIVE):
            return
        position = (getattr(event, "cursor", "") or NO_POSITION) if caption.is_final else LIVE
        if not self._is_shared(position):
            return
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            log.warning("caption_dropped", room=self.room)
        self._waiting.append(PublishedCaption(position, caption))
        self._changed.set()

    async def catch_up(self, sessions: Sessions, cursor: str) -> None:
        """Publish what the client has received on an earlier connection, but the room has not. Raises REDIS_ERRORS."""
        # The room may have forgotten what it has.
        seen = max(await self._rooms.seen(self.room, self._builder.line_prefix), self.begin, key=cursor_position)
        async for message in sessions.read_log(self._session, seen):
            if message.cursor and cursor_position(message.cursor) > cursor_position(cursor):
                return
            if isinstance(message.event, Message):
                self.publish(message.event)

    async def skip(self, cursor: str) -> None:
        """Leave out what the session has said up to a position in its log. Raises REDIS_ERRORS."""
        await self._rooms.skip(self.room, self._builder.line_prefix, cursor)

    def close(self) -> None:
        """The session has left the room. Queued captions are still published, and lines in progress are removed."""
        self._waiting.extend(PublishedCaption(LIVE, caption) for caption in self._builder.withdrawn())
        self._closed = True
        self._changed.set()

    async def run(self) -> None:
        """Publish until the session has ended."""
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow_languages())
            try:
                await self._publish_all()
            except RoomTakenError:
                log.warning("room_lost", room=self.room)
            except REDIS_ERRORS as error:
                log.error("captions_lost", room=self.room, error=str(error))
            finally:
                following.cancel()

    async def _publish_all(self) -> None:
        while self._waiting or not self._closed:
            if not self._waiting:
                self._changed.clear()
                await self._changed.wait()
                continue
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            lines = self._builder.line_prefix
            await retry_until_available(partial(self._rooms.publish, self.room, self._owner, lines, batch))

    async def _follow_languages(self) -> None:
        while True:
            with suppress(*REDIS_ERRORS):  # meanwhile the languages stay as they were
                self.read_languages = await self._rooms.languages(self.room)
            await asyncio.sleep(LANGUAGES_EVERY_S)

    def _is_shared(self, position: str) -> bool:
        return position in (LIVE, NO_POSITION) or cursor_position(position) > cursor_position(self.begin)
