"""The names that `backend.client` had in release 0.1. To be removed in the next release: use `nova_voice`."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from backend.client.client import RECONNECT_TIMEOUT_S
from backend.client.client import Client as CurrentClient
from backend.client.connection import DisconnectedError, ServerError
from backend.messages.protocol import ClientMessage, Start

__all__ = ["PATIENCE_S", "Client", "DisconnectedError", "ServerError"]

PATIENCE_S = RECONNECT_TIMEOUT_S


class _OldClient(CurrentClient):
    @classmethod
    def connect(  # type: ignore[override]
        cls, url: str | Sequence[str], start: Start, *, patience_s: float = PATIENCE_S, **options: Any
    ) -> AbstractAsyncContextManager[CurrentClient]:
        """See `Client.connect`; `patience_s` is now `reconnect_timeout_s`."""
        return super().connect(url, start, **{"reconnect_timeout_s": patience_s, **options})

    async def say(self, message: ClientMessage) -> None:
        """Renamed to `send_message`."""
        await self.send_message(message)

    async def caught_up(self) -> None:
        """Renamed to `wait_until_received`."""
        await self.wait_until_received()


# Under its old name.
Client = _OldClient
