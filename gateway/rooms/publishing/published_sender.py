"""The events of a published session: to its client, and to its room."""

from collections.abc import Callable, Sequence

from backend.errors import NovaError
from backend.messages.protocol import Message
from gateway.connection.transport import Sender
from gateway.rooms.publishing.publisher import RoomPublisher


class PublishedSender:
    """Implements `Sender`. Errors of the connection are for the client alone."""

    def __init__(self, sender: Sender, room: RoomPublisher, targets: Callable[[], Sequence[str]]) -> None:
        """`targets` returns the languages that the client asks for."""
        self._sender, self._room, self._targets = sender, room, targets

    def send(self, event: Message) -> None:
        """Publish an event, and send what is for the client."""
        self._room.publish(event)
        if shown := self._room.for_client(event, self._targets()):
            self._sender.send(shown)

    def close(self, code: int, reason: str) -> None:
        self._sender.close(code, reason)

    def send_error(self, error: NovaError, *, fatal: bool = False) -> None:
        self._sender.send_error(error, fatal=fatal)

    def fail(self, error: NovaError, close_code: int) -> None:
        self._sender.fail(error, close_code)

    async def wait_until_half_empty(self) -> None:
        await self._sender.wait_until_half_empty()
