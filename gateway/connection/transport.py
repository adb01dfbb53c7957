"""Client messages from a WebSocket with a limit on waiting, and events to it with a bounded queue."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, cast

from fastapi import WebSocketDisconnect

from backend.errors import ClientError, NovaError, ProtocolError
from backend.messages.protocol import ClientMessage, Error, Message
from gateway import metrics
from gateway.connection.codec import Codec, Decoded, DeferredReply, DirectReply, Frame
from gateway.connection.idle_timeout import IdleTimeout

# Limit for sending one event. A client that reads nothing for this long is disconnected.
SEND_TIMEOUT_S = 20.0


class Socket(Protocol):
    """The part of Starlette's WebSocket that a connection uses."""

    async def receive(self) -> Any: ...

    async def send_text(self, data: str) -> None: ...

    async def close(self, code: int = 1000, reason: str | None = None) -> None: ...


class BinarySocket(Socket, Protocol):
    """A socket for codecs with binary frames."""

    async def send_bytes(self, data: bytes) -> None: ...


class Outlet(Socket, Protocol):
    """A socket that wraps that of a client, and may change what is sent."""

    def error_frames(self, error: Error) -> Sequence[Frame]:
        """The frames of an error after which nothing can be sent: they are sent at once."""


async def send_frame(socket: Socket, frame: Frame) -> None:
    """Send a frame of a codec. Those with binary frames are served on WebSockets only."""
    if isinstance(frame, bytes):
        await cast(BinarySocket, socket).send_bytes(frame)
    else:
        await socket.send_text(frame)


class Receiver(Protocol):
    """Messages and audio of a client. `on_wait` is called when a wait for the client begins."""

    on_wait: Callable[[], None]

    async def next_message(self, timeout_s: float) -> ClientMessage | bytes: ...


class Sender(Protocol):
    """Events to a client."""

    def send(self, event: Message) -> None: ...

    def close(self, code: int, reason: str) -> None: ...

    def send_error(self, error: NovaError, *, fatal: bool = False) -> None: ...

    def fail(self, error: NovaError, close_code: int) -> None: ...

    async def wait_until_half_empty(self) -> None: ...


class MessageReceiver:
    """Reads messages and audio from a client. Replies of the codec itself go to `sender`."""

    def __init__(self, socket: Socket, codec: Codec, sender: "EventSender") -> None:
        self._socket, self._codec, self._sender = socket, codec, sender
        # Decoded from frames that have been received.
        self._decoded: deque[Decoded] = deque()
        self._is_open = False
        self._timeout = IdleTimeout()
        self.on_wait: Callable[[], None] = lambda: None

    async def next_message(self, timeout_s: float) -> ClientMessage | bytes:
        """The next message, or audio as bytes. Raises ProtocolError, and WebSocketDisconnect if the client has left.

        `timeout_s` limits the time between two frames: some decode to no message, such as a keepalive before `start`.
        """
        self.on_wait()
        timeout_s = min(timeout_s, self._codec.idle_timeout_s or timeout_s)
        self._open()
        try:
            with self._timeout.limit(timeout_s) as waiting:
                while True:
                    while self._decoded:
                        item = self._decoded.popleft()
                        if not isinstance(item, DirectReply | DeferredReply):
                            return item
                        self._sender.send(item)
                    self._decoded.extend(self._codec.decode(await self._receive_frame()))
                    if not self._decoded:
                        waiting.restart(timeout_s)
        except TimeoutError:
            raise ProtocolError(f"no frame received for {timeout_s:g} s", code="idle_timeout") from None

    def _open(self) -> None:
        # Not in the constructor: an error of the codec is sent to the client.
        if not self._is_open:
            self._is_open = True
            self._decoded.extend(self._codec.open())

    async def _receive_frame(self) -> str | bytes:
        frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1006))
        text: str | None = frame.get("text")
        return (frame.get("bytes") or b"") if text is None else text


@dataclass(frozen=True, slots=True)
class _CloseFrame:
    code: int
    reason: str


class EventSender:
    """Sends events to a client from a bounded queue. A client that reads too slowly is disconnected."""

    def __init__(self, socket: Socket, codec: Codec, max_events: int) -> None:
        self._socket, self._codec = socket, codec
        self._queue: asyncio.Queue[Message | _CloseFrame] = asyncio.Queue(max_events)
        self._dequeued = asyncio.Event()
        self._closed = False
        # Called with each event after it has been sent.
        self.on_sent: Callable[[Message], None] = lambda _: None

    def send(self, event: Message) -> None:
        """Queue an event. Ignored after `close`. Raises WebSocketDisconnect if the queue is full."""
        self._enqueue(event)

    def close(self, code: int, reason: str) -> None:
        """Close the connection after all queued events have been sent."""
        self._enqueue(_CloseFrame(code, reason))
        self._closed = True

    def send_error(self, error: NovaError, *, fatal: bool = False) -> None:
        metrics.ERRORS.labels(error.code, self._codec.protocol).inc()
        retry_after_s = error.retry_after_s if isinstance(error, ClientError) else None
        self.send(Error(code=error.code, message=error.message, fatal=fatal, retry_after_s=retry_after_s))

    def fail(self, error: NovaError, close_code: int) -> None:
        """Queue a fatal error and close the connection."""
        self.send_error(error, fatal=True)
        self.close(close_code, error.code)

    async def wait_until_half_empty(self) -> None:
        """Wait until at least half of the queue is free. For bursts, such as the log of a resumed session."""
        while 2 * self._queue.qsize() >= self._queue.maxsize:
            self._dequeued.clear()
            await self._dequeued.wait()

    async def send_until_closed(self) -> None:
        """Send queued events. Ends with WebSocketDisconnect."""
        while True:
            item = await self._queue.get()
            self._dequeued.set()
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    if not isinstance(item, _CloseFrame):
                        await self._send_frames(item)
                        continue
                    await self._socket.close(*self._codec.close_frame(item.code, item.reason))
            except TimeoutError:
                raise WebSocketDisconnect(1013, "the client reads too slowly") from None
            raise WebSocketDisconnect(item.code, item.reason)

    async def _send_frames(self, event: Message) -> None:
        if isinstance(event, DirectReply):
            frames: Sequence[Frame] = event.frames
        else:
            frames = event.build() if isinstance(event, DeferredReply) else self._codec.encode(event)
        for frame in frames:
            await send_frame(self._socket, frame)
        self.on_sent(event)

    def _enqueue(self, item: Message | _CloseFrame) -> None:
        if self._closed:
            return
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            raise WebSocketDisconnect(1013, "the client reads too slowly") from None


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class SessionTransport:
    """Both directions of a session's messages."""

    receiver: Receiver
    sender: Sender
    # Whether the connection has ended, which the receiver finds only when it waits for a message.
    is_lost: Callable[[], bool] = _never


@dataclass(frozen=True, slots=True)
class Transport(SessionTransport):
    """Both directions of a client's connection."""

    receiver: MessageReceiver
    sender: EventSender

    @classmethod
    def of(cls, socket: Socket, codec: Codec, max_events: int) -> Self:
        """The transport of a socket whose client speaks the codec's protocol."""
        sender = EventSender(socket, codec, max_events)
        return cls(MessageReceiver(socket, codec, sender), sender)
