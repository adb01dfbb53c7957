"""Connects a session to its socket and Redis, and executes its actions.

Six tasks per connection: they read frames, receive results, send events, write to Redis, run the timers, and notice
that Redis does not answer. All queues are bounded: a slow client fills its own event queue and is disconnected, and the
gateway stops reading from a client that has too many finals in flight.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from fastapi import WebSocketDisconnect

from backend.errors import ClientError, NovaError
from backend.messages.jobs import BYTES_PER_SECOND, SAMPLE_RATE, ChannelMessage, TakenOver
from backend.messages.protocol import ClientMessage, Stop
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.session.fanout import Listener
from backend.streams.session.sessions import Lease, TakenOverError
from gateway.access.registry import OpenSession
from gateway.audio.audio_input import AudioInput
from gateway.audio.level_monitor import LevelMonitor
from gateway.audio.vad import ScoredWindows
from gateway.connection.delay_watch import RedisUnavailableError, watch_delay
from gateway.connection.observers.observer import SessionObserver
from gateway.connection.published_rooms import SessionRoom
from gateway.connection.redis_writer import RedisWriter
from gateway.connection.transport import Sender, SessionTransport
from gateway.connection.voice_storage import store_voice
from gateway.http.read_budget import ReadBudget, ReadLimits
from gateway.services import GatewayServices
from gateway.session.actions import Action, CatchUp, CloseConnection, SendEvent, StoreVoice, VerifyRecord
from gateway.session.session import Session
from gateway.session.slips import SlipAllowance
from gateway.session.timers import Conditions, SessionTimers

# Interval of the timers. The shortest wait that they measure is 2 s.
TICK_S = 0.25
# Audio that arrives this far ahead of real time belongs to a recording. Finals that it waits for may take this long.
AHEAD_S, FINALS_WAIT_S = 2.0, 10.0
# Frames and audio of a live client, also while it catches up after a stall. Clients that send more wait for their turn.
LIVE_FRAMES_PER_S, LIVE_SPEED = 120, 1.1
LIVE = ReadLimits(LIVE_FRAMES_PER_S, LIVE_SPEED * BYTES_PER_SECOND, burst_s=0.5)
# Burst of a new connection, in seconds at these rates: it has nothing to catch up with yet.
LIVE_AT_START_S = 0.1

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HeldSession:
    """A session with everything that was acquired to hold it."""

    session: Session
    lease: Lease
    listener: Listener
    entry: OpenSession
    room: SessionRoom
    # Audio at the beginning that the client sends for other sessions of the connection, and that this one has received.
    skip_ms: int = 0


async def report_errors(sender: Sender, part: Callable[[], Awaitable[None]]) -> None:
    """Run one task of a connection. Turn an error into a fatal `error` event and a close code."""
    try:
        await part()
    except ClientError as error:
        log.info("client_error", code=error.code, error=error.log_message)
        sender.fail(error, error.close_code)
    except REDIS_ERRORS:
        sender.fail(RedisUnavailableError(), RedisUnavailableError.close_code)
    except (WebSocketDisconnect, ExceptionGroup):
        raise  # the client has left, or tasks inside this one have already reported their errors
    except Exception as error:
        log.exception("session_failed", error=repr(error))
        sender.fail(NovaError("internal error"), 1011)


class Connection:
    """One client's connection and its session."""

    def __init__(
        self, services: GatewayServices, held: HeldSession, transport: SessionTransport, observer: SessionObserver
    ) -> None:
        self._services, self._held, self._observer = services, held, observer
        self._is_lost = transport.is_lost
        self._clock = services.clock
        self._session, self._receiver, self._sender = held.session, transport.receiver, transport.sender
        self._writer = RedisWriter(held.session, held.lease, services.streams)
        audio, protocol = held.session.options.audio, held.entry.protocol
        self._audio = AudioInput(audio, services.vad_batcher, protocol, held.skip_ms)
        self._level = LevelMonitor()
        self._live = ReadBudget(LIVE, self._clock.monotonic(), LIVE_AT_START_S)
        self._turn_began = self._clock.monotonic()
        self._timers = SessionTimers(held.session, services.timer_limits(), self._clock.monotonic())
        self._slips = SlipAllowance(self._clock.monotonic())
        self._start_ms = held.session.audio_ms
        self._started_at = self._clock.monotonic()
        # False once a wait for finals of a recording was in vain.
        self._may_wait = True
        self._result_arrived = asyncio.Event()
        # Held while the log is read. Events from the channel wait, because the log may still have older ones.
        self._log_lock = asyncio.Lock()

    async def run(self, actions: Sequence[Action], on_log_read: Callable[[], None] = lambda: None) -> None:
        """Execute the session's first actions, then run until the client leaves or the session is done.

        `on_log_read` is called when the session has the results that an earlier connection did not receive.
        """
        await self._execute(actions)
        await retry_until_available(self._read_log)
        on_log_read()
        tasks = (self._receive_messages, self._receive_results, self._run_timers, self._watch_delay)
        async with asyncio.TaskGroup() as group:
            for task in (*tasks, self._writer.write_forever):
                group.create_task(report_errors(self._sender, task))

    # --- input from the client

    async def _receive_messages(self) -> None:
        arrivals = self._timers.arrivals
        self._receiver.on_wait = lambda: arrivals.wait(self._clock.monotonic())
        while True:
            try:
                message = await self._receiver.next_message(self._idle_timeout_s())
                await self._wait_for_turn(frames=1)
                arrivals.record_frame(self._clock.monotonic(), is_audio=isinstance(message, bytes))
                await self._handle_message(message)
            except ClientError as error:
                if error.fatal or not self._slips.spend(self._clock.monotonic()):
                    raise
                self._sender.send_error(error)

    def _idle_timeout_s(self) -> float:
        # After `stop`, a client has nothing more to send, so the timer for overdue results ends the connection.
        return self._services.settings.idle_timeout_s if self._session.state == "open" else 2 * self._timers.stop_wait_s

    async def _handle_message(self, message: ClientMessage | bytes) -> None:
        if not self._session.accepts("audio" if isinstance(message, bytes) else message.type):
            return
        if isinstance(message, bytes):
            await self._handle_audio(message)
            return
        if isinstance(message, Stop):
            await self._flush_audio()
        async with self._held.room.configured(message, self._session):
            await self._execute(self._session.receive_message(message, self._clock.wall()))

    async def _handle_audio(self, data: bytes) -> None:
        arrived_at, samples = self._clock.monotonic(), 0
        for number, piece in enumerate(self._audio.decode(data)):
            await self._wait_for_next_piece(number, 2 * piece.size)
            samples += piece.size
            scored = await self._audio.detect_speech(piece, *self._session.silence_ms)
            if not len(scored[0]):
                continue
            await self._process_windows(scored)
            await self._wait_for_finals()
            # Backpressure: read no more audio while the workers are this far behind.
            while self._session.pending_finals >= self._services.settings.max_backlog:
                self._result_arrived.clear()
                await self._result_arrived.wait()
        self._timers.arrivals.record_audio(samples / SAMPLE_RATE, arrived_at)

    async def _wait_for_next_piece(self, number: int, audio_bytes: int) -> None:
        """A frame may have thousands of pieces without audio, so each one after the first counts as a frame."""
        if number:
            # A client within its budget does not wait for a turn, but its next piece comes after other work.
            await asyncio.sleep(0)
        await self._wait_for_turn(frames=min(number, 1), audio_bytes=audio_bytes)

    async def _wait_for_turn(self, *, frames: int = 0, audio_bytes: int = 0) -> None:
        """Wait if the client sends more than a live one: its frames and pieces of audio come after those of others."""
        now = self._clock.monotonic()
        if (excess_s := self._live.spend(frames, audio_bytes, now)) > 0:
            # A live client that catches up has a small excess, so it is before all recordings.
            await self._services.turns.wait(now - self._turn_began, excess_s)
        self._turn_began = self._clock.monotonic()

    async def _wait_for_finals(self) -> None:
        """Read no more of a recording while finals in flight show the language or the context of what follows."""
        if not self._awaits_finals():
            return
        try:
            async with asyncio.timeout(FINALS_WAIT_S):
                while self._may_wait and self._awaits_finals() and self._is_ahead():
                    self._result_arrived.clear()
                    await self._result_arrived.wait()
        except TimeoutError:
            self._may_wait = False

    def _awaits_finals(self) -> bool:
        return self._session.awaits_language or self._session.awaits_context

    def _is_ahead(self) -> bool:
        """Whether the audio arrives faster than it is spoken: live speech must not wait."""
        audio_s = (self._session.audio_ms - self._start_ms) / 1000
        return audio_s - (self._clock.monotonic() - self._started_at) > AHEAD_S

    async def _flush_audio(self) -> None:
        for scored in await self._audio.flush():
            await self._process_windows(scored)
        if self._audio.truncation:
            self._sender.send_error(self._audio.truncation)

    async def _process_windows(self, scored: ScoredWindows) -> None:
        windows, probabilities, _ = scored
        await self._services.quota_slots.use_audio(self._held.entry, windows.size * 1000 // SAMPLE_RATE)
        await self._execute(self._session.receive_audio(windows, probabilities, self._clock.wall()))
        for notice in self._level.check(*scored):
            self._sender.send(notice)

    # --- results from the workers

    async def _receive_results(self) -> None:
        listener = self._held.listener
        while True:
            live = await listener.next_event()
            if isinstance(live.event, TakenOver):
                # A message about this connection's own takeover may arrive late.
                if live.event.epoch > self._held.lease.epoch:
                    raise TakenOverError
                continue
            if listener.gap.is_set():
                await self._catch_up()
            async with self._log_lock:
                if live.cursor and listener.gap.is_set():
                    continue  # the log could not be read; it also contains this event, after the missed ones
                await self._apply_result(live)

    async def _catch_up(self) -> None:
        """Read results that the channel did not deliver from the log. After a gap, check whether Redis lost jobs."""
        listener = self._held.listener
        async with self._log_lock:
            gap = listener.gap.is_set()
            listener.gap.clear()
            try:
                await self._read_log()
            except REDIS_ERRORS as error:
                listener.gap.set()
                log.warning("log_unreadable", error=str(error))
                return
        if gap:
            await self._writer.put(VerifyRecord())

    async def _read_log(self) -> None:
        session = self._session
        async for live in self._services.sessions.read_log(session.id, session.log_cursor):
            await self._sender.wait_until_half_empty()
            await self._apply_result(live)

    async def _apply_result(self, live: ChannelMessage) -> None:
        await self._execute(self._session.apply_result(live, self._clock.wall()))
        self._timers.record_result(self._clock.monotonic())
        self._result_arrived.set()

    # --- timers

    async def _run_timers(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if self._is_lost():
                raise WebSocketDisconnect(1006)  # the other tasks may wait for their turn, or for Redis
            await self._execute(self._timers.tick(self._conditions(), self._clock.monotonic(), self._clock.wall()))

    def _conditions(self) -> Conditions:
        registry = self._services.registry
        return Conditions(
            backpressure=self._services.admission.backpressure,
            draining=registry.draining,
            closing=registry.closing,
            gap=self._held.listener.gap.is_set(),
            quota_error=self._held.entry.quota_error,
        )

    async def _watch_delay(self) -> None:
        """In a task of its own, because the others may wait for Redis."""
        silence, shard = self._services.silence, self._services.streams.shard(self._session.id)
        await watch_delay(lambda: silence.seconds(shard), self._writer.blocked_s, self._sender.send)

    # --- actions

    async def _execute(self, actions: Sequence[Action]) -> None:
        for action in actions:  # events first, without awaiting, to keep the session's order
            self._observer.on_action(action)
            if isinstance(action, SendEvent):
                self._sender.send(action.event)
            elif isinstance(action, CloseConnection):
                self._sender.close(action.code, action.reason)
        for action in actions:
            if isinstance(action, CatchUp):
                await self._catch_up()
            elif isinstance(action, StoreVoice):
                await self._execute(await store_voice(self._services, self._held.entry.caller.id, action))
            elif not isinstance(action, SendEvent | CloseConnection):
                await self._writer.put(action)
