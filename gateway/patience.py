"""uvicorn's HTTP with a limit on waiting: it would wait for ever for the rest of a request, and connections are few."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""In which the head of a request comes, a WebSocket's handshake among them. It is looked for this often, no more."""


class PatientHttp(H11Protocol):
    """Closes a connection on which for so long nobody has asked for anything, or has not finished asking."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn does; and look at it later."""
        super().connection_made(transport)
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
