"""Writes to a connection without a task of its own, for data that many connections receive at the same time.

An ASGI server needs a message, several calls and a wait for each part of a response. A thousand readers of a room would
wait for this work of each other. Data that is written directly has been encoded once for all of them.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from websockets.protocol import State
from websockets.server import ServerProtocol

# The ASGI extension through which the application reaches its connection.
EXTENSION = "nova.connection"


class DirectWriter(Protocol):
    """A connection of uvicorn, as an application writes to it."""

    on_writable: Callable[[], None]
    """Called when the client has read enough after `can_write` was false."""
    on_lost: Callable[[], None]
    """Called when the connection has ended."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be sent."""

    @property
    def can_write(self) -> bool:
        """Whether the client reads as fast as it is sent to."""

    def write_encoded(self, data: bytes) -> None:
        """Send bytes as they are: complete chunks of a response, or complete frames of a WebSocket."""


def nothing() -> None:
    """The callback of connections to which the application does not write directly."""


class DirectWrites:
    """The parts of `DirectWriter` that both protocols have."""

    transport: asyncio.Transport
    on_writable: Callable[[], None] = staticmethod(nothing)
    on_lost: Callable[[], None] = staticmethod(nothing)

    def write_encoded(self, data: bytes) -> None:
        self.transport.write(data)

    def report_lost(self) -> None:
        """The connection has ended. The callbacks are forgotten, because they refer to the application."""
        self.on_lost()
        self.on_lost = self.on_writable = nothing


class SocketWrites(DirectWrites):
    """Implements `DirectWriter` for a WebSocket without extensions that encode frames."""

    conn: ServerProtocol
    writable: asyncio.Event

    @property
    def is_closed(self) -> bool:
        return self.conn.state is not State.OPEN or self.transport.is_closing()

    @property
    def can_write(self) -> bool:
        return self.writable.is_set() and not self.is_closed
