"""Finds readers whose right to read has ended."""

from collections.abc import Awaitable, Callable, Iterable

from backend.streams.rooms.links import RoomLinks
from backend.streams.rooms.rooms import RedisRooms
from gateway.rooms.reader import RoomReader


class AccessWatch:
    """Checks keys and links of the readers of a room."""

    def __init__(self, rooms: RedisRooms, links: RoomLinks, is_revoked: Callable[[str], Awaitable[bool]]) -> None:
        """`is_revoked` returns whether the caller with an id had a key that was revoked or has expired."""
        self._rooms, self._links, self._is_revoked = rooms, links, is_revoked

    async def end_readers(self, room: str, readers: Iterable[RoomReader]) -> None:
        """Disconnect readers whose link, or whose key or that of the room, has ended. Raises REDIS_ERRORS."""
        present = list(readers)
        owner = await self._rooms.owner(room) or ""
        revoked = {key for key in {owner, *(one.key for one in present)} if await self._is_revoked(key)}
        links = await self._valid_links(room, present)
        for reader in present:
            if owner in revoked or reader.key in revoked:
                reader.end("key_ended")
            elif reader.link not in links:
                reader.end("link_ended")

    async def _valid_links(self, room: str, readers: Iterable[RoomReader]) -> set[str]:
        if not any(reader.link for reader in readers):
            return {""}
        return {"", *(link.id for link in await self._links.all(room))}
