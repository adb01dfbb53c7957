"""The rooms of published sessions. Other sessions have none, and read nothing."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from backend.errors import ProtocolError
from backend.messages.protocol import ClientMessage, Configure, Resume, Start
from backend.streams.redis.connection import retry_until_available
from backend.streams.rooms.rooms import RoomTakenError
from gateway.connection.transport import SessionTransport
from gateway.rooms.publishing.published_sender import PublishedSender
from gateway.rooms.publishing.publisher import BEGINNING, RoomPublisher
from gateway.services import GatewayServices
from gateway.session.session import Session


def check_room(start: Start) -> None:
    """Raise ProtocolError if a session with these options cannot be published."""
    if start.room and start.enrol:
        raise ProtocolError("a session with 'enrol' cannot have a room", code="invalid_message")


class SessionRoom:
    """The room of one session, which may change while the session is open."""

    def __init__(self, services: GatewayServices, caller: str, session: str, speaker: str | None) -> None:
        """`speaker`: the label of the speaker, if the session is a channel."""
        self.publisher: RoomPublisher | None = None
        self._services, self._caller, self._session, self._speaker = services, caller, session, speaker

    @property
    def read_languages(self) -> Sequence[str]:
        """The languages in which the room is read."""
        return self.publisher.read_languages if self.publisher else ()

    async def open(self, start: Start, resume: Resume | None = None, begin: str = BEGINNING) -> None:
        """Publish a new or resumed session in its room, if it has one. Raises RoomTakenError and REDIS_ERRORS.

        A resumed session publishes what its client has received and the room has not, after `begin`.
        """
        check_room(start)
        publisher = await self._claim(start.room, start.utterance)
        if publisher:
            publisher.begin = begin
        # The log has text of voices that the session does not want, if no worker has left it out.
        if publisher and resume and not start.only_speaker:
            await retry_until_available(lambda: publisher.catch_up(self._services.sessions, resume.cursor))
        self._use(publisher)

    @asynccontextmanager
    async def configured(self, message: ClientMessage, session: Session) -> AsyncIterator[None]:
        """Publish an open session in the room of a `configure` from now on, if the session accepts the message.

        Raises REDIS_ERRORS, and ProtocolError and RoomTakenError, after which the session continues.
        """
        if not isinstance(message, Configure) or message.room in (None, session.options.room or ""):
            yield
            return
        try:
            check_room(message.applied_to(session.options))
            publisher = await self._claim(message.room or None, session.minimal_record().count)
        except (ProtocolError, RoomTakenError) as error:
            error.fatal = False
            raise
        if publisher:
            await retry_until_available(lambda: publisher.skip(session.cursor))
        yield
        if publisher:
            publisher.begin = session.sharing.begin
        self.close()
        self._use(publisher)

    def close(self) -> None:
        """End the room of the session, after what is queued."""
        if self.publisher:
            self.publisher.close()

    async def _claim(self, room: str | None, settled: int) -> RoomPublisher | None:
        if not room:
            return None
        rooms = self._services.rooms
        await retry_until_available(lambda: rooms.claim(room, self._caller))
        return RoomPublisher(rooms, room, self._caller, self._session, settled, self._speaker)

    def _use(self, publisher: RoomPublisher | None) -> None:
        self.publisher = publisher
        if publisher:
            self._services.room_tasks.start(publisher.run())


def published(transport: SessionTransport, room: SessionRoom, session: Session) -> SessionTransport:
    """The transport of a session, which also reaches its room."""
    sender = PublishedSender(transport.sender, lambda: room.publisher, lambda: session.sharing.asked)
    return SessionTransport(transport.receiver, sender, transport.is_lost)
