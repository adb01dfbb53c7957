"""From Redis to the sessions of this process: one pub/sub connection, a bounded queue for each listener.

What a slow listener cannot hold, and what was said while Redis was away, is not lost: the listener is told that there
is a gap, and reads the durable log from its cursor on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from backend.messages.jobs import Live, unpack_live
from backend.streams.connection import TROUBLE

log = structlog.get_logger()

QUEUE = 256
"""Events that a listener may lag behind before it has to read the log."""


class Listener:
    """One session's events."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Live] = asyncio.Queue(QUEUE)
        self.gap = asyncio.Event()
        """Set when events were missed; the listener clears it, then reads the log."""

    def offer(self, data: bytes) -> None:
        """Take a channel message, or note the gap."""
        try:
            self._queue.put_nowait(unpack_live(data))
        except asyncio.QueueFull:
            self.gap.set()
        except ValueError as error:
            log.warning("unreadable_event_ignored", error=str(error))

    async def next(self) -> Live:
        """The next event, as it comes."""
        return await self._queue.get()


class Fanout:
    """Run it as a task for as long as the process lives."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._pubsub: PubSub = redis.pubsub()
        # A channel of our own keeps the connection open, and waiting for messages possible, while nobody listens.
        self._own_channel = f"nova:fanout:{name}".encode()
        self._listeners: dict[str, set[Listener]] = {}

    async def run(self) -> None:
        """Deliver until cancelled, coming back by itself when Redis does."""
        delay = 0.0
        try:
            while True:
                try:
                    await self._pubsub.ssubscribe(self._own_channel, *self._listeners)
                    delay = 0.0
                    await self._deliver()
                except TROUBLE as error:
                    delay = min(2.0, 2 * delay or 0.05)
                    log.warning("fanout_interrupted", error=str(error), retry_in_s=delay)
                    await asyncio.sleep(delay)
        finally:
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Listener]:
        """The events of a channel from now on."""
        listener = Listener()
        others = self._listeners.setdefault(channel, set())
        others.add(listener)
        if len(others) == 1:
            await self._pubsub.ssubscribe(channel)
        try:
            yield listener
        finally:
            others.discard(listener)
            if not others and self._listeners.get(channel) is others:
                del self._listeners[channel]
                try:
                    await self._pubsub.sunsubscribe(channel)
                except TROUBLE as error:
                    log.warning("unsubscribe_failed", error=str(error))

    async def _deliver(self) -> None:
        while True:
            message = await self._pubsub.get_message(timeout=30.0)
            if message is None:
                continue
            if message["type"] == "ssubscribe" and message["channel"] == self._own_channel:
                # The first time, and whenever the client library has silently come back from a lost connection.
                self._mark_gaps()
            if message["type"] != "smessage":
                continue
            for listener in self._listeners.get(message["channel"].decode(), ()):
                listener.offer(message["data"])

    def _mark_gaps(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.gap.set()
