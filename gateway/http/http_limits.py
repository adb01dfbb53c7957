"""uvicorn's HTTP with limits: it would wait for ever for the rest of a request, and connections are few; and it would
take heads on which its WebSocket fails.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""In which the head of a request comes, a WebSocket's handshake among them. It is looked for this often, no more."""

HEAD_BYTES = 8_192
"""Of a request's head: twice what a long token takes."""
MOST_HEADERS = 100


class _ShortHeads(h11.Connection):
    """Takes no request with a longer head, however it comes."""

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            size = len(event.target) + sum(len(name) + len(value) for name, value in event.headers)
            if size > HEAD_BYTES or len(event.headers) > MOST_HEADERS:
                raise h11.RemoteProtocolError("the head is too long")
        return event


class LimitedHttp(H11Protocol):
    """Closes a connection on which for so long nobody has asked for anything, or has not finished asking."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn does; and look at it later."""
        super().connection_made(transport)
        self.conn = _ShortHeads(h11.SERVER, HEAD_BYTES)
        self._look_later()

    def _look_later(self) -> None:
        self.loop.call_later(HEAD_S, self._look)

    def _look(self) -> None:
        if self not in self.connections:
            return  # it is closed, or a WebSocket
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self.timeout_keep_alive_task is None:
            self.transport.close()
        else:
            self._look_later()
