"""The WebSocket shell around a session: it moves bytes and carries out what the session decides.

Five tasks a connection: one reads frames, one listens for results, one writes events, one does errands in Redis, one
lets time pass. Nothing here is unbounded: a slow client fills its own outbox and loses its connection, a fast one is
not read while too many of its utterances are in flight.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from fastapi import WebSocketDisconnect

from backend.errors import ClientError, NovaError
from backend.messages.jobs import TakenOver
from backend.messages.protocol import ClientMessage, Draining, Error, Final, SpeechEnded, SpeechStarted, Stop
from backend.service import tracing
from backend.streams.job_streams import JobStreams
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.session.fanout import Fanout, Listener
from backend.streams.session.sessions import Lease, Sessions, TakenOverError
from gateway import metrics
from gateway.access.admission import Admission, SpeechMeter
from gateway.access.auth import Auth
from gateway.access.quota import QuotaSlot, QuotaSlots
from gateway.audio.decoder import AudioSource, Samples
from gateway.audio.silero import Judged
from gateway.audio.vad import Heard, Question, SpeechDetector
from gateway.audio.vad_batcher import VadBatcher
from gateway.connection.caption_metrics import CaptionMetrics
from gateway.connection.frames import Inbox, Outbox
from gateway.connection.redis_writer import Check, Keep, RedisWriter
from gateway.connection.traces import Traces
from gateway.session.actions import Action, Close, Finish, Send, Submit
from gateway.session.machine import Session
from gateway.session.segmenter import Rules
from gateway.session.utterance import Policy
from gateway.settings import GatewaySettings

TICK_S = 0.25
CATCH_UP_S = 2.0
"""When results are awaited and none has come for so long, the durable log is read."""
CHECK_S = 10.0
"""When results are awaited and none has come for so long, Redis is asked whether it still knows of them."""
KEEP_S = 5.0
"""So often Redis learns up to where the audio is safe, when that is silence."""
AHEAD_MS = 5_000
"""By so much a live client may be ahead of time: it sends again what a lost connection swallowed."""
THREAD_FROM = 32_000
"""Samples from which speech is looked for in a thread: two seconds, as files bring."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Services:
    """What all connections of a gateway share."""

    settings: GatewaySettings
    streams: JobStreams
    sessions: Sessions
    fanout: Fanout
    hearing: VadBatcher
    admission: Admission
    auth: Auth
    visits: QuotaSlots

    def policy(self) -> Policy:
        """The operator's choices, as the session understands them."""
        chosen = self.settings
        return Policy(
            rules=Rules(pre_roll_ms=chosen.pre_roll_ms, pause_ms=chosen.early_final_ms, max_ms=chosen.max_utterance_ms),
            preview_every_ms=chosen.preview_every_ms,
            preview_first_ms=chosen.preview_first_ms,
            preview_overdue_s=chosen.preview_overdue_ms / 1000,
        )


async def guarded(outbox: Outbox, part: Callable[[], Awaitable[None]]) -> None:
    """Turn what ends a part of the work into the last words to the client."""
    try:
        await part()
    except ClientError as error:
        log.info("client_error", code=error.code, error=error.message)
        outbox.fail(error, error.close_code)
    except REDIS_ERRORS:
        outbox.fail(NovaError("Redis does not answer; try again", code="redis_unavailable"), 1013)
    except (WebSocketDisconnect, ExceptionGroup):
        raise  # the client has gone; or parts of this part, each guarded by itself, say so
    except Exception as error:
        log.exception("session_failed", error=repr(error))
        outbox.fail(NovaError("internal error"), 1011)


