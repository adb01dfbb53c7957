"""The socket of a call: its events go to the webhook, and its session ends only when all results are there."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from fastapi import WebSocketDisconnect

from backend.errors import ClientError
from backend.messages.protocol import Error
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.calls.call_log import CallEvent, CallLog, ended
from gateway.calls.parameters import CallParameters
from gateway.calls.pauses import AudioPause
from gateway.calls.webhooks import Webhooks
from gateway.connection.codec import Codec
from gateway.connection.transport import Socket

log = structlog.get_logger()


class CallCodec(Codec, Protocol):
    """The codec of a telephone system.

    `hangup` is a frame that ends the audio of a call. `replies`: whether the telephone system expects results.
    `pauses`: whether its audio may stop for long, although the call continues.
    """

    hangup: str | bytes
    replies: bool
    pauses: bool
    log: CallLog | None
    parameters: CallParameters | None

    def error_frames(self, error: Error) -> Sequence[str]:
        """How the telephone system learns of an error that ends the call, apart from the events of the call."""

    def event_frame(self, event: CallEvent, body: str) -> str:
        """A frame with an event of the call; `body` is the event with its number."""

    def silent_frame(self, duration_ms: int) -> bytes | None:
        """A frame without sound, in the place of one that does not arrive; None if all samples have a timestamp.

        0: a frame without samples.
        """


class CallSocket:
    """Wraps the socket of a call.

    Telephone systems close the connection when a call ends. The session continues until its results are complete.
    """

    def __init__(self, socket: Socket, codec: CallCodec, webhooks: Webhooks) -> None:
        self._socket, self._codec, self._webhooks = socket, codec, webhooks
        self._is_lost = False
        self._pause = AudioPause()
        # The frame that is being received. A wait for it ends early, but half a frame must not be lost.
        self._next: asyncio.Task[Any] | None = None

    def error_frames(self, error: Error) -> Sequence[str]:
        """The frames of an error after which nothing can be sent. Events of the call are no frames."""
        return self._codec.error_frames(error)

    async def receive(self) -> Any:
        """The next frame, or silence if audio pauses. When the client has left, the end of the call, then nothing."""
        if self._is_lost:
            await asyncio.Event().wait()
        frame = await self._receive()
        if frame["type"] != "websocket.disconnect":
            return frame
        self._is_lost = True
        return frame if self._codec.log is None else _received(self._codec.hangup)

    async def _receive(self) -> Any:
        self._next = self._next or asyncio.create_task(self._socket.receive())
        try:
            done, _ = await asyncio.wait([self._next], timeout=self._wait_s())
        except asyncio.CancelledError:
            await self._stop_reading()
            raise
        if not done:
            return {"type": "websocket.receive", "bytes": self._codec.silent_frame(self._pause.expire())}
        self._pause.reset()
        frame, self._next = self._next, None
        return frame.result()

    def _wait_s(self) -> float | None:
        """How long to wait for a frame before silence takes its place. None: without a limit."""
        if self._codec.log is None or self._codec.silent_frame(0) is None:
            return None
        wait_ms = self._pause.next_ms(for_long=self._codec.pauses)
        return None if wait_ms is None else wait_ms / 1000

    async def _stop_reading(self) -> None:
        # Before the connection is released, which also reads from it.
        if self._next:
            self._next.cancel()
            await asyncio.wait([self._next])
            self._next = None

    async def send_text(self, data: str) -> None:
        """Send a frame to the client, or store an event of the call. Raises REDIS_ERRORS and OutboxFullError."""
        if isinstance(data, CallEvent):
            await self._store(data)
        else:
            await self._send(data)

    async def _store(self, event: CallEvent) -> None:
        call, parameters = self._codec.log, self._codec.parameters
        if call is None or parameters is None or call.is_ended:
            return
        event_id, body = call.number(event)
        await self._webhooks.store(call.identity.id, event_id, body, parameters.webhook)
        if parameters.on_socket:
            await self._send(self._codec.event_frame(event, body))

    async def _send(self, data: str) -> None:
        if self._is_lost:
            return
        try:
            await self._socket.send_text(data)
        except (WebSocketDisconnect, RuntimeError, OSError):
            self._is_lost = True  # the call is over, but its results are not

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """The session is over."""
        await self.finish(reason or "")
        # A TCP client that has closed its direction still reads. A WebSocket that is gone raises RuntimeError.
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            await self._socket.close(code, reason)

    async def finish(self, reason: str) -> None:
        """Store the last event, once. A call that was refused has none."""
        await self._stop_reading()
        if self._codec.log is None or not self._codec.log.is_started:
            return
        try:
            await self._store(ended(reason))
        except (*REDIS_ERRORS, ClientError) as error:
            log.warning("call_event_lost", error=type(error).__name__)


def _received(frame: str | bytes) -> Mapping[str, str | bytes]:
    return {"type": "websocket.receive", "text" if isinstance(frame, str) else "bytes": frame}
