"""Reads a source in a thread: paces files, opens lost sources again, and keeps positions aligned with real time."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass

from backend.cli.files.media.errors import MediaError
from backend.cli.files.media.sound import silence
from backend.cli.ingest.address import SourceAddress
from backend.cli.ingest.errors import LostSourceError, SourceError
from backend.cli.ingest.source import SourceConnection, SourceTimeouts, open_source
from backend.cli.ingest.source_retries import SourceRetries
from backend.cli.ingest.stream_clock import StreamClock
from backend.messages.jobs import BYTES_PER_SECOND

# Pieces of up to one second that may wait for the server.
MAX_WAITING = 240
# How often silence is added while a source is lost.
_SILENCE_STEP_S = 0.25
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class SourceOpened:
    """The source was opened for the first time."""


@dataclass(frozen=True, slots=True)
class SourceLost:
    """The source was lost at a position, and will be opened again."""

    reason: str
    position_s: float


@dataclass(frozen=True, slots=True)
class SourceRestored:
    """The source was opened again. Silence before this position stands for the outage."""

    position_s: float


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """The last item. `error` says why if it was not the end of the source."""

    error: Exception | None = None


# Audio is s16le, 16 kHz, mono.
SourceItem = bytes | SourceOpened | SourceLost | SourceRestored | SourceEnded


class SourceReader:
    """Reads one source up to its end. `emit` receives the items, in the thread that calls `run`."""

    def __init__(
        self,
        address: SourceAddress,
        timeouts: SourceTimeouts,
        retries: SourceRetries,
        emit: Callable[[SourceItem], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stopped = threading.Event()
        self._address, self._timeouts, self._retries = address, timeouts, retries
        self._emit, self._now = emit, clock
        self._position = StreamClock()

    def run(self) -> None:
        """Read until the end, or until `stopped` is set."""
        try:
            connection: SourceConnection | None = open_source(self._address, self._timeouts)
            self._emit(SourceOpened())
            while connection is not None:
                connection = self._read(connection)
        except Exception as error:  # the task that waits for the items raises it
            self._emit(SourceEnded(error))
        else:
            self._emit(SourceEnded())

    def _read(self, connection: SourceConnection) -> SourceConnection | None:
        """Read a connection to its end. Returns the one that replaces it, or None."""
        self._retries.opened()
        try:
            with contextlib.closing(connection):
                for pcm in connection.read():
                    if self.stopped.is_set():
                        return None
                    self._deliver(pcm, connection)
            if not connection.is_endless or self._retries.limit == 0:
                return None
            reason = f"{self._address.name} has ended"
        except LostSourceError as error:
            if not connection.is_endless:
                raise
            reason = error.message
        self._emit(SourceLost(reason, self._position.position_s))
        return self._reopen(reason, connection.last_s)

    def _deliver(self, pcm: bytes, connection: SourceConnection) -> None:
        if not pcm:
            return
        seconds = len(pcm) / BYTES_PER_SECOND
        self._retries.received(seconds)
        self._position.add(seconds, self._now())
        if not connection.is_endless:
            self.stopped.wait(self._position.ahead_s(self._now()))
        self._emit(pcm)

    def _reopen(self, reason: str, last_s: float | None) -> SourceConnection | None:
        while not self.stopped.is_set():
            if (delay_s := self._retries.next_delay_s()) is None:
                raise LostSourceError(f"{reason}, and could not be opened again")
            self._wait(delay_s)
            try:
                connection = open_source(self._address, self._timeouts, last_s)
            except (SourceError, MediaError) as error:
                reason = error.message
                continue
            self._fill()
            self._emit(SourceRestored(self._position.position_s))
            return connection
        return None

    def _wait(self, seconds: float) -> None:
        """Wait, and emit the silence of the outage meanwhile, so that the last words get their text."""
        until = self._now() + seconds
        while (left := until - self._now()) > 0 and not self.stopped.wait(min(left, _SILENCE_STEP_S)):
            self._fill()

    def _fill(self) -> None:
        for piece in silence(self._position.missing_s(self._now())):
            self._position.add(len(piece) / BYTES_PER_SECOND, self._now())
            self._emit(piece)


class LiveSource:
    """The items of a source, which a thread reads. The thread waits while MAX_WAITING items wait for the server."""

    def __init__(self, address: SourceAddress, timeouts: SourceTimeouts, retries: SourceRetries) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[SourceItem] = asyncio.Queue(MAX_WAITING)
        self._stop = asyncio.Event()
        self._reader = SourceReader(address, timeouts, retries, self._put)
        # A thread that FFmpeg keeps waiting must not delay the end of the process.
        self._thread = threading.Thread(target=self._reader.run, name="ingest", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Let `next` return the end, although the source continues."""
        self._reader.stopped.set()
        self._stop.set()

    async def next(self) -> SourceItem:
        """The next item. After SourceEnded there are no more."""
        getting, stopping = asyncio.ensure_future(self._waiting.get()), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((getting, stopping), return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() and not self._stop.is_set() else SourceEnded()
        finally:
            getting.cancel()
            stopping.cancel()

    def _put(self, item: SourceItem) -> None:
        """Called in the thread."""
        placed: Future[None] = asyncio.run_coroutine_threadsafe(self._waiting.put(item), self._loop)
        while not self._reader.stopped.is_set():
            with contextlib.suppress(NotYetError):
                placed.result(_POLL_S)
                break