class Connection:
    """One client and its session."""

    def __init__(
        self,
        services: Services,
        session: Session,
        lease: Lease,
        listener: Listener,
        inbox: Inbox,
        outbox: Outbox,
        voice: SpeechMeter,
        visit: QuotaSlot,
        traces: Traces,
    ) -> None:
        self._services, self._session, self._lease, self._listener = services, session, lease, listener
        self._inbox, self._outbox, self._voice, self._visit, self._traces = inbox, outbox, voice, visit, traces
        if tracing.is_on():
            outbox.on_sent = traces.sent
        self._streams, self._settings = services.streams, services.settings
        self._writer = RedisWriter(session, lease, services.streams, outbox.tell)
        self._detector = SpeechDetector(services.hearing.silero)
        self._source = AudioSource(session.start.audio)
        self._ended_at: dict[int, float] = {}
        self._shown = CaptionMetrics()
        self._progress = asyncio.Event()
        self._reading = asyncio.Lock()
        """Held while the log is read: what the channel brings meanwhile may stand behind what is still to be read."""
        self._began_at = self._news_at = time.monotonic()
        self._began_ms = session.audio_ms
        self._told_of_drain = False

    async def run(self, actions: list[Action]) -> None:
        """Until the client has gone or everything has been said. The actions are the session's first."""
        await self._perform(actions)
        await retry_until_available(self._read_log)
        async with asyncio.TaskGroup() as parts:
            for part in (self._read, self._listen, self._pass_time, self._writer.run):
                parts.create_task(guarded(self._outbox, part))

    # --- from the client

    async def _read(self) -> None:
        while True:
            try:
                await self._take(await self._inbox.next(self._patience_s()))
            except ClientError as error:
                if error.fatal:
                    raise
                self._outbox.complain(error)

    def _patience_s(self) -> float:
        """Who has said `stop` need not say any more."""
        chosen = self._settings
        return chosen.idle_timeout_s if self._session.state == "open" else 2 * chosen.stop_wait_s

    async def _take(self, message: ClientMessage | bytes) -> None:
        self._session.allow("audio" if isinstance(message, bytes) else message.type)
        if isinstance(message, bytes):
            await self._hear(message)
            return
        if isinstance(message, Stop):
            await self._hear_the_rest()
        start = self._session.start
        await self._perform(self._session.receive(message, time.time()))
        if self._session.start is not start:
            await self._writer.put(Keep(self._session.record()))

    async def _hear(self, data: bytes) -> None:
        await self._detect(await self._source.feed(data))
        while self._session.backlog >= self._settings.max_backlog:
            self._progress.clear()
            await self._progress.wait()

    async def _hear_the_rest(self) -> None:
        await self._detect(await self._source.finish())
        await self._perform(self._session.hear(*self._detector.flush(), time.time()))
        if self._source.truncated:
            message = "the audio broke off; what came before it was used"
            self._outbox.tell(Error(code="truncated_audio", message=message))

    async def _detect(self, samples: Samples) -> None:
        metrics.AUDIO_SECONDS.inc(len(samples) / 16_000)
        if len(samples) > THREAD_FROM:
            heard = await asyncio.to_thread(self._detector.feed, samples)
        else:
            heard = await self._ask(self._detector.listen(samples))
        await self._perform(self._session.hear(*heard, time.time()))

    async def _ask(self, question: Question) -> Heard:
        """Judged together with what other sessions ask."""
        judged: list[Judged] = []
        if question.stretches:
            judged = await self._services.hearing.judge(question.stretches, urgent=self._detector.silent)
        return self._detector.conclude(question, judged)

    # --- from the workers

    async def _listen(self) -> None:
        while True:
            live = await self._listener.next_event()
            if isinstance(live.event, TakenOver):
                if live.event.epoch > self._lease.epoch:
                    raise TakenOverError
                continue
            if self._listener.gap.is_set():
                await self._catch_up()
            async with self._reading:
                if live.cursor and self._listener.gap.is_set():
                    continue  # it stands in the log as well, behind what was missed
                await self._perform(self._session.learn(live, time.time()))
            self._heard_news()

    async def _catch_up(self) -> None:
        """Take what the channel did not bring from the durable log; after a gap, see whether Redis lost anything."""
        async with self._reading:
            gap = self._listener.gap.is_set()
            self._listener.gap.clear()
            try:
                await self._read_log()
            except REDIS_ERRORS as error:
                self._listener.gap.set()
                log.warning("log_unreadable", error=str(error))
                return
        if gap:
            await self._writer.put(Check())

    async def _read_log(self) -> None:
        session = self._session
        async for live in self._services.sessions.read_log(session.id, session.cursor):
            await self._outbox.room()
            await self._perform(session.learn(live, time.time()))
            self._heard_news()

    def _heard_news(self) -> None:
        self._news_at = time.monotonic()
        self._progress.set()

    # --- from the clock

    async def _pass_time(self) -> None:
        checked_at = caught_up_at = kept_at = time.monotonic()
        audio_ms = self._session.record().audio_ms
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            await self._perform(
                [*self._session.press(self._services.admission.pressure), *self._session.tick(time.time())]
            )
            self._leave_if_draining()
            self._visit.go_on(self._session.audio_ms - self._began_ms, now - self._began_at)
            silent_since = max(self._news_at, caught_up_at)
            if self._listener.gap.is_set() or (self._session.waiting and now - silent_since > CATCH_UP_S):
                await self._catch_up()
                caught_up_at = now
            if self._session.waiting and now - max(self._news_at, checked_at) > CHECK_S:
                await self._writer.put(Check())
                checked_at = now
            if self._session.state == "stopping" and now - self._news_at > self._settings.stop_wait_s:
                raise ClientError("no worker finished in time; what is missing stays in the log", code="overdue")
            record = self._session.record()
            if now - kept_at > (KEEP_S if record.audio_ms != audio_ms else self._settings.session_ttl_s / 4):
                await self._writer.put(Keep(record))
                kept_at, audio_ms = now, record.audio_ms

    def _leave_if_draining(self) -> None:
        """Those who can go to another gateway and resume; those who cannot are served until they pause."""
        admission = self._services.admission
        if admission.draining.is_set() and not self._told_of_drain:
            self._told_of_drain = True
            self._outbox.tell(Draining(within_s=self._settings.drain_s))
        if admission.closing.is_set() or (self._told_of_drain and self._session.quiet):
            self._outbox.goodbye(1012, "draining")

    # --- what the session decides

    async def _perform(self, actions: list[Action]) -> None:
        """Events first, at once, so that they leave in the order in which the session decided them."""
        for action in actions:
            if isinstance(action, Send):
                self._note(action)
                self._outbox.tell(action.event)
            elif isinstance(action, Finish):
                self._outbox.goodbye(1000, "done")
        for action in actions:
            self._traces.decided(action)
            if isinstance(action, Close) or (isinstance(action, Submit) and not action.early):
                number = action.utterance if isinstance(action, Close) else action.job.utterance
                self._ended_at[number] = time.monotonic()
            if not isinstance(action, Send | Finish):
                await self._writer.put(action)

    def _is_live(self) -> bool:
        """A file comes faster than it could be spoken; it takes what time is left, and so counts as no load."""
        return self._session.audio_ms - self._began_ms <= 1000 * (time.monotonic() - self._began_at) + AHEAD_MS

    def _note(self, action: Send) -> None:
        self._shown.note(action.event, time.monotonic())
        if isinstance(action.event, SpeechStarted | SpeechEnded):
            self._voice.turn(isinstance(action.event, SpeechStarted) and self._is_live())
        if isinstance(action.event, Final):
            metrics.FINALS.inc()
            if (since := self._ended_at.pop(action.event.utterance, None)) is not None:
                waited_s = time.monotonic() - since
                metrics.FINAL_LATENCY.observe(waited_s)
                log.info("final_delivered", utterance=action.event.utterance, duration_ms=round(1000 * waited_s))
