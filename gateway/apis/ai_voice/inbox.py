"""Messages of one client of a bus that have not been read. A bus cannot slow its clients down, so they are limited."""

import asyncio
from collections import deque

from backend.errors import ProtocolError
from gateway.apis.ai_voice.wire import is_start

# More than a minute of audio at 16 kHz in base64.
MAX_BYTES, MAX_FRAMES = 4 << 20, 4_096


class Inbox:
    """The messages of one client, and whether this gateway has given the client up."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._is_full = False
        self._changed = asyncio.Event()
        self.left = asyncio.Event()

    def put(self, frame: bytes) -> None:
        """Add a message. Beyond the limits, it is lost, and the session ends with an error."""
        self._is_full |= len(self._frames) >= MAX_FRAMES or self._bytes + len(frame) > MAX_BYTES
        if not self._is_full:
            self._frames.append(frame)
            self._bytes += len(frame)
        self._changed.set()

    def leave(self) -> None:
        """Read no more: another gateway continues."""
        self.left.set()
        self._changed.set()

    async def get(self) -> bytes | None:
        """The next message; None if this gateway has given the client up. Raises ProtocolError after a loss."""
        while not self.left.is_set():
            if self._is_full:
                raise ProtocolError(
                    f"more than {MAX_FRAMES} messages or {MAX_BYTES} bytes wait: send audio in real time",
                    code="too_many_frames",
                )
            if self._frames:
                return self._next()
            self._changed.clear()
            await self._changed.wait()
        return None

    def skip_to_start(self) -> bool:
        """Drop what belongs to a session that has ended. Return whether another one begins."""
        self._is_full = False
        while self._frames and not is_start(self._frames[0]):
            self._next()
        return bool(self._frames)

    def _next(self) -> bytes:
        frame = self._frames.popleft()
        self._bytes -= len(frame)
        return frame
