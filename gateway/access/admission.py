"""Who may begin a session here, and what gives way when the workers fall behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import structlog

from backend.errors import ClientError
from backend.messages.protocol import Resume, Start
from backend.streams.observe.load_report import StreamDelay, read_heartbeats
from backend.streams.observe.utilization import Utilization
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.redis_job_streams import RedisJobStreams
from gateway import metrics
from gateway.session.backpressure import Backpressure, Gauge, Limits
from gateway.settings import GatewaySettings

EVERY_S = 0.5
RETRY_AFTER_S = 5.0
TALKATIVE = 0.7
"""The share of its time that a session speaks, as is believed of one that has just begun to."""
DOOR = 8
"""Sessions that are opened at the same time."""
KINDS = ("gateway", "stt", "translation")
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


class SpeechMeter:
    """Which share of its time a session speaks. One that never spoke costs nothing."""

    def __init__(self) -> None:
        self._utilization: Utilization | None = None

    def turn(self, speaking: bool) -> None:
        """Speech begins or ends."""
        now = time.monotonic()
        if self._utilization is None and not speaking:
            return
        self._utilization = self._utilization or Utilization(now, TALKATIVE)
        self._utilization.set_active(speaking, now)

    def share(self, now: float) -> float:
        """Between 0 and 1."""
        return self._utilization.share(now) if self._utilization else 0.0


class Admission:
    """One gateway's. `watch` runs for as long as the process lives."""

    def __init__(self, settings: GatewaySettings, streams: RedisJobStreams, name: str) -> None:
        self._redis, self._most, self._name = streams.redis, settings.max_sessions, name
        self._waiting = StreamDelay(streams.redis, streams.shards)
        self._gauge = Gauge(
            Limits(settings.slow_previews_s, settings.stop_previews_s, settings.refuse_s, settings.refuse_load)
        )
        self._voices: set[SpeechMeter] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.door = asyncio.Semaphore(DOOR)
        """To be held while a session is opened: when a crowd comes, those who are inside are served meanwhile."""
        self.draining = asyncio.Event()
        """Set when this gateway is about to end: no new sessions; those there are leave when they are quiet."""
        self.closing = asyncio.Event()
        """Set when the drain time is over: every connection is closed."""

    @property
    def pressure(self) -> Backpressure:
        """How far the workers are behind."""
        return self._gauge.level

    def admit(self, message: Start | Resume) -> None:
        """Raises OverloadedError or DrainingError. Who resumes was admitted before: what was accepted stays so."""
        if self.draining.is_set():
            metrics.REJECTED.labels("draining").inc()
            raise DrainingError
        if isinstance(message, Resume):
            return
        if self.pressure >= Backpressure.REFUSE:
            metrics.REJECTED.labels("load").inc()
            raise OverloadedError("the server has no time for another session; try again later")
        if self.sessions >= self._most:
            metrics.REJECTED.labels("sessions").inc()
            raise OverloadedError(f"this gateway holds {self._most} sessions already; try again later")

    @property
    def sessions(self) -> int:
        """How many are held."""
        return len(self._voices)

    def speech(self) -> float:
        """Seconds of speech a second, in all sessions that are held."""
        now = time.monotonic()
        return sum(voice.share(now) for voice in self._voices)

    @contextmanager
    def holding(self) -> Iterator[SpeechMeter]:
        """While a session is held: tell its voice when it speaks."""
        voice = SpeechMeter()
        self._voices.add(voice)
        self._empty.clear()
        try:
            yield voice
        finally:
            self._voices.discard(voice)
            if not self._voices:
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
                waiting_s = await self._waiting.oldest_final_s()
                processes = await read_heartbeats(self._redis)
            except REDIS_ERRORS as error:
                log.warning("pressure_unknown", error=str(error))
                continue
            load = self._load(processes)
            now = self._gauge.take(waiting_s, load, time.monotonic())
            for kind in KINDS:
                metrics.WORKERS.labels(kind).set(sum(process["kind"] == kind for process in processes))
            metrics.PRESSURE.set(now)
            metrics.WAITING.set(waiting_s)
            metrics.LOAD.set(load)
            if now != before:
                log.info("pressure_changed", level=now.name, waiting_s=round(waiting_s, 2), load=round(load, 2))

    def _load(self, processes: Sequence[Mapping[str, Any]]) -> float:
        """The share of the workers' time that finals take; who has just begun to speak counts already."""
        factors = [worker.get("real_time_factor") for worker in processes if worker["kind"] == "stt"]
        speed = sum(1 / factor for factor in factors if factor)
        others = (gateway for gateway in processes if gateway["kind"] == "gateway" and gateway["name"] != self._name)
        speech = self.speech() + sum(float(gateway.get("speech", 0.0)) for gateway in others)
        return speech / speed if speed else 0.0
