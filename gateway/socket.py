"""The WebSocket shell around a session: it moves bytes and carries out what the session decides.

Four tasks a connection: one reads frames, one listens for results, one writes events, one lets time pass. Nothing
here is unbounded: a slow client fills its own outbox and loses its connection, a fast one is not read while too many
of its utterances are in flight.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from backend.errors import ClientError, NovaError, ProtocolError
from backend.messages.protocol import Error, Final, Message, Start, Stop, parse_client, to_json
from backend.streams.connection import TROUBLE, insist
from backend.streams.fanout import Fanout, Listener
from backend.streams.lanes import Lanes
from backend.streams.log import read_after
from gateway import metrics
from gateway.actions import Action, Close, Finish, Preview, Send, Submit, Withdraw
from gateway.audio import AudioSource, Samples
from gateway.segmenter import Rules
from gateway.session import Session
from gateway.settings import GatewaySettings
from gateway.utterance import Policy
from gateway.vad import Silero, SpeechDetector

TICK_S = 0.25
CATCH_UP_S = 2.0
"""When results are awaited and none has come for so long, the durable log is read."""
THREAD_FROM = 32_000
"""Samples from which speech is looked for in a thread: two seconds, as files bring."""
SEND_TIMEOUT_S = 20.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Services:
    """What all connections of a gateway share."""

    settings: GatewaySettings
    lanes: Lanes
    fanout: Fanout
    silero: Silero

    def policy(self) -> Policy:
        """The operator's choices, as the session understands them."""
        chosen = self.settings
        return Policy(
            rules=Rules(pre_roll_ms=chosen.pre_roll_ms, pause_ms=chosen.early_final_ms, max_ms=chosen.max_utterance_ms),
            preview_every_ms=chosen.preview_every_ms,
            preview_first_ms=chosen.preview_first_ms,
            preview_overdue_s=chosen.preview_overdue_ms / 1000,
        )


@dataclass(frozen=True, slots=True)
class _Goodbye:
    code: int
    reason: str


async def serve(websocket: WebSocket, services: Services) -> None:
    """Serve one connection to its end."""
    await websocket.accept()
    session = Session(secrets.token_hex(12), secrets.token_hex(8), services.policy())
    structlog.contextvars.bind_contextvars(correlation_id=session.correlation_id, session=session.id)
    channel = services.lanes.shard(session.id).events(session.id)
    with metrics.ACTIVE_CONNECTIONS.track_inprogress():
        async with services.fanout.listen(channel) as listener:
            await Connection(websocket, services, session, listener).run()
    log.info("session_ended", audio_ms=session.audio_ms, state=session.state)


