"""Links for readers of a room. Redis has only the hash of a token, as of API keys (api_keys.py)."""

import re
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import cast

from pydantic import ValidationError
from redis.asyncio import Redis

from backend.errors import ClientError
from backend.messages.rooms.links import LinkScope, RoomLink
from backend.streams.rooms.rooms import RedisRooms, RoomTakenError

TOKEN_PREFIX = "read_"
TOKEN_PATTERN = re.compile(TOKEN_PREFIX + r"([0-9a-f]{12})_[0-9a-f]{48}")
# Links of a room that have not expired.
MAX_LINKS = 100


class TooManyLinksError(ClientError):
    """The room has as many links as it may have."""

    code = "too_many_links"

    def __init__(self) -> None:
        super().__init__(f"this room has {MAX_LINKS} links, and no more are allowed; revoke one first")


class UnknownLinkError(ClientError):
    """The room has no link with this id. It may have expired or been revoked."""

    code = "unknown_link"


class RoomLinks:
    """Creates, finds and revokes links."""

    def __init__(self, redis: Redis, rooms: RedisRooms, now: Callable[[], float] = time.time) -> None:
        self._redis, self._rooms, self._now = redis, rooms, now

    async def create(
        self, room: str, owner: str, name: str, lifetime_s: int, scope: LinkScope = "read"
    ) -> tuple[RoomLink, str]:
        """A new link and its token, which is stored nowhere. Raises RoomTakenError and TooManyLinksError."""
        now, link_id = int(self._now()), secrets.token_hex(6)
        token = f"{TOKEN_PREFIX}{link_id}_{secrets.token_hex(24)}"
        times = {"created": now, "expires": now + lifetime_s}
        link = RoomLink(id=link_id, name=name, scope=scope, token_hash=_hash(token), **times)
        answer = await self._rooms.run(
            room, "add_link", owner, link_id, link.model_dump_json(), MAX_LINKS, keep_s=lifetime_s
        )
        if answer == b"taken":
            raise RoomTakenError(room)
        if answer == b"full":
            raise TooManyLinksError
        return link, token

    async def find(self, room: str, token: str) -> RoomLink | None:
        """The link with this token, or None if it is unknown, expired or revoked."""
        if not (match := TOKEN_PATTERN.fullmatch(token)):
            return None
        stored = cast("bytes | None", await self._redis.hget(self._rooms.key(room, "links"), match[1]))
        link = self._read(stored)
        return link if link and compare_digest(link.token_hash, _hash(token)) else None

    async def all(self, room: str) -> list[RoomLink]:
        """The links of a room that have not expired, oldest first."""
        stored = cast("dict[bytes, bytes]", await self._redis.hgetall(self._rooms.key(room, "links")))
        links = [self._read(value) for value in stored.values()]
        return sorted((link for link in links if link), key=lambda link: (link.created, link.id))

    async def revoke(self, room: str, link_id: str) -> None:
        """Delete a link. Raises UnknownLinkError."""
        if not await self._redis.hdel(self._rooms.key(room, "links"), link_id):
            raise UnknownLinkError("this room has no link with this id")

    def _read(self, stored: bytes | None) -> RoomLink | None:
        try:
            link = RoomLink.model_validate_json(stored) if stored else None
        except ValidationError:
            return None  # the form of a later release
        return link if link and link.expires > self._now() else None


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
