"""RedisSessions in full flow on any Redis: all that a gateway and a worker do, but for sockets, speech and models."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from secrets import token_hex

import numpy as np

from backend.messages.jobs import AudioJob
from backend.messages.protocol import Final, Message, Start
from backend.service.settings import ServiceSettings, WorkerSettings
from backend.streams.job_streams import AUDIO, Entry, Outcome
from backend.streams.redis.connection import connect, retry_until_available
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.fanout import Listener
from backend.streams.session.log import read_log
from backend.streams.session.redis_fanout import RedisFanout
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Lease
from backend.streams.worker.redis_source import redis_consumer
from gateway.connection.redis_writer import RedisWriter
from gateway.session.actions import Action, CatchUp, CloseConnection, SendEvent, VerifyRecord
from gateway.session.machine import Session
from gateway.session.utterance import SessionPolicy
from tests.testkit.system.redis_servers import Kind

SHARDS = 4
SESSIONS = 8


class Talker:
    """A session as the gateway holds it; who speaks does so without end, an utterance every so often."""

    def __init__(self, streams: RedisJobStreams, name: str, *, partials: bool) -> None:
        self._streams = streams
        self.session = Session(name, "c", SessionPolicy())
        self._start = Start(partials=partials)
        self._reading = asyncio.Lock()
        self.finals: list[int] = []
        """The utterances whose final was heard, as they came."""
        self.told: list[Message] = []
        """What else the client is told."""

    async def live(self, sessions: RedisSessions, fanout: RedisFanout, silent: asyncio.Event) -> None:
        """Speak until `silent` is set, and then until everything has been heard."""
        session = self.session
        async with fanout.listen(self._streams.shard(session.id).events(session.id)) as listener:
            actions = session.receive_message(self._start, time.time())
            lease: Lease = await retry_until_available(lambda: sessions.open(session.id, "secret", session.record()))
            self._writer = RedisWriter(session, lease, self._streams, self.told.append)
            await self._perform(actions)
            async with asyncio.TaskGroup() as tasks:
                parts = [self._writer.write_forever(), self._listen(listener), self._catch_up(listener)]
                running = [tasks.create_task(part) for part in parts]
                await self._speak(silent)
                while session.has_pending_results:  # noqa: ASYNC110 - it is the worker's doing
                    await asyncio.sleep(0.01)
                for task in running:
                    task.cancel()

    async def _speak(self, silent: asyncio.Event) -> None:
        while not silent.is_set():
            for windows, probability in ((10, 0.9), (10, 0.0), (12, 0.0)):
                heard = np.zeros((windows, 512), np.int16), np.full(windows, probability, np.float32)
                await self._perform(self.session.receive_audio(*heard, time.time()))
                await asyncio.sleep(0.05)

    async def _listen(self, listener: Listener) -> None:
        while True:
            live = await listener.next_event()
            async with self._reading:
                if not (live.cursor and listener.gap.is_set()):  # else it stands in the log, behind what was missed
                    await self._perform(self.session.apply_result(live, time.time()))

    async def _catch_up(self, listener: Listener) -> None:
        while True:
            await listener.gap.wait()
            async with self._reading:
                listener.gap.clear()
                await retry_until_available(self._read_log)
            await self._writer.put(VerifyRecord())

    async def _read_log(self) -> None:
        session = self.session
        async for live in read_log(self._streams.redis, self._streams.shard(session.id), session.id, session.cursor):
            await self._perform(session.apply_result(live, time.time()))

    async def _perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, SendEvent):
                if isinstance(action.event, Final):
                    self.finals.append(action.event.utterance)
            elif not isinstance(action, CloseConnection | CatchUp):
                await self._writer.put(action)


class Talk:
    """RedisSessions in full flow."""

    def __init__(self, kind: Kind) -> None:
        self.settings = ServiceSettings(REDIS_URL=kind.url, NOVA_SHARDS=SHARDS)
        self.redis = connect(self.settings)
        self.streams = RedisJobStreams(self.redis, self.settings)
        self.talkers = [Talker(self.streams, token_hex(8), partials=n % 2 == 0) for n in range(SESSIONS)]

    async def flowing(self, since: float) -> float:
        """Wait until every session has heard what was said after now; returns the seconds since `since`."""
        spoken = [(talker, talker.session.record().count) for talker in self.talkers]
        async with asyncio.timeout(30):
            while any(talker.finals[-1:] <= [count] for talker, count in spoken):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return time.monotonic() - since


@asynccontextmanager
async def talking(kind: Kind) -> AsyncIterator[Talk]:
    """RedisSessions that speak throughout. In the end each must have heard every utterance once, in order."""
    talk = Talk(kind)
    fanout, stop, silent = RedisFanout(talk.redis, "test"), asyncio.Event(), asyncio.Event()
    sessions = RedisSessions(talk.redis, talk.settings, "gateway")
    worker = redis_consumer(talk.streams, AUDIO, "worker", WorkerSettings(claim_after_ms=2_000), _recognize)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(fanout.deliver_forever())
        working = tasks.create_task(worker.consume_until(stop))
        lives = [tasks.create_task(talker.live(sessions, fanout, silent)) for talker in talk.talkers]
        await talk.flowing(time.monotonic())
        yield talk
        silent.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*lives)
        stop.set()
        await working
        listening.cancel()
    await talk.redis.aclose()
    for talker in talk.talkers:
        assert talker.finals == list(range(1, talker.session.record().count + 1))


async def _recognize(batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
    """A recognizer that needs no time."""
    return [
        Outcome((Final(utterance=entry.job.utterance, text="t", language="en", confidence=1, start_ms=0, end_ms=1),))
        for entry in batch
    ]
