"""uvicorn's WebSocket protocol with limits on what one connection can cost.

uvicorn parses all frames of a read at once and without limit: one client that sends tiny frames stops the event loop
for seconds, pings are answered although the client does not read, and a refused connection is parsed until its close
timeout. Decision record 25 compares the alternatives.
"""

import asyncio
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import PayloadTooBig
from websockets.protocol import State

from gateway import metrics
from gateway.connection.codec import Codec
from gateway.connection.direct_writer import EXTENSION, SocketWrites
from gateway.http.announced_protocol import AnnouncedServerProtocol, ErrorFrames
from gateway.http.peer_state import has_left
from gateway.http.read_budget import ReadBudget, ReadLimits

# Bytes parsed before limits are checked again: at most 100 ms of 16 kHz audio, and about as many as this number of
# frames of the client's size have. Until its size is known, few bytes are parsed.
SLICE_BYTES, SLICE_FRAMES, FIRST_SLICE_BYTES = 4_096, 32, 256
# Bytes that are parsed before the client has sent a valid first message, so that unknown clients occupy little memory.
BYTES_BEFORE_START = 65_536
# Bytes read after the gateway has closed a connection: audio in flight, and the close frame of the client.
BYTES_AFTER_CLOSE = 1 << 18
# Seconds for the client to complete the closing handshake.
CLOSE_TIMEOUT_S = 3.0
# Seconds from the end of the request head until the application accepts or refuses the connection.
HANDSHAKE_S = 20.0
# Seconds for the error of a refused connection to reach the client before the socket is closed.
LINGER_S = 1.0
# Interval at which a connection is checked. A client that has left while nothing is read from it is noticed after at
# most twice as long, and what it has sent is processed until then.
CHECK_S = 1.0
# Seconds for a client to read what it is still to receive when the gateway closes the connection.
FLUSH_S = 10.0


