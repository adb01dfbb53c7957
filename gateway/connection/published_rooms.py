"""Opens the rooms of published sessions. Other sessions have none, and read nothing."""

from backend.errors import ProtocolError
from backend.messages.protocol import Resume, Start
from backend.streams.redis.connection import retry_until_available
from gateway.connection.transport import SessionTransport
from gateway.rooms.publishing.published_sender import PublishedSender
from gateway.rooms.publishing.publisher import RoomPublisher
from gateway.services import GatewayServices
from gateway.session.session import Session


def check_room(start: Start) -> None:
    """Raise ProtocolError if a session with these options cannot be published."""
    if start.room and (start.multichannel or start.enrol):
        option = "multichannel" if start.multichannel else "enrol"
        raise ProtocolError(f"start: a session with {option!r} cannot have a room", code="invalid_message")


async def open_room(services: GatewayServices, start: Start, caller: str, session: str) -> RoomPublisher | None:
    """The room of a new session, if it has one. Raises RoomTakenError and REDIS_ERRORS."""
    room = start.room
    if not room:
        return None
    check_room(start)
    await retry_until_available(lambda: services.rooms.claim(room, caller))
    return RoomPublisher(services.rooms, room, caller, session, start.utterance)


async def reopen_room(services: GatewayServices, start: Start, caller: str, resume: Resume) -> RoomPublisher | None:
    """The room of a resumed session, with what the client has received and the room has not."""
    publisher = await open_room(services, start, caller, resume.session)
    # The log has text of voices that the session does not want, if no worker has left it out.
    if publisher and not start.only_speaker:
        await retry_until_available(lambda: publisher.catch_up(services.sessions, resume.cursor))
    return publisher


def published(transport: SessionTransport, room: RoomPublisher | None, session: Session) -> SessionTransport:
    """The transport of a session, which also reaches its room."""
    if room is None:
        return transport
    sender = PublishedSender(transport.sender, room, lambda: session.options.translate_to)
    return SessionTransport(transport.receiver, sender, transport.is_lost)