class Connection:
    """One client."""

    def __init__(self, websocket: WebSocket, services: Services, session: Session, listener: Listener) -> None:
        self._websocket, self._services, self._session, self._listener = websocket, services, session, listener
        self._lanes, self._settings = services.lanes, services.settings
        self._outbox: asyncio.Queue[Message | _Goodbye] = asyncio.Queue(self._settings.outbox)
        self._detector = SpeechDetector(services.silero)
        self._source: AudioSource | None = None
        self._over = False
        self._early: dict[tuple[int, int], str] = {}
        self._ended_at: dict[int, float] = {}
        self._progress = asyncio.Event()
        self._news_at = time.monotonic()

    async def run(self) -> None:
        """Until the client has gone or everything has been said."""
        try:
            async with asyncio.TaskGroup() as parts:
                for part in (self._read, self._listen, self._pass_time):
                    parts.create_task(self._guarded(part))
                parts.create_task(self._write())
        except* WebSocketDisconnect as gone:
            log.info("connection_closed", reason=str(gone.exceptions[0]), outbox=self._outbox.qsize())
        finally:
            if self._websocket.application_state is WebSocketState.CONNECTED:
                await self._websocket.close(1011, "internal")

    async def _guarded(self, part: Callable[[], Awaitable[None]]) -> None:
        """Turn what ends a part of the work into the last words to the client."""
        try:
            await part()
        except ClientError as error:
            self._fail(error, error.close_code)
        except TROUBLE:
            self._fail(NovaError("Redis does not answer; try again", code="redis_unavailable"), 1013)
        except WebSocketDisconnect:
            raise
        except Exception as error:
            log.exception("session_failed", error=repr(error))
            self._fail(NovaError("internal error"), 1011)

    def _fail(self, error: NovaError, close_code: int) -> None:
        metrics.ERRORS.labels(error.code).inc()
        log.info("client_error", code=error.code, error=error.message)
        self._tell(Error(code=error.code, message=error.message, fatal=True))
        self._tell(_Goodbye(close_code, error.code))

    # --- from the client

    async def _read(self) -> None:
        limit = self._settings.start_timeout_s
        while True:
            try:
                async with asyncio.timeout(limit):
                    frame = await self._websocket.receive()
            except TimeoutError:
                raise ProtocolError(f"nothing received for {limit:g} s", code="idle_timeout") from None
            if frame["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(frame.get("code", 1006))
            try:
                await self._take(frame.get("text"), frame.get("bytes") or b"")
            except ClientError as error:
                if error.fatal:
                    raise
                metrics.ERRORS.labels(error.code).inc()
                self._tell(Error(code=error.code, message=error.message))
            limit = self._settings.idle_timeout_s

    async def _take(self, text: str | None, data: bytes) -> None:
        size = len(data) if text is None else len(text)
        if size > self._settings.max_frame_bytes:
            largest = self._settings.max_frame_bytes
            raise ProtocolError(f"a frame holds at most {largest} bytes", code="frame_too_large", close_code=1009)
        if text is None:
            await self._hear(data)
            return
        message = parse_client(text)
        if isinstance(message, Stop) and self._source is not None:
            await self._hear_the_rest(self._source)
        actions = self._session.receive(message, time.time())
        if isinstance(message, Start):
            self._source = AudioSource(message.audio)
            about = {"language": message.language, "translate_to": ",".join(message.translate_to)}
            await insist(lambda: self._lanes.open_session(self._session.id, about))
            metrics.SESSIONS.inc()
            log.info("session_started", **about, encoding=message.audio.encoding)
        await self._perform(actions)

    async def _hear(self, data: bytes) -> None:
        if self._source is None:
            raise ProtocolError("audio before start", code="not_started")
        await self._detect(await self._source.feed(data))
        while self._session.backlog >= self._settings.max_backlog:
            self._progress.clear()
            await self._progress.wait()

    async def _hear_the_rest(self, source: AudioSource) -> None:
        await self._detect(await source.finish())
        await self._perform(self._session.hear(*self._detector.flush(), time.time()))
        if source.truncated:
            self._tell(Error(code="truncated_audio", message="the audio broke off; what came before it was used"))

    async def _detect(self, samples: Samples) -> None:
        metrics.AUDIO_SECONDS.inc(len(samples) / 16_000)
        detect = self._detector.feed
        heard = await asyncio.to_thread(detect, samples) if len(samples) > THREAD_FROM else detect(samples)
        await self._perform(self._session.hear(*heard, time.time()))

    # --- from the workers

    async def _listen(self) -> None:
        while True:
            live = await self._listener.next()
            if self._listener.gap.is_set():
                await self._catch_up()
            await self._perform(self._session.learn(live, time.time()))
            self._news_at = time.monotonic()
            self._progress.set()

    async def _pass_time(self) -> None:
        refresh_at = time.monotonic() + self._settings.session_ttl_s / 4
        while True:
            await asyncio.sleep(TICK_S)
            await self._perform(self._session.tick(time.time()))
            now = time.monotonic()
            if self._listener.gap.is_set() or (self._session.waiting and now - self._news_at > CATCH_UP_S):
                await self._catch_up()
            if self._session.state == "stopping" and now - self._news_at > self._settings.stop_wait_s:
                raise ClientError("no worker finished in time; what is missing stays in the log", code="overdue")
            if now >= refresh_at:
                await insist(lambda: self._lanes.keep_session(self._session.id))
                refresh_at = now + self._settings.session_ttl_s / 4

    async def _catch_up(self) -> None:
        """Take what the channel did not bring from the durable log."""
        self._listener.gap.clear()
        session = self._session
        try:
            missed = await read_after(self._lanes.redis, self._lanes.shard(session.id), session.id, session.cursor)
        except TROUBLE as error:
            self._listener.gap.set()
            log.warning("log_unreadable", error=str(error))
            return
        for live in missed:
            await self._perform(session.learn(live, time.time()))
            self._news_at = time.monotonic()
            self._progress.set()

    # --- what the session decides

    async def _perform(self, actions: list[Action]) -> None:
        """Events first, at once, so that they leave in the order in which the session decided them."""
        for action in actions:
            if isinstance(action, Send):
                self._note(action.event)
                self._tell(action.event)
            elif isinstance(action, Finish):
                self._tell(_Goodbye(1000, "done"))
        for action in actions:
            await self._carry_out(action)

    async def _carry_out(self, action: Action) -> None:
        session = self._session.id
        match action:
            case Preview(job, pcm):
                try:
                    await self._lanes.submit_preview(job, pcm)
                except TROUBLE as error:
                    log.warning("preview_not_sent", error=str(error))
            case Submit(job, pcm, early):
                entry = await insist(lambda: self._lanes.submit_final(job, pcm, early=early))
                if early:
                    self._early[job.utterance, job.attempt] = entry
                else:
                    self._ended_at[job.utterance] = time.monotonic()
            case Withdraw(utterance, attempt):
                entry = self._early.pop((utterance, attempt))
                await insist(lambda: self._lanes.withdraw(session, entry))
            case Close(utterance, attempt):
                self._early.pop((utterance, attempt))
                self._ended_at[utterance] = time.monotonic()
                await insist(lambda: self._lanes.close(session, utterance, attempt))

    # --- to the client

    def _note(self, event: Message) -> None:
        if isinstance(event, Final):
            metrics.FINALS.inc()
            if (since := self._ended_at.pop(event.utterance, None)) is not None:
                metrics.FINAL_LATENCY.observe(time.monotonic() - since)

    def _tell(self, item: Message | _Goodbye) -> None:
        if self._over:
            return
        self._over = isinstance(item, _Goodbye)
        try:
            self._outbox.put_nowait(item)
        except asyncio.QueueFull:
            raise WebSocketDisconnect(1013, "the client reads too slowly") from None

    async def _write(self) -> None:
        while True:
            item = await self._outbox.get()
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    if not isinstance(item, _Goodbye):
                        await self._websocket.send_text(to_json(item))
                        continue
                    await self._websocket.close(item.code, item.reason)
            except TimeoutError:
                raise WebSocketDisconnect(1013, "the client reads too slowly") from None
            raise WebSocketDisconnect(item.code, item.reason)
