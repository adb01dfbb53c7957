"""Admission of new sessions, and the backpressure level that results from the workers' load."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import structlog

from backend.errors import ClientError
from backend.messages.protocol import Resume, Start
from backend.messages.served_languages import ServedLanguages
from backend.streams.observe.load_report import StreamDelay, read_heartbeats
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.redis_job_streams import RedisJobStreams
from gateway import metrics
from gateway.access.registry import INITIAL_SPEECH_SHARE, OpenSession, SessionRegistry
from gateway.session.backpressure import Backpressure, BackpressureGauge, BackpressureLimits
from gateway.settings import GatewaySettings

MEASURE_EVERY_S = 0.5
RETRY_AFTER_S = 5.0
# Sessions that may be opened at the same time. Limits a burst of connections, so that open sessions still get CPU time.
MAX_OPENING = 8
PROCESS_KINDS = ("gateway", "stt", "translation")

log = structlog.get_logger()


class OverloadedError(ClientError):
    """There is no capacity for another session."""

    code = "overloaded"
    close_code = 1013
    retry_after_s = RETRY_AFTER_S


class DrainingError(ClientError):
    """This gateway is shutting down."""

    code = "draining"

    def __init__(self) -> None:
        super().__init__("this gateway is shutting down: connect again to reach another one", close_code=1012)


class Admission:
    def __init__(
        self, settings: GatewaySettings, streams: RedisJobStreams, registry: SessionRegistry, name: str
    ) -> None:
        self._redis, self._registry, self._name = streams.redis, registry, name
        self._max_sessions, self._refuse_load = settings.max_sessions, settings.refuse_load
        # Seconds of speech per second that the workers can decode (0: unknown), and that other gateways send them.
        self._speed = self._speech_elsewhere = 0.0
        self._delay = StreamDelay(streams.redis, streams.shards)
        self._gauge = BackpressureGauge(
            BackpressureLimits(
                settings.slow_previews_s, settings.stop_previews_s, settings.refuse_s, settings.refuse_load
            )
        )
        # What the workers announce.
        self.served = ServedLanguages()
        # Hold this while a session is opened.
        self.open_limit = asyncio.Semaphore(MAX_OPENING)

    @property
    def backpressure(self) -> Backpressure:
        """The current level."""
        return self._gauge.level

    def admit(self, message: Start | Resume, entry: OpenSession) -> AbstractContextManager[OpenSession]:
        """Register a session, which counts as long as the returned context is active.

        Check and registration are one step, so a burst of sessions cannot exceed a limit. Raises OverloadedError or
        DrainingError if the session cannot be accepted. A resume is refused only while draining: its session was
        admitted before.
        """
        self._check(message)
        return self._registry.registered(entry)

    def _check(self, message: Start | Resume) -> None:
        if self._registry.draining:
            metrics.REJECTED.labels("draining").inc()
            raise DrainingError
        if isinstance(message, Resume):
            return
        if self.backpressure >= Backpressure.REFUSE or self._load(INITIAL_SPEECH_SHARE) >= self._refuse_load:
            metrics.REJECTED.labels("load").inc()
            raise OverloadedError("the server has no capacity for another session; try again later")
        if len(self._registry) >= self._max_sessions:
            metrics.REJECTED.labels("sessions").inc()
            raise OverloadedError(f"this gateway already holds {self._max_sessions} sessions; try again later")

    async def measure_load_forever(self) -> None:
        """Update the backpressure level and its metrics until cancelled."""
        while True:
            await asyncio.sleep(MEASURE_EVERY_S)
            try:
                waiting_s = await self._delay.oldest_final_s()
                processes = await read_heartbeats(self._redis)
            except REDIS_ERRORS as error:
                # The level stays as it was: new sessions would fail to open anyway.
                log.warning("pressure_unknown", error=str(error))
                continue
            self.served = ServedLanguages.announced(processes)
            self._update_level(waiting_s, processes)

    def _update_level(self, waiting_s: float, processes: Sequence[Mapping[str, Any]]) -> None:
        self._measure_workers(processes)
        before, load = self.backpressure, self._load()
        level = self._gauge.update_level(waiting_s, load, time.monotonic())
        for kind in PROCESS_KINDS:
            metrics.WORKERS.labels(kind).set(sum(process["kind"] == kind for process in processes))
        metrics.PRESSURE.set(level)
        metrics.WAITING.set(waiting_s)
        metrics.LOAD.set(load)
        if level != before:
            log.info("pressure_changed", level=level.name, waiting_s=round(waiting_s, 2), load=round(load, 2))

    def _measure_workers(self, processes: Sequence[Mapping[str, Any]]) -> None:
        factors = [worker.get("real_time_factor") for worker in processes if worker["kind"] == "stt"]
        self._speed = sum(1 / factor for factor in factors if factor)
        others = (gateway for gateway in processes if gateway["kind"] == "gateway" and gateway["name"] != self._name)
        self._speech_elsewhere = sum(float(gateway.get("speech", 0.0)) for gateway in others)

    def _load(self, additional_speech: float = 0.0) -> float:
        """Share of the workers' time that finals of the current speech need: speech times real-time factor.

        Heartbeats of other gateways are up to two seconds old. This gateway's own sessions are counted as of now.
        """
        speech = self._registry.speech_share() + self._speech_elsewhere + additional_speech
        return speech / self._speed if self._speed else 0.0
