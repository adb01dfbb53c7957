"""Rooms in Redis: their owner, their captions, and the languages that are read."""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.errors import ClientError
from backend.messages.jobs import ChannelMessage, cursor_position, decode_channel_message
from backend.messages.rooms.captions import Caption, encode_caption
from backend.messages.rooms.moderation import RoomHold
from backend.service.settings import ServiceSettings
from backend.streams.names import shard_of
from backend.streams.scripts import load_script

# A room without captions and links is forgotten after this time.
ROOM_TTL_S = 86_400
# Final captions in the log.
MAX_CAPTIONS = 1_000
# A language counts as read for this long after its readers were last seen. It is renewed three times as often.
LANGUAGE_TTL_S, RENEW_EVERY_S = 10.0, 3.0
# Of the sorted set of languages.
LANGUAGES_KEY_TTL_S = 60
# Position in the session log of a final caption without a cursor, and of speech in progress.
NO_POSITION, LIVE = "-", ""
# Captions of a room whose text is replaced. Beyond that, the oldest ones are forgotten.
MAX_CORRECTED = 1_000

log = structlog.get_logger()


class RoomTakenError(ClientError):
    """The room belongs to another key."""

    code = "room_taken"

    def __init__(self, room: str) -> None:
        super().__init__(f"the room {room!r} belongs to another key: choose another name")


@dataclass(frozen=True, slots=True)
class PublishedCaption:
    """A caption, and the position in the session log of the event that it shows."""

    position: str
    caption: Caption


class RedisRooms:
    """All rooms of a system."""

    def __init__(self, redis: Redis, settings: ServiceSettings, now: Callable[[], float] = time.time) -> None:
        self._redis, self._shards, self._now = redis, settings.shards, now
        self._script: AsyncScript = redis.register_script(load_script("rooms/room"))

    def channel(self, room: str) -> str:
        """The channel of the room's captions."""
        return self.key(room, "events")

    async def claim(self, room: str, owner: str) -> None:
        """Let a caller ("": anonymous) own a room. Raises RoomTakenError."""
        if not await self.run(room, "claim", owner):
            raise RoomTakenError(room)

    async def owner(self, room: str) -> str | None:
        """The caller that owns the room, or None if no caller has used it recently."""
        found = cast("bytes | None", await self._redis.hget(self.key(room, "state"), "owner"))
        return None if found is None else found.decode()

    async def started_ms(self, room: str) -> int | None:
        """Unix time of the first caption; None if there is none, or an earlier release has published it."""
        found = cast("bytes | None", await self._redis.hget(self.key(room, "state"), "started"))
        return int(found) if found else None

    async def hold(self, room: str) -> RoomHold:
        """How long lines wait for the moderators of the room."""
        hold_ms, released, now_ms = cast("list[bytes]", await self.run(room, "hold"))
        return RoomHold(int(hold_ms), released.decode(), int(now_ms))

    async def set_hold(self, room: str, hold_ms: int) -> None:
        """Hold later lines for this time; 0: show all."""
        await self.run(room, "set_hold", hold_ms)

    async def release(self, room: str, cursor: str) -> None:
        """Show what is held up to a position in the log. Later lines stay held, and an unknown room is not created."""
        await self.run(room, "release", cursor)

    async def publish(self, room: str, owner: str, lines: str, captions: Sequence[PublishedCaption]) -> None:
        """Publish captions of one session in order, except those that the room has. Raises RoomTakenError.

        `lines`: the common part of the ids of the session's lines.
        """
        arguments = [part for one in captions for part in (one.position, encode_caption(one.caption))]
        answer = await self.run(room, "publish", owner, MAX_CAPTIONS, *arguments, seen=f"seen:{lines}")
        if not answer:
            raise RoomTakenError(room)

    async def seen(self, room: str, lines: str) -> str:
        """Position in the log of a session up to which the room has its captions."""
        found = cast("bytes | None", await self._redis.get(self.key(room, f"seen:{lines}")))
        return found.decode() if found else "0-0"

    async def skip(self, room: str, lines: str, position: str) -> None:
        """Leave out the captions of a session up to a position in its log: it was not published until then."""
        await self._redis.set(self.key(room, f"seen:{lines}"), position, ex=ROOM_TTL_S)

    async def read_log(self, room: str, cursor: str = "0-0") -> AsyncIterator[ChannelMessage]:
        """Yield the final captions after `cursor`, oldest first, with corrected text. Unreadable ones are skipped."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xrange(self.key(room, "log"), min=f"({cursor}", max="+")
            pipe.hgetall(self.key(room, "corrected"))
            entries, corrected = await pipe.execute()
        logged = {entry_id.decode(): fields.get(b"e", b"") for entry_id, fields in entries}
        logged |= {at.decode(): caption for at, caption in corrected.items()}
        for entry_id in sorted(logged, key=cursor_position):
            if cursor_position(entry_id) <= cursor_position(cursor):
                continue
            try:
                yield decode_channel_message(f"{entry_id} ".encode() + logged[entry_id])
            except ValueError as error:
                log.warning("unreadable_event_ignored", room=room, entry=entry_id, error=str(error))

    async def correct(self, room: str, correction: Caption, changed: Mapping[str, Caption | None]) -> None:
        """Publish a correction, and replace captions of the log, by cursor. Their old text is deleted.

        A caption that is replaced by None is removed.
        """
        pairs: list[str] = []
        for cursor, caption in changed.items():
            pairs += cursor, encode_caption(caption) if caption else ""
        await self.run(room, "correct", MAX_CAPTIONS, MAX_CORRECTED, encode_caption(correction), *pairs)

    async def renew_languages(self, room: str, languages: Iterable[str]) -> None:
        """Note that these languages are read now, by any number of readers."""
        key, expires = self.key(room, "languages"), 1_000 * (self._now() + LANGUAGE_TTL_S)
        if scores := dict.fromkeys(languages, expires):
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zadd(key, scores, gt=True)
                pipe.expire(key, LANGUAGES_KEY_TTL_S)
                await pipe.execute()

    async def languages(self, room: str) -> tuple[str, ...]:
        """The languages that are read on any gateway."""
        key, now = self.key(room, "languages"), 1_000 * self._now()
        found = cast("list[bytes]", await self._redis.zrangebyscore(key, now, "+inf"))
        return tuple(sorted(code.decode() for code in found))

    def key(self, room: str, part: str) -> str:
        """The name of a part of the room in Redis."""
        return shard_of(room, self._shards).room(room, part)

    async def run(self, room: str, operation: str, *arguments: str | int, seen: str = "seen", keep_s: int = 0) -> Any:
        """Run an operation of room.lua. `keep_s`: seconds to keep the room, if they exceed the usual time."""
        keys = [self.key(room, part) for part in ("state", "log", "links", "events", seen, "corrected")]
        return await self._script(keys=keys, args=[operation, 1_000 * max(ROOM_TTL_S, keep_s), *arguments])
