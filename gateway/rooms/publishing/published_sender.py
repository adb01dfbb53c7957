"""The events of a published session: to its client, and to its room."""

from collections.abc import Callable, Sequence

from backend.errors import NovaError
from backend.messages.protocol import Error, Final, Message, Notice, Translation
from gateway.connection.transport import Sender
from gateway.rooms.languages import contains_language
from gateway.rooms.publishing.publisher import RoomPublisher


class PublishedSender:
    """Implements `Sender`. Errors of the connection are for the client alone."""

    def __init__(
        self, sender: Sender, room: Callable[[], RoomPublisher | None], asked: Callable[[], Sequence[str]]
    ) -> None:
        """`room` returns the room of the session, `asked` the languages that the client has ever asked for."""
        self._sender, self._room, self._asked = sender, room, asked

    def send(self, event: Message) -> None:
        """Publish an event, and send what is for the client. Translations for readers may follow the end of a room."""
        if room := self._room():
            room.publish(event)
        if shown := for_client(event, self._asked()):
            self._sender.send(shown)

    def close(self, code: int, reason: str) -> None:
        self._sender.close(code, reason)

    def send_error(self, error: NovaError, *, fatal: bool = False) -> None:
        self._sender.send_error(error, fatal=fatal)

    def fail(self, error: NovaError, close_code: int) -> None:
        self._sender.fail(error, close_code)

    async def wait_until_half_empty(self) -> None:
        await self._sender.wait_until_half_empty()


def for_client(event: Message, asked: Sequence[str]) -> Message | None:
    """The event without languages that only readers asked for; None if it is not for the client."""
    match event:
        case Final(translate_to=languages) if not all(contains_language(asked, one) for one in languages):
            own = tuple(one for one in languages if contains_language(asked, one))
            return event.model_copy(update={"translate_to": own})
        case Translation(language=str(language)) | Error(language=str(language)):
            return event if contains_language(asked, language) else None
        case Notice(language=str(language), utterance=int()):
            return event if contains_language(asked, language) else None
    return event
