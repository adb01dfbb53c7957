"""The bounded queue of one reader of a room."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from gateway.connection.direct_writer import DirectWriter, nothing
from gateway.rooms.lines.frames import CaptionFrame

# Frames that a reader may lag behind. Ten frames a second are usual while a person speaks.
MAX_WAITING = 256
# Seconds that a frame may wait for a connection whose client reads nothing.
MAX_STALL_S = 20.0


class RoomReader:
    """Frames for one reader. A reader that lags too far behind is disconnected, and no other one waits for it.

    Frames are written directly to an attached connection while its client reads them. Otherwise they wait for
    `next_frames`, or until the client reads again.
    """

    def __init__(self, link: str = "", key: str = "", limit: int = MAX_WAITING) -> None:
        """`link`: the id of the link by which the reader was admitted, or "". `key`: that of its own key, or ""."""
        self.link, self.key = link, key
        # Why the reader is disconnected; "" while it is not.
        self.ended = ""
        self._limit = limit
        self._frames: deque[CaptionFrame] = deque()
        # Lines whose speech in progress is queued.
        self._live_lines: set[str] = set()
        self._changed, self._finished = asyncio.Event(), asyncio.Event()
        self._writer: DirectWriter | None = None
        self._encode: Callable[[CaptionFrame], bytes]
        # Since when frames wait for the connection, in the time of the event loop.
        self._stalled_since: float | None = None
        self._is_idle = True

    @property
    def has_frames(self) -> bool:
        """Whether frames are queued."""
        return bool(self._frames)

    # --- called by the feed

    def begin_with(self, frames: Iterable[CaptionFrame]) -> None:
        """Queue what the reader has missed. The limit does not apply, because it was bounded by the log."""
        self._frames.extend(frames)
        self._limit += len(self._frames)
        self._changed.set()

    def offer(self, frame: CaptionFrame) -> None:
        """Write or queue a frame, or disconnect the reader."""
        if self.ended:
            return
        self._is_idle = False
        if self._writer and not self._frames and self._writer.can_write:
            self._writer.write_encoded(self._encode(frame))
        else:
            self._queue(frame)

    def end(self, reason: str) -> None:
        """Disconnect the reader after the frames that are queued."""
        self.ended = self.ended or reason
        self._changed.set()
        self._finished.set()

    def end_if_stalled(self, now: float) -> None:
        """Disconnect the reader if its client has read nothing for too long. `now`: the time of the event loop."""
        if not self._writer or not self._frames:
            self._stalled_since = None
        elif self._stalled_since is None:
            self._stalled_since = now
        elif now - self._stalled_since > MAX_STALL_S:
            self._drop("too_slow")

    # --- called by the connection

    def attach(self, writer: DirectWriter, encode: Callable[[CaptionFrame], bytes]) -> None:
        """Write frames directly to a connection, starting with those that are queued."""
        self._writer, self._encode = writer, encode
        writer.on_writable, writer.on_lost = self._flush, self._leave
        if writer.is_closed:
            self.end("left")
        self._flush()

    def detach(self) -> list[CaptionFrame]:
        """Write no more frames. Returns those that are queued."""
        if self._writer:
            self._writer.on_writable = self._writer.on_lost = nothing
        self._writer = None
        return self._take_all()

    async def wait_until_ended(self, timeout_s: float | None = None) -> bool:
        """Whether the reader is disconnected, or will be within this time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._finished.wait()
        except TimeoutError:
            return False
        return True

    def was_idle(self) -> bool:
        """Whether no frame has been offered since the last call."""
        was_idle, self._is_idle = self._is_idle, True
        return was_idle

    async def next_frames(self, timeout_s: float) -> list[CaptionFrame]:
        """All frames that are queued; empty after this time without any, or when the reader is disconnected."""
        if not self._frames and not self.ended:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                return []
        return self._take_all()

    def _queue(self, frame: CaptionFrame) -> None:
        if frame.line in self._live_lines:
            self._remove_live(frame.line)
        if len(self._frames) >= self._limit:
            self._drop("too_slow")
            return
        if frame.cursor is None:
            self._live_lines.add(frame.line)
        self._frames.append(frame)
        self._changed.set()

    def _remove_live(self, line: str) -> None:
        """Speech in progress that waits is replaced by what follows it. Finals stay."""
        self._live_lines.discard(line)
        kept = [frame for frame in self._frames if frame.cursor or frame.line != line]
        self._frames.clear()
        self._frames.extend(kept)

    def _flush(self) -> None:
        while self._writer and self._frames and self._writer.can_write:
            frame = self._frames.popleft()
            self._live_lines.discard(frame.line)
            self._stalled_since = None
            self._writer.write_encoded(self._encode(frame))

    def _take_all(self) -> list[CaptionFrame]:
        frames = list(self._frames)
        self._frames.clear()
        self._live_lines.clear()
        return frames

    def _drop(self, reason: str) -> None:
        self._take_all()
        self.end(reason)

    def _leave(self) -> None:
        self.end("left")
