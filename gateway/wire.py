"""uvicorn's WebSocket, which reads on while what it has brought is little."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

SMALL_BYTES = 16_384
"""A message up to this size is little: half a second of audio."""
MOST = 8
"""Messages that may wait to be taken before nothing more is read."""


class SteadyWebSocket(WebSocketsSansIOProtocol):
    """Stops reading when much waits to be taken. uvicorn's own stops at every message, and begins again when it is
    taken: two calls of the system for each frame of audio, of which live clients send ten a second and more.
    """

    def send_receive_event_to_app(self) -> None:
        """Hand a message over."""
        little = self.queue.qsize() < MOST and sum(map(len, self.frames)) <= SMALL_BYTES
        if self.read_paused or not little:
            super().send_receive_event_to_app()
            return
        self.read_paused = True  # then uvicorn leaves the reading alone
        super().send_receive_event_to_app()
        self.read_paused = False
