"""Decides who may read a room, and who may manage its links."""

from starlette.requests import HTTPConnection

from backend.streams.rooms.links import TOKEN_PREFIX
from gateway.access.auth import Caller, RefusedError
from gateway.services import GatewayServices


class UnknownRoomError(RefusedError):
    """The caller has no room of this name: it belongs to another key, or has not been used recently."""

    code = "unknown_room"
    status = 404


async def admit_reader(services: GatewayServices, connection: HTTPConnection, room: str) -> str:
    """The id of the link that the reader presents; "" for the owner of the room.

    Raises RefusedError, and REDIS_ERRORS if a link or key cannot be looked up.
    """
    if token := _token(connection):
        link = await services.room_links.find(room, token)
        if link is None:
            raise RefusedError("this link is unknown, has expired, or was revoked")
        return link.id
    await require_owner(services, connection, room)
    return ""


async def require_owner(services: GatewayServices, connection: HTTPConnection, room: str) -> Caller:
    """The caller, who owns the room or may do everything. Raises RefusedError and REDIS_ERRORS."""
    caller = await services.auth.authenticate(connection, "stream")
    if not caller.has_scope("admin") and await services.rooms.owner(room) != caller.id:
        raise UnknownRoomError(f"this key has no room {room!r}")
    return caller


def _token(connection: HTTPConnection) -> str:
    """The token of a link in the request; "" if there is none. Unlike a key, it may be in the URL."""
    kind, _, credential = connection.headers.get("authorization", "").partition(" ")
    token = credential.strip() if kind.lower() == "bearer" else ""
    return token if token.startswith(TOKEN_PREFIX) else connection.query_params.get("token", "")
