"""Who may begin a session here, and what gives way when the workers fall behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from backend.errors import ClientError
from backend.messages.protocol import Resume, Start
from backend.streams.connection import TROUBLE
from backend.streams.lanes import Lanes
from backend.streams.load import Waiting, finals_load
from gateway import metrics
from gateway.pressure import Gauge, Limits, Pressure
from gateway.settings import GatewaySettings

EVERY_S = 0.5
RETRY_AFTER_S = 5.0
CLOSE_S = 2.0
"""For the goodbyes at the end of the drain time."""

log = structlog.get_logger()


class OverloadedError(ClientError):
    """No room for another session."""

    code = "overloaded"
    retry_after_s = RETRY_AFTER_S

    def __init__(self, message: str) -> None:
        super().__init__(message, close_code=1013)


class DrainingError(ClientError):
    """This gateway ends."""

    code = "draining"

    def __init__(self) -> None:
        super().__init__("this gateway is being shut down: connect to another", close_code=1012)


class Admission:
    """One gateway's. `watch` runs for as long as the process lives."""

    def __init__(self, settings: GatewaySettings, lanes: Lanes) -> None:
        self._redis, self._most = lanes.redis, settings.max_sessions
        self._waiting = Waiting(lanes.redis, lanes.shards)
        self._gauge = Gauge(
            Limits(settings.slow_previews_s, settings.stop_previews_s, settings.refuse_s, settings.refuse_load)
        )
        self.sessions = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self.draining = asyncio.Event()
        """Set when this gateway is about to end: no new sessions; those there are leave when they are quiet."""
        self.closing = asyncio.Event()
        """Set when the drain time is over: every connection is closed."""

    @property
    def pressure(self) -> Pressure:
        """How far the workers are behind."""
        return self._gauge.level

    def admit(self, message: Start | Resume) -> None:
        """Raises OverloadedError or DrainingError. Who resumes was admitted before: what was accepted stays so."""
        if self.draining.is_set():
            raise DrainingError
        if isinstance(message, Resume):
            return
        if self.pressure >= Pressure.REFUSE:
            metrics.REJECTED.labels("load").inc()
            raise OverloadedError("the server has no time for another session; try again later")
        if self.sessions >= self._most:
            metrics.REJECTED.labels("sessions").inc()
            raise OverloadedError(f"this gateway holds {self._most} sessions already; try again later")

    @contextmanager
    def holding(self) -> Iterator[None]:
        """While a session is held."""
        self.sessions += 1
        self._empty.clear()
        try:
            yield
        finally:
            self.sessions -= 1
            if not self.sessions:
                self._empty.set()

    async def drain(self, within_s: float) -> None:
        """No new sessions; those there are leave when they are quiet, and all of them in time."""
        self.draining.set()
        log.info("draining", sessions=self.sessions, within_s=within_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), within_s)
        self.closing.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), CLOSE_S)

    async def watch(self) -> None:
        """Keep an eye on the lanes and the workers."""
        while True:
            await asyncio.sleep(EVERY_S)
            before = self.pressure
            try:
                waiting_s = await self._waiting.seconds()
                load = await finals_load(self._redis)
            except TROUBLE as error:
                log.warning("pressure_unknown", error=str(error))
                continue
            now = self._gauge.take(waiting_s, load, time.monotonic())
            metrics.PRESSURE.set(now)
            metrics.WAITING.set(waiting_s)
            if now != before:
                log.info("pressure_changed", level=now.name, waiting_s=round(waiting_s, 2), load=round(load, 2))
