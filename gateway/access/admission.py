"""Admission of new sessions, and the backpressure level that results from the workers' load."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import structlog

from backend.errors import ClientError
from backend.messages.protocol import Resume, Start
from backend.messages.served_languages import ServedLanguages
from backend.streams.access.shared_speech import SharedSpeech
from backend.streams.observe.load_report import StreamDelay, read_heartbeats
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.redis_job_streams import RedisJobStreams
from gateway import metrics
from gateway.access.recording_streams import RecordingStreams
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
        self._max_recordings = settings.max_recordings
        self._speech = SharedSpeech(streams.redis, name)
        # Held while the speech of this gateway is read and written to Redis.
        self._speech_lock = asyncio.Lock()
        # Seconds of speech per second that the workers can decode (0: unknown), and that other gateways send them: in
        # total, and by their heartbeats.
        self._speed = self._speech_elsewhere = 0.0
        self._heartbeats: dict[str, float] = {}
        self._delay = StreamDelay(streams.redis, streams.shards)
        self._gauge = BackpressureGauge(
            BackpressureLimits(
                settings.slow_previews_s, settings.stop_previews_s, settings.refuse_s, settings.refuse_load
            )
        )
        # What the workers announce.
        self.served = ServedLanguages()
        self.recording_streams = RecordingStreams()
        # Names of the running speech models.
        self.models: frozenset[str] = frozenset()
        # Hold this while a session is opened.
        self.open_limit = asyncio.Semaphore(MAX_OPENING)

    @property
    def backpressure(self) -> Backpressure:
        """The current level."""
        return self._gauge.level

    @asynccontextmanager
    async def admit(self, message: Start | Resume, entry: OpenSession) -> AsyncIterator[OpenSession]:
        """Register a session, which counts as long as the context is active.

        The limit of sessions is checked in one step with the registration, and the load in one step for all gateways,
        so a burst of sessions exceeds neither. Raises OverloadedError or DrainingError if the session cannot be
        accepted, and REDIS_ERRORS. A resume is refused only while draining or if the gateway holds its limit of other
        sessions, not because of the load: its session was admitted before.
        Recordings use only the time that live sessions leave, so they do not count as load and are not refused for it.
        """
        if isinstance(message, Start):
            entry.is_recording = self.recording_streams.priority(message) == "recording"
        self._check(message, entry)
        with self._registry.registered(entry):
            if isinstance(message, Start) and not entry.is_recording:
                await self._reserve_speech(entry)
            yield entry

    def admit_resumed(self, start: Start, entry: OpenSession) -> None:
        """Count a resumed session as a recording if it is one. Raises OverloadedError if there are too many.

        The options of a session are not known before it is resumed.
        """
        if self.recording_streams.priority(start) == "recording":
            self._check_recordings(entry)
            entry.is_recording = True

    async def _reserve_speech(self, entry: OpenSession) -> None:
        if not self._speed:
            return  # no worker has completed a final yet
        entry.is_waiting = True
        async with self._speech_lock:
            fits = await retry_until_available(
                lambda: self._speech.reserve(
                    self._registry.speech_share(),
                    INITIAL_SPEECH_SHARE,
                    self._refuse_load * self._speed,
                    self._heartbeats,
                )
            )
            entry.is_waiting = False
        if not fits:
            self._refuse_for_load(entry)

    def _check(self, message: Start | Resume, entry: OpenSession) -> None:
        if self._registry.draining:
            metrics.REJECTED.labels("draining", entry.protocol).inc()
            raise DrainingError
        if isinstance(message, Resume):
            self._check_sessions(entry)
            return
        if self.backpressure >= Backpressure.REFUSE and not entry.is_recording:
            self._refuse_for_load(entry)
        if entry.is_recording:
            self._check_recordings(entry)
        self._check_sessions(entry)

    def _check_sessions(self, entry: OpenSession) -> None:
        if self._registry.sessions_besides(entry.id) >= self._max_sessions:
            metrics.REJECTED.labels("sessions", entry.protocol).inc()
            raise OverloadedError(f"this gateway already holds {self._max_sessions} sessions; try again later")

    def _check_recordings(self, entry: OpenSession) -> None:
        if self._registry.recordings_besides(entry.id) >= self._max_recordings:
            metrics.REJECTED.labels("recordings", entry.protocol).inc()
            raise OverloadedError(
                f"this gateway already transcribes {self._max_recordings} recordings; try again later"
            )

    @staticmethod
    def _refuse_for_load(entry: OpenSession) -> NoReturn:
        metrics.REJECTED.labels("load", entry.protocol).inc()
        raise OverloadedError("the server has no capacity for another session; try again later")

    async def measure_load_forever(self) -> None:
        """Update the backpressure level and its metrics until cancelled."""
        while True:
            await asyncio.sleep(MEASURE_EVERY_S)
            try:
                waiting_s = await self._delay.oldest_final_s()
                processes = await read_heartbeats(self._redis)
                self._measure_workers(processes)
                await self._report_speech()
            except REDIS_ERRORS as error:
                # The level stays as it was: new sessions would fail to open anyway.
                log.warning("pressure_unknown", error=str(error))
                continue
            self.served = ServedLanguages.announced(processes)
            self.recording_streams.update(processes)
            self.models = frozenset(
                str(worker["model"]) for worker in processes if worker["kind"] == "stt" and "model" in worker
            )
            self._update_level(waiting_s, processes)

    def _update_level(self, waiting_s: float, processes: Sequence[Mapping[str, Any]]) -> None:
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
        self._heartbeats = {gateway["name"]: float(gateway.get("speech", 0.0)) for gateway in others}

    async def _report_speech(self) -> None:
        async with self._speech_lock:
            self._speech_elsewhere = await self._speech.report(self._registry.speech_share(), self._heartbeats)

    def _load(self) -> float:
        """Share of the workers' time that finals of the current speech need: speech times real-time factor.

        The speech of other gateways is up to a second old. This gateway's own sessions are counted as of now.
        """
        speech = self._registry.speech_share() + self._speech_elsewhere
        return speech / self._speed if self._speed else 0.0
