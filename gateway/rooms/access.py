"""Decides who may read a room, and who may manage its links."""

from dataclasses import replace

from starlette.requests import HTTPConnection

from backend.messages.rooms.links import RoomLink
from backend.streams.rooms.links import TOKEN_PREFIX
from gateway.access.auth import Caller, ForbiddenError, RefusedError
from gateway.rooms.reading import Reading
from gateway.services import GatewayServices

# Caches must not keep captions or tokens, and proxies must not collect captions.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class UnknownRoomError(RefusedError):
    """The caller has no room of this name: it belongs to another key, or has not been used recently."""

    code = "unknown_room"
    status = 404


async def admitted(services: GatewayServices, connection: HTTPConnection, reading: Reading) -> Reading:
    """The reading with the link or the key by which its reader is admitted.

    Raises RefusedError, and REDIS_ERRORS if a link or key cannot be looked up.
    """
    if link := await _presented_link(services, connection, reading.room):
        if reading.sees_held:
            _check_scope(link)
        return replace(reading, link=link.id)
    caller = await require_owner(services, connection, reading.room)
    return replace(reading, key=caller.id if caller.has_key else "")


def reader_headers(reading: Reading) -> dict[str, str]:
    """Headers of a response. A link is valid on pages of every origin. Without one, the origin was checked."""
    return {**HEADERS, "Access-Control-Allow-Origin": "*"} if reading.link else HEADERS


async def require_moderator(services: GatewayServices, connection: HTTPConnection, room: str) -> None:
    """The caller owns the room, or has a link for moderators. Raises RefusedError and REDIS_ERRORS."""
    link = await _presented_link(services, connection, room)
    if link is None:
        await require_owner(services, connection, room)
    else:
        _check_scope(link)


async def require_owner(services: GatewayServices, connection: HTTPConnection, room: str) -> Caller:
    """The caller, who owns the room or may do everything. Raises RefusedError and REDIS_ERRORS."""
    caller = await services.auth.authenticate(connection, "stream")
    owner = await services.rooms.owner(room)
    if caller.has_scope("admin") and await services.auth.is_revoked(owner or ""):
        raise UnknownRoomError(f"the key that owns the room {room!r} has been revoked or has expired")
    if not caller.has_scope("admin") and owner != caller.id:
        raise UnknownRoomError(f"this key has no room {room!r}")
    return caller


def _check_scope(link: RoomLink) -> None:
    if link.scope != "moderate":
        raise ForbiddenError("this link lets its holder read, and not moderate")


async def _presented_link(services: GatewayServices, connection: HTTPConnection, room: str) -> RoomLink | None:
    """The link whose token the request has; None if it has none."""
    if not (token := _token(connection)):
        return None
    link = await services.room_links.find(room, token)
    if link is None:
        raise RefusedError("this link is unknown, has expired, or was revoked")
    if await services.auth.is_revoked(await services.rooms.owner(room) or ""):
        raise RefusedError("the key that owns this room has been revoked or has expired")
    return link


def _token(connection: HTTPConnection) -> str:
    """The token of a link in the request; "" if there is none. Unlike a key, it may be in the URL."""
    kind, _, credential = connection.headers.get("authorization", "").partition(" ")
    token = credential.strip() if kind.lower() == "bearer" else ""
    return token if token.startswith(TOKEN_PREFIX) else connection.query_params.get("token", "")
