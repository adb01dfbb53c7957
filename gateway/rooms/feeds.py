"""The rooms that are read on this gateway."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from backend.errors import ClientError
from backend.streams.rooms.rooms import RedisRooms
from backend.streams.session.fanout import Fanout
from gateway import metrics
from gateway.rooms.access_watch import AccessWatch
from gateway.rooms.feed import RoomFeed
from gateway.rooms.reader import RoomReader
from gateway.rooms.reading import Reading
from gateway.rooms.tasks import RoomTasks


class TooManyReadersError(ClientError):
    """This gateway has as many readers as it may have."""

    code = "too_many_readers"
    close_code = 1013
    retry_after_s = 5.0


class RoomFeeds:
    """One feed for each room with readers."""

    def __init__(
        self,
        rooms: RedisRooms,
        watch: AccessWatch,
        fanout: Fanout,
        tasks: RoomTasks,
        max_readers: int,
        is_draining: Callable[[], bool],
    ) -> None:
        self._rooms, self._watch, self._fanout, self._tasks = rooms, watch, fanout, tasks
        self._max_readers, self._is_draining = max_readers, is_draining
        # By room, and whether its readers see what is held.
        self._feeds: dict[tuple[str, bool], RoomFeed] = {}
        self._count = 0

    @asynccontextmanager
    async def read(self, reading: Reading) -> AsyncIterator[RoomReader]:
        """A reader of a room. Raises TooManyReadersError, and as `RoomFeed.join`."""
        if self._count >= self._max_readers:
            raise TooManyReadersError("this gateway has too many readers; try again later")
        self._count += 1
        try:
            feed = self._feed(reading.room, sees_held=reading.sees_held)
            reader, language = await feed.join(reading)
            metrics.ROOM_READERS.inc()
            try:
                yield reader
            finally:
                feed.leave(reader, language)
                metrics.ROOM_READERS.dec()
                metrics.ROOM_READERS_ENDED.labels(reader.ended or "left").inc()
        finally:
            self._count -= 1

    def _feed(self, room: str, *, sees_held: bool) -> RoomFeed:
        key = room, sees_held
        if key not in self._feeds or self._feeds[key].is_closing:
            feed = RoomFeed(room, self._rooms, self._watch, self._fanout, self._is_draining, sees_held=sees_held)
            self._feeds[key] = feed
            self._tasks.start(self._run(key, feed))
        return self._feeds[key]

    async def _run(self, key: tuple[str, bool], feed: RoomFeed) -> None:
        try:
            await feed.run()
        finally:
            if self._feeds[key] is feed:
                del self._feeds[key]
            feed.close()
