"""Delivers captions to one sink: in order, again after errors, and only while they are useful."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

from backend.backoff import Backoff
from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.subtitles.units import TimedText
from backend.cli.sinks.backlog import CaptionBacklog, CaptionBatch
from backend.cli.sinks.captions import LiveCaption, live_captions
from backend.cli.sinks.errors import SinkClosedError, SinkError

BASE_S, CAP_S = 0.5, 10.0


class CaptionSink(Protocol):
    """A service that shows captions."""

    @property
    def name(self) -> str:
        """The name for the user."""

    @property
    def limits(self) -> CueLimits:
        """The size of its captions."""

    @property
    def max_batch(self) -> int:
        """How many captions it takes at once."""

    async def connect(self) -> None:
        """Prepare to send, unless prepared. Raises SinkError, and SinkClosedError if it will never be possible."""

    async def send(self, captions: Sequence[LiveCaption]) -> None:
        """Send captions, or repeat those that failed last. Raises SinkError and SinkClosedError."""

    def abandon(self) -> None:
        """The captions that failed last will not be sent again."""

    def pause_s(self, captions: Sequence[LiveCaption], waiting: int) -> float:
        """Seconds after these captions, while `waiting` others wait."""

    async def close(self) -> str:
        """Disconnect. Returns a hint for the user, or ""."""


@dataclass(frozen=True, slots=True)
class SinkReport:
    """A change of a sink, for the user. `dropped` captions did not reach it since the last report."""

    sink: str
    state: Literal["failing", "restored", "closed", "ended"]
    message: str
    dropped: int = 0


class CaptionDelivery:
    """One sink, and the captions that wait for it. `language`: None for the spoken one."""

    def __init__(
        self, sink: CaptionSink, language: str | None, max_age_s: float, report: Callable[[SinkReport], None]
    ) -> None:
        self.language = language
        self.name = f"{sink.name} ({language})" if language else sink.name
        self._sink, self._report = sink, report
        self._backlog = CaptionBacklog(max_age_s)
        self._backoff = Backoff(BASE_S, CAP_S)
        self._changed, self._ending = asyncio.Event(), asyncio.Event()
        self._dropped, self._in_flight = 0, 0
        self._is_failing, self._is_closed = False, False

    def offer(self, utterance: Sequence[TimedText], began_at: float) -> None:
        """Queue an utterance. It never waits."""
        captions = live_captions(utterance, self._sink.limits, began_at, time.time())
        self._dropped += len(captions) if self._is_closed else self._backlog.add(captions, _now())
        self._changed.set()

    def end(self) -> None:
        """Let `run` return when everything has been sent."""
        self._ending.set()
        self._changed.set()

    async def run(self) -> None:
        """Send until `end`, or until the sink accepts nothing any more. Everything else is dropped when it returns."""
        try:
            await self._connect()
            while batch := await self._next_batch():
                await self._deliver(batch)
                await self._pause(self._sink.pause_s(batch.captions, len(self._backlog)))
        except SinkClosedError as error:
            self._is_closed = True
            self._tell("closed", error.message)
        finally:
            hint = await self._sink.close()
            self._dropped += self._backlog.clear() + self._in_flight
            if hint or self._dropped:
                self._tell("ended", hint)

    async def _connect(self) -> None:
        """Connect before there are captions, so that a wrong address is reported early."""
        while not self._ending.is_set():
            try:
                await self._sink.connect()
            except SinkClosedError:
                raise
            except SinkError as error:
                await self._wait_after(error)
            else:
                return

    async def _next_batch(self) -> CaptionBatch | None:
        while True:
            self._dropped += self._backlog.expire(_now())
            if batch := self._backlog.take(self._sink.max_batch):
                return batch
            if self._ending.is_set():
                return None
            self._changed.clear()
            await self._changed.wait()

    async def _deliver(self, batch: CaptionBatch) -> None:
        """Send captions until they arrive or are too old. A repetition is what was sent first."""
        self._in_flight = len(batch.captions)
        while not await self._send(batch):
            if batch.expires_at <= _now():
                self._sink.abandon()
                self._dropped += len(batch.captions)
                break
        self._in_flight = 0

    async def _send(self, batch: CaptionBatch) -> bool:
        """Send captions, or wait after an error. Returns whether they arrived."""
        try:
            await self._sink.connect()
            await self._sink.send(batch.captions)
        except SinkClosedError:
            raise
        except SinkError as error:
            await self._wait_after(error)
            return False
        self._succeeded()
        return True

    async def _pause(self, seconds: float) -> None:
        """Wait. After the last captions, `end` ends the pause."""
        if self._backlog:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    async def _wait_after(self, error: SinkError) -> None:
        if not self._is_failing:
            self._is_failing = True
            self._tell("failing", error.message)
        await asyncio.sleep(self._backoff.next_delay_s())

    def _succeeded(self) -> None:
        self._backoff.reset()
        if self._is_failing:
            self._is_failing = False
            self._dropped += self._backlog.expire(_now())
            self._tell("restored", "")

    def _tell(self, state: Literal["failing", "restored", "closed", "ended"], message: str) -> None:
        dropped, self._dropped = self._dropped, 0
        self._report(SinkReport(self.name, state, message, dropped))


def _now() -> float:
    return asyncio.get_running_loop().time()
