"""The bounded queue of one reader of a room."""

import asyncio
from collections import deque
from collections.abc import Iterable

from gateway.rooms.views import CaptionFrame

# Frames that a reader may lag behind. Ten frames a second are usual while a person speaks.
MAX_WAITING = 256


class RoomReader:
    """Frames for one reader. A reader that lags too far behind is disconnected, and no other one waits for it."""

    def __init__(self, link: str = "", limit: int = MAX_WAITING) -> None:
        """`link`: the id of the link by which the reader was admitted, or ""."""
        self.link = link
        # Why the reader is disconnected; "" while it is not.
        self.ended = ""
        self._limit = limit
        self._frames: deque[CaptionFrame] = deque()
        self._changed = asyncio.Event()

    @property
    def has_frames(self) -> bool:
        """Whether frames are queued."""
        return bool(self._frames)

    def begin_with(self, frames: Iterable[CaptionFrame]) -> None:
        """Queue what the reader has missed. The limit does not apply, because it was bounded by the log."""
        self._frames.extend(frames)
        self._limit += len(self._frames)
        self._changed.set()

    def offer(self, frame: CaptionFrame) -> None:
        """Queue a frame, or disconnect the reader."""
        if self.ended:
            return
        if len(self._frames) >= self._limit:
            self._frames.clear()
            self.end("too_slow")
            return
        self._frames.append(frame)
        self._changed.set()

    def end(self, reason: str) -> None:
        """Disconnect the reader after the frames that are queued."""
        self.ended = self.ended or reason
        self._changed.set()

    async def next_frames(self, timeout_s: float) -> list[CaptionFrame]:
        """All frames that are queued; empty after this time without any, or when the reader is disconnected."""
        if not self._frames and not self.ended:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                return []
        frames = list(self._frames)
        self._frames.clear()
        return frames
