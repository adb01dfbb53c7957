"""Busy sessions on any Redis: everything a gateway and a worker do, without sockets, speech detection and models."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from secrets import token_hex

import numpy as np

from backend.messages.jobs import AudioJob
from backend.messages.protocol import Final, Message, Start
from backend.service.settings import ServiceSettings, WorkerSettings
from backend.streams.job_streams import AUDIO, Entry, JobStreams, Outcome
from backend.streams.redis.connection import connect, retry_until_available
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.fanout import Fanout, Listener
from backend.streams.session.redis_fanout import RedisFanout
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Sessions
from backend.streams.worker.redis_source import redis_consumer
from gateway.connection.delay_watch import watch_delay
from gateway.connection.redis_writer import RedisWriter
from gateway.session.actions import Action, CatchUp, CloseConnection, SendEvent, StoreVoice, VerifyRecord
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.testkit.streams.jobs import final
from tests.testkit.system.redis_servers import RedisServers

SHARDS = 4
SESSIONS = 8


class StreamSession:
    """A session as the gateway runs it. It speaks one short utterance after the other."""

    def __init__(
        self,
        streams: JobStreams,
        sessions: Sessions,
        name: str,
        *,
        partials: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._streams, self._sessions, self._now = streams, sessions, now
        self.session = Session(name, "c", SessionPolicy())
        self._start = Start(partials=partials)
        self._reading = asyncio.Lock()
        self.finals: list[int] = []  # utterance numbers in order of arrival
        self.notices: list[Message] = []  # other events for the client

    async def run(self, fanout: Fanout, stop: asyncio.Event) -> None:
        """Speak until `stop` is set, then wait for the remaining finals."""
        session = self.session
        async with fanout.listen(self._streams.shard(session.id).events(session.id)) as listener:
            actions = session.receive_message(self._start, self._now())
            lease = await retry_until_available(lambda: self._sessions.open(session.id, "secret", session.record()))
            self._writer = RedisWriter(session, lease, self._streams)
            await self._perform(actions)
            async with asyncio.TaskGroup() as tasks:
                watch = watch_delay(lambda: 0.0, self._writer.blocked_s, self.notices.append)
                parts = [self._writer.write_forever(), self._listen(listener), self._catch_up(listener), watch]
                running = [tasks.create_task(part) for part in parts]
                await self._speak(stop)
                while session.has_pending_results:  # noqa: ASYNC110 - the worker has no event to wait for
                    await asyncio.sleep(0.01)
                for task in running:
                    task.cancel()

    async def _speak(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for windows, probability in ((10, 0.9), (10, 0.0), (12, 0.0)):
                audio = np.zeros((windows, 512), np.int16), np.full(windows, probability, np.float32)
                await self._perform(self.session.receive_audio(*audio, self._now()))
                await asyncio.sleep(0.05)

    async def _listen(self, listener: Listener) -> None:
        while True:
            live = await listener.next_event()
            async with self._reading:
                if not (live.cursor and listener.gap.is_set()):  # otherwise it is in the log, after the missed events
                    await self._perform(self.session.apply_result(live, self._now()))

    async def _catch_up(self, listener: Listener) -> None:
        while True:
            await listener.gap.wait()
            async with self._reading:
                listener.gap.clear()
                await retry_until_available(self._read_log)
            await self._writer.put(VerifyRecord())

    async def _read_log(self) -> None:
        session = self.session
        async for live in self._sessions.read_log(session.id, session.cursor):
            await self._perform(session.apply_result(live, self._now()))

    async def _perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, SendEvent):
                if isinstance(action.event, Final):
                    self.finals.append(action.event.utterance)
            elif not isinstance(action, CloseConnection | CatchUp | StoreVoice):
                await self._writer.put(action)


class BusySessions:
    """Sessions that speak, and the streams that they use."""

    def __init__(self, url: str, count: int) -> None:
        self.settings = ServiceSettings(REDIS_URL=url, NOVA_SHARDS=SHARDS)
        self.redis = connect(self.settings)
        self.streams = RedisJobStreams(self.redis, self.settings)
        sessions = RedisSessions(self.redis, self.settings, "gateway")
        self.sessions = [StreamSession(self.streams, sessions, token_hex(8), partials=n % 2 == 0) for n in range(count)]

    async def recovered(self, since: float) -> float:
        """Wait until every session has the final of an utterance that starts now. Returns the seconds since `since`."""
        spoken = [(session, session.session.record().count) for session in self.sessions]
        async with asyncio.timeout(30):
            while any(session.finals[-1:] <= [count] for session, count in spoken):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return time.monotonic() - since


@asynccontextmanager
async def busy_sessions(
    deployment: RedisServers, gateway_url: str = "", count: int = SESSIONS
) -> AsyncIterator[BusySessions]:
    """Sessions that speak throughout. In the end each must have received every final once, in order.

    Their gateway reaches Redis at `gateway_url`, by default as the worker does.
    """
    busy = BusySessions(gateway_url or deployment.url, count)
    fanout, stop_worker, stop_speaking = RedisFanout(busy.redis, token_hex(4)), asyncio.Event(), asyncio.Event()
    redis = connect(ServiceSettings(REDIS_URL=deployment.url))
    streams, settings = RedisJobStreams(redis, busy.settings), WorkerSettings(claim_after_ms=2_000)
    worker = redis_consumer(streams, AUDIO, token_hex(4), settings, recognize)
    async with redis, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(fanout.deliver_forever())
        working = tasks.create_task(worker.consume_until(stop_worker))
        speaking = [tasks.create_task(session.run(fanout, stop_speaking)) for session in busy.sessions]
        await busy.recovered(time.monotonic())
        yield busy
        stop_speaking.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*speaking)
        stop_worker.set()
        await working
        listening.cancel()
    await busy.redis.aclose()
    for session in busy.sessions:
        assert session.finals == list(range(1, session.session.record().count + 1))


async def recognize(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
    """Answer each job at once."""
    return [Outcome((final(entry.job.utterance),)) for entry in batch]
