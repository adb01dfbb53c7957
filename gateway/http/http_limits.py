"""Limits for uvicorn's HTTP/1.1 protocol: time and size of request heads, number of chunks, time of responses.

uvicorn has no timeout for an incomplete request, so an attacker could hold connections open ("slowloris"). It also
accepts heads that are larger than its WebSocket implementation can handle, which then fails with a traceback. It parses
all chunks of a body that have arrived without a turn for other connections, so tiny ones would block the process.
"""

import asyncio
import re
import select

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.connection.direct_writer import EXTENSION, DirectWrites

# Time for a request head to arrive, including a WebSocket handshake. It is checked at this interval, so a connection
# may live up to twice as long.
HEAD_S = 10.0
# A client must read this much of its response in this time, or all of it. Otherwise it could keep it in memory.
STALL_S, MIN_READ_BYTES = 60.0, 1 << 15
# Size of a request head: twice what a long token needs.
HEAD_BYTES = 8_192
MAX_HEADERS = 100
# Routes that read a body.
UPLOAD_PATHS = frozenset(
    {
        b"/v1/audio/transcriptions",
        b"/v1/audio/translations",
        b"/v1/listen",
        b"/v1/realtime/client_secrets",
        b"/v1/realtime/transcription_sessions",
        b"/v1/recordings",
        b"/v1/speakers",
    }
)
CORRECTION_PATH = re.compile(rb"/v1/rooms/[^/]+/lines/[^/]+")
# A body in chunks may have this many small ones, such as the fields of a form. All together must have this mean size.
MAX_SMALL_CHUNKS, MIN_CHUNK_BYTES = 1_000, 256
CONTROL_CHARACTER = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class LimitedRequests(h11.Connection):
    """Rejects requests with a large head or tiny chunks.

    h11's own limit applies only to a head that arrives in several parts.
    """

    _chunks = _chunk_bytes = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._count_chunk(event)
        elif isinstance(event, h11.Request):
            self._chunks = self._chunk_bytes = 0
            size = len(event.target) + sum(len(name) + len(value) for name, value in event.headers)
            if size > HEAD_BYTES or len(event.headers) > MAX_HEADERS:
                raise h11.RemoteProtocolError("the request head is too large")
            if _has_unexpected_body(event):
                raise h11.RemoteProtocolError("this request has no body")
            # h11 accepts control characters, with which the handshake of the WebSocket library fails without an answer.
            if any(CONTROL_CHARACTER.search(value) for _, value in event.headers):
                raise h11.RemoteProtocolError("a header contains a control character")
        return event

    def _count_chunk(self, part: h11.Data) -> None:
        self._chunks += part.chunk_start
        self._chunk_bytes += len(part.data)
        if self._chunks > MAX_SMALL_CHUNKS + self._chunk_bytes // MIN_CHUNK_BYTES:
            raise h11.RemoteProtocolError("the chunks of the body are too small")


def _has_unexpected_body(request: h11.Request) -> bool:
    """Whether a body follows that no route reads, or one with two lengths."""
    is_chunked = any(name == b"transfer-encoding" for name, _ in request.headers)
    lengths = [value for name, value in request.headers if name == b"content-length"]
    path = request.target.partition(b"?")[0]
    if request.method == b"POST" and (path in UPLOAD_PATHS or CORRECTION_PATH.fullmatch(path)):
        return is_chunked and bool(lengths)
    return is_chunked or any(int(length) for length in lengths)


class LimitedHttp(DirectWrites, H11Protocol):
    """Closes connections that are idle, have not completed a request head in time, or do not read their response.

    Implements `DirectWriter` for a response whose head has been sent. Until its end, only complete chunks are written.
    """

    # When the check found unsent data, and how much it was. Little has left since.
    _unsent_since: float | None = None
    _unsent = 0
    _check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the checks of this connection."""
        super().connection_made(transport)
        self.conn = LimitedRequests(h11.SERVER, HEAD_BYTES)
        self._schedule_check()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the memory now: the next check would keep what was received until then."""
        super().connection_lost(exc)
        if self._check:
            self._check.cancel()
        if self.cycle:
            self.cycle.scope["extensions"] = {}
        self.report_lost()

    def send_400_response(self, msg: str) -> None:
        """Refuse an invalid request. After the begin of a response, the connection can only be closed."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def handle_events(self) -> None:
        """Let the application of a new request reach this object through the scope."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not None and self.cycle is not before:
            self.cycle.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]

    def resume_writing(self) -> None:
        """Most of what was waiting has left."""
        self._unsent_since = None
        super().resume_writing()
        self.on_writable()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self.transport.is_closing()

    @property
    def can_write(self) -> bool:
        """Whether the client reads as fast as it is sent to."""
        return not (self.flow.write_paused or self.transport.is_closing())

    def has_left(self) -> bool:
        """Whether the client has closed the connection, also while nothing is read from it."""
        if self.transport.is_closing():
            return True
        ended = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR  # the first one exists on Linux
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), ended)
        return any(events & ended for _, events in poll.poll(0))

    @property
    def is_chunked(self) -> bool:
        """Whether the body of a response without a length is sent in chunks."""
        version = self.conn.their_http_version
        return version is not None and version >= b"1.1"

    def _schedule_check(self) -> None:
        self._check = self.loop.call_later(HEAD_S, self._check_head)

    def _check_head(self) -> None:
        if self not in self.connections:
            return  # closed, or upgraded to a WebSocket
        if self._is_stalled(self.loop.time()):
            self.transport.abort()  # closing would wait until the client has read everything
            return
        answered = self.cycle is None or self.cycle.response_complete
        # After a response, uvicorn's own keep-alive timeout closes the connection.
        if answered and self.timeout_keep_alive_task is None:
            self.transport.close()
            if not self.transport.get_write_buffer_size():
                return
        # A closed connection remains until the client has read its response.
        self._schedule_check()

    def _is_stalled(self, now: float) -> bool:
        """Whether a client has read too little of its response for too long."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or self._unsent_since is None or unsent <= self._unsent - MIN_READ_BYTES:
            self._unsent, self._unsent_since = unsent, now if unsent else None
            return False
        self._unsent = max(self._unsent, unsent)
        return now - self._unsent_since >= STALL_S