class LimitedWebSocket(SocketWrites, WebSocketsSansIOProtocol):
    """Reads in slices, and only as fast as the application, the client's own reading and its budget allow."""

    conn: AnnouncedServerProtocol

    def __init__(self, *arguments: Any, limits: ReadLimits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn = AnnouncedServerProtocol(max_size=self.config.ws_max_size, logger=self.logger)
        self.conn.frame_limit = self.config.ws_max_size
        self.close_timeout = CLOSE_TIMEOUT_S
        self._unread, self._slice_bytes = bytearray(), FIRST_SLICE_BYTES
        self._budget = ReadBudget(limits, self.loop.time())
        self._wait_timer: asyncio.TimerHandle | None = None
        self._handshake_timer: asyncio.TimerHandle | None = None
        self._check_timer: asyncio.TimerHandle | None = None
        # Results of the last check.
        self._was_left = self._was_paused = False
        self._closing_since: float | None = None
        self._left_after_close = BYTES_AFTER_CLOSE
        self._left_before_start: int | None = BYTES_BEFORE_START
        self._is_ignored = self._is_awaited = False

    # --- called by the application

    @property
    def is_lost(self) -> bool:
        """Whether the client has left without a close frame."""
        return self.disconnected and self.conn.close_rcvd is None

    def use_codec(self, codec: Codec, error_frames: ErrorFrames) -> None:
        """Report errors in this protocol."""
        self.conn.codec, self.conn.error_frames = codec, error_frames

    def allow_large_frames(self) -> None:
        """The client has sent a valid first message, so frames may have the configured size."""
        self._left_before_start = None

    def stop_reading(self) -> None:
        """Read nothing more from a refused client, and close the socket once the refusal has had time to arrive."""
        self._is_ignored = True
        self._unread.clear()
        self.transport.pause_reading()
        if self.close_timer:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)

    # --- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the limit on the duration of the handshake, and the checks."""
        super().connection_made(transport)
        self._check_timer = self.loop.call_later(CHECK_S, self._check)
        self._handshake_timer = self.loop.call_later(HANDSHAKE_S, self._check_handshake)

    def data_received(self, data: bytes) -> None:
        """Keep the data, and parse as much of it as the limits allow."""
        if not self._unread and len(data) <= self._slice_bytes and self._may_parse():
            self._parse(data)  # the usual case, without copies
        elif not self._is_ignored:
            self._unread += data
            self._parse_allowed()

    def resume_writing(self) -> None:
        """The client has read enough, so its frames are parsed again."""
        super().resume_writing()
        self._parse_allowed()
        self.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the memory now: the parser and its generator refer to each other until a full garbage collection.

        Of a client that has left without a close frame, nothing more is processed.
        """
        super().connection_lost(exc)
        if self.is_lost:
            self._forget_received()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        for timer in (self._wait_timer, self._handshake_timer, self._check_timer):
            if timer:
                timer.cancel()
        self._is_ignored = True
        self._unread.clear()
        self.frames.clear()
        self.conn.reader.discard()
        self.conn.parser.close()
        self.report_lost()

    # --- uvicorn's hooks

    async def run_asgi(self) -> None:
        """Run the application, which reaches this object through the scope."""
        extensions: dict[str, Any] = self.scope["extensions"] or {}
        extensions[EXTENSION] = self
        try:
            await super().run_asgi()
        finally:
            del extensions[EXTENSION]

    async def receive(self) -> Any:
        """The next event. Frames are parsed only while the application waits for one."""
        self._is_awaited = True
        self._parse_allowed()
        try:
            if not self.queue.empty():
                await asyncio.sleep(0)  # otherwise a burst of messages would be handled without a turn for others
            return await self.queue.get()
        finally:
            self._is_awaited = False

    async def send(self, message: Any) -> None:
        """Send an event, unless the connection has failed."""
        if self._is_ignored:
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            await self._make_room_for_close()
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True  # refused: otherwise uvicorn logs an error when the application returns

    def send_receive_event_to_app(self) -> None:
        """Queue a complete message."""
        data, self.frames = b"".join(self.frames), []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
            return
        try:
            self.queue.put_nowait({"type": "websocket.receive", "text": data.decode()})
        except UnicodeDecodeError:
            self._fail(1007, "invalid_json", "a text frame is not valid UTF-8")

    def handle_parser_exception(self) -> None:
        """The connection failed. If its socket were closed at once, unread data would reset it without the reason."""
        closed = self.conn.close_sent
        assert closed is not None
        self.queue.put_nowait({"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_reading()

    # --- limits

    def _may_parse(self) -> bool:
        if self._is_ignored or self._wait_timer or self.transport.is_closing() or not self.writable.is_set():
            return False
        if self.close_sent:
            return self._left_after_close > 0
        return self.queue.empty() and (self._is_awaited or not self.handshake_initiated)

    def _parse_allowed(self) -> None:
        """Parse slices until a limit is reached. Read from the socket only while nothing is left to parse."""
        while self._unread and self._may_parse():
            data = bytes(self._unread[: self._slice_bytes])
            del self._unread[: self._slice_bytes]
            self._parse(data)
        # At a limit, one more read is kept, because to pause and resume at each frame costs system calls.
        if self._unread or self._is_ignored:
            self.transport.pause_reading()
        elif not self.transport.is_closing():
            self.transport.resume_reading()

    def _parse(self, data: bytes) -> None:
        self.conn.receive_data(data)
        frames = len(self.conn.events)
        if self.handshake_complete:
            self._slice_bytes = min(SLICE_BYTES, SLICE_FRAMES * len(data) // max(frames, 1))
        if self.close_sent:
            self._left_after_close -= len(data)
        self.handle_events()
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse_handshake()
        elif self.conn.parser_exc is not None and not self.close_sent:
            self._count_parser_error()
            self.handle_parser_exception()
        elif not self._is_too_long_for_start(len(data)):
            self._wait(self._budget.spend(frames, len(data), self.loop.time()))

    def _is_too_long_for_start(self, size: int) -> bool:
        if self._left_before_start is None or self.close_sent:
            return False
        self._left_before_start -= size
        if self._left_before_start < 0:
            message = f"before `start`, a client may send at most {BYTES_BEFORE_START} bytes"
            self._fail(1009, "frame_too_large", message)
        return self._left_before_start < 0

    def _wait(self, seconds: float) -> None:
        if self._budget.is_abused and not self.close_sent:
            self._fail(1008, "too_many_frames", "this connection sends too many frames; 10 to 50 a second are usual")
        elif seconds > 0:
            self._wait_timer = self.loop.call_later(seconds, self._continue)

    def _continue(self) -> None:
        self._wait_timer = None
        if not self.disconnected:
            self._parse_allowed()

    def _check_handshake(self) -> None:
        if not self.handshake_complete:
            self.transport.abort()

    def _check(self) -> None:
        """End a connection whose client has left, or does not read the end of it."""
        has_left_now, is_paused = has_left(self.transport), not self.transport.is_reading()
        if has_left_now and self._was_left:
            self._drop()
        elif self.transport.is_closing():
            self._closing_since = self._closing_since or self.loop.time()
            if self.loop.time() - self._closing_since >= FLUSH_S:
                self._drop()
        elif is_paused and self._was_paused and self.writable.is_set() and self.conn.state is State.OPEN:
            # Behind data that is not read, an end is invisible. But a host answers data for a closed socket with a
            # reset, which the next check finds.
            self.conn.send_ping(b"")
            self.transport.write(b"".join(self.conn.data_to_send()))
        self._was_left, self._was_paused = has_left_now, is_paused
        if not self.disconnected:
            self._check_timer = self.loop.call_later(CHECK_S, self._check)

    async def _make_room_for_close(self) -> None:
        try:
            async with asyncio.timeout(FLUSH_S):
                await self.writable.wait()
        except TimeoutError:
            self._drop()
            raise ClientDisconnected from None

    def _drop(self) -> None:
        """Forget what the client has sent, and what it has not read."""
        self._is_ignored = True
        self._forget_received()
        self.transport.abort()

    def _forget_received(self) -> None:
        while not self.queue.empty():
            self.queue.get_nowait()

    def _refuse_handshake(self) -> None:
        """The request is not a valid WebSocket handshake. The library reports this without an answer."""
        self.handshake_complete = self.close_sent = True
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self.transport.close()

    def _fail(self, close_code: int, code: str, message: str) -> None:
        """Send a fatal error and close the connection."""
        metrics.ERRORS.labels(code, self.conn.codec.protocol).inc()
        if self.conn.state is State.OPEN:
            self.conn.announce(close_code, code, message)
            self.handle_parser_exception()
        else:
            self.transport.close()

    def _count_parser_error(self) -> None:
        if isinstance(self.conn.parser_exc, PayloadTooBig):
            metrics.ERRORS.labels("frame_too_large", self.conn.codec.protocol).inc()
