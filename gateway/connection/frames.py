"""Frames from a client, with limits on size and waiting; events to a client, never too many of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import WebSocket, WebSocketDisconnect

from backend.errors import ClientError, NovaError, ProtocolError
from backend.messages.protocol import ClientMessage, Error, Message, parse_client, to_json
from gateway import metrics

SEND_TIMEOUT_S = 20.0


class Inbox:
    """What a client sends."""

    def __init__(self, websocket: WebSocket, largest: int) -> None:
        self._websocket, self._largest = websocket, largest

    async def next(self, within_s: float) -> ClientMessage | bytes:
        """The next message or audio. Raises ProtocolError, and WebSocketDisconnect when the client has gone."""
        try:
            async with asyncio.timeout(within_s):
                frame = await self._websocket.receive()
        except TimeoutError:
            raise ProtocolError(f"nothing received for {within_s:g} s", code="idle_timeout") from None
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1006))
        text: str | None = frame.get("text")
        data: bytes = frame.get("bytes") or b""
        if (len(data) if text is None else len(text)) > self._largest:
            message = f"a frame holds at most {self._largest} bytes"
            raise ProtocolError(message, code="frame_too_large", close_code=1009)
        return data if text is None else parse_client(text)


@dataclass(frozen=True, slots=True)
class _Goodbye:
    code: int
    reason: str


class Outbox:
    """What a client is sent. One that reads too slowly loses its connection; nobody else notices."""

    def __init__(self, websocket: WebSocket, most: int) -> None:
        self._websocket = websocket
        self._queue: asyncio.Queue[Message | _Goodbye] = asyncio.Queue(most)
        self._taken = asyncio.Event()
        self._over = False
        self.on_sent: Callable[[Message], None] | None = None
        """Told of each event that has left, when anybody wants to know."""

    def tell(self, event: Message) -> None:
        """Send this in its turn; nothing more after a goodbye. Raises WebSocketDisconnect for a client that lags."""
        self._put(event)

    def goodbye(self, code: int, reason: str) -> None:
        """Close the connection when all before this has been sent."""
        self._put(_Goodbye(code, reason))
        self._over = True

    def fail(self, error: NovaError, close_code: int) -> None:
        """The last words to a client."""
        self.complain(error, fatal=True)
        self.goodbye(close_code, error.code)

    def complain(self, error: NovaError, *, fatal: bool = False) -> None:
        """Say what is wrong."""
        metrics.ERRORS.labels(error.code).inc()
        retry_after_s = error.retry_after_s if isinstance(error, ClientError) else None
        self.tell(Error(code=error.code, message=error.message, fatal=fatal, retry_after_s=retry_after_s))

    async def room(self) -> None:
        """Return once at least half of the places are free."""
        while 2 * self._queue.qsize() >= self._queue.maxsize:
            self._taken.clear()
            await self._taken.wait()

    async def run(self) -> None:
        """Send until the goodbye is said. Ends by WebSocketDisconnect."""
        while True:
            item = await self._queue.get()
            self._taken.set()
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    if not isinstance(item, _Goodbye):
                        await self._websocket.send_text(to_json(item))
                        if self.on_sent is not None:
                            self.on_sent(item)
                        continue
                    await self._websocket.close(item.code, item.reason)
            except TimeoutError:
                raise WebSocketDisconnect(1013, "the client reads too slowly") from None
            raise WebSocketDisconnect(item.code, item.reason)

    def _put(self, item: Message | _Goodbye) -> None:
        if self._over:
            return
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            raise WebSocketDisconnect(1013, "the client reads too slowly") from None
