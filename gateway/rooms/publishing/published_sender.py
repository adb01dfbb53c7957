"""The events of a published session: to its client, and to its room."""

from collections.abc import Callable, Sequence

from backend.errors import NovaError
from backend.messages.protocol import Message
from gateway.connection.transport import Sender
from gateway.rooms.publishing.publisher import RoomPublisher


class PublishedSender:
    """Implements `Sender`. Errors of the connection are for the client alone."""

    def __init__(
        self, sender: Sender, room: Callable[[], RoomPublisher | None], targets: Callable[[], Sequence[str]]
    ) -> None:
        """`room` returns the room of the session, `targets` the languages that the client asks for."""
        self._sender, self._room, self._targets = sender, room, targets

    def send(self, event: Message) -> None:
        """Publish an event, and send what is for the client."""
        shown: Message | None = event
        if room := self._room():
            room.publish(event)
            shown = room.for_client(event, self._targets())
        if shown:
            self._sender.send(shown)

    def close(self, code: int, reason: str) -> None:
        self._sender.close(code, reason)

    def send_error(self, error: NovaError, *, fatal: bool = False) -> None:
        self._sender.send_error(error, fatal=fatal)

    def fail(self, error: NovaError, close_code: int) -> None:
        self._sender.fail(error, close_code)

    async def wait_until_half_empty(self) -> None:
        await self._sender.wait_until_half_empty()
