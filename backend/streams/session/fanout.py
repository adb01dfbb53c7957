"""From Redis to the sessions of this process: one pub/sub connection for each shard's home, a bounded queue for each
listener.

What a slow listener cannot hold, and what was said while Redis was away, is not lost: the listener is told that there
is a gap, and reads the durable log from its cursor on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub

from backend.backoff import Backoff
from backend.messages.jobs import ChannelMessage, decode_channel_message
from backend.streams.names import fanout_channel
from backend.streams.redis.connection import REDIS_ERRORS, subscriber

log = structlog.get_logger()

QUEUE = 256
"""Events that a listener may lag behind before it has to read the log."""
CONFIRM_S = 1.0
"""How long a new listener waits for its subscription to be in effect; later, it is told of a gap."""
PROVE_EVERY_S = 1.0
PROOF_S = 3.0
"""A connection over which nothing comes for so long, though it was published, is given up for a new one."""


class Listener:
    """One session's events."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[ChannelMessage] = asyncio.Queue(QUEUE)
        self.gap = asyncio.Event()
        """Set when events may have been missed; the listener clears it, then reads the log."""
        self.subscribed = asyncio.Event()
        """Set once the subscription has been in effect."""

    def offer(self, live: ChannelMessage) -> None:
        """Take an event, or note the gap."""
        try:
            self._queue.put_nowait(live)
        except asyncio.QueueFull:
            self.gap.set()

    async def next_event(self) -> ChannelMessage:
        """The next event, as it comes."""
        return await self._queue.get()


class Fanout:
    """Run it as a task for as long as the process lives."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis, self._name = redis, name
        self._subscriptions: dict[int, _Subscription] = {}
        self._new: asyncio.Queue[_Subscription] = asyncio.Queue()  # as many as there are shards, each once

    async def deliver_forever(self) -> None:
        """Deliver until cancelled, coming back by itself when Redis does."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                subscription = await self._new.get()
                tasks.create_task(subscription.run_forever())

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Listener]:
        """The events of a channel from now on."""
        subscription, listener = self._subscription(channel), Listener()
        subscription.join(channel, listener)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(CONFIRM_S):
                    await listener.subscribed.wait()
                listener.gap.clear()  # who has only just come has missed nothing
            yield listener
        finally:
            subscription.leave(channel, listener)

    def _subscription(self, channel: str) -> _Subscription:
        """One subscription per shard: in a cluster, a shard's channels live on the master of its slot."""
        slot = self._redis.keyslot(channel) if isinstance(self._redis, RedisCluster) else 0
        if slot not in self._subscriptions:
            self._subscriptions[slot] = _Subscription(self._redis, fanout_channel(channel, self._name))
            self._new.put_nowait(self._subscriptions[slot])
        return self._subscriptions[slot]


class _Subscription:
    """A subscription that is kept up: a lost, silent or misdirected connection is replaced by a new one."""

    def __init__(self, redis: Redis, own_channel: str) -> None:
        self._redis = redis
        # Only we publish here, to see whether what is published where Redis writes now still arrives.
        self._own = own_channel
        self._listeners: dict[str, set[Listener]] = {}
        self._in_effect: set[str] = set()
        self._changed, self._proof = asyncio.Event(), asyncio.Event()

    def join(self, channel: str, listener: Listener) -> None:
        self._listeners.setdefault(channel, set()).add(listener)
        if channel in self._in_effect:
            listener.subscribed.set()
        self._changed.set()

    def leave(self, channel: str, listener: Listener) -> None:
        listeners = self._listeners[channel]
        listeners.discard(listener)
        if not listeners:
            del self._listeners[channel]
            self._changed.set()

    async def run_forever(self) -> None:
        """Until cancelled."""
        backoff = Backoff(cap_s=1.0)
        while True:
            try:
                async with subscriber(self._redis, self._own) as pubsub, asyncio.TaskGroup() as parts:
                    backoff.reset()
                    for part in (self._subscribe(pubsub), self._deliver(pubsub), self._prove()):
                        parts.create_task(part)
            except* REDIS_ERRORS as errors:
                self._in_effect.clear()
                delay_s = backoff.next_delay_s()
                log.warning("fanout_interrupted", error=repr(errors.exceptions[0]), retry_in_s=round(delay_s, 3))
                await asyncio.sleep(delay_s)

    async def _subscribe(self, pubsub: PubSub) -> None:
        """Have Redis know who listens to what. Nobody else writes to the connection."""
        asked: set[str] = set()
        while True:
            self._changed.clear()
            wanted = set(self._listeners)
            if new := wanted - asked:
                await pubsub.ssubscribe(*new)
            if gone := asked - wanted:
                await pubsub.sunsubscribe(*gone)
            asked = wanted
            await self._changed.wait()

    async def _deliver(self, pubsub: PubSub) -> None:
        while True:
            message = await pubsub.get_message(timeout=None)
            if message is None or message["channel"] is None:
                continue
            channel = message["channel"].decode()
            match message["type"], channel == self._own:
                case "smessage", True:
                    self._proof.set()
                case "smessage", False:
                    self._pass_on(channel, message["data"])
                case "ssubscribe", _:
                    self._confirmed(channel)
                case "sunsubscribe", False:
                    self._in_effect.discard(channel)
                case "sunsubscribe", True:
                    raise OSError("the slot has moved to another node")

    def _pass_on(self, channel: str, data: bytes) -> None:
        try:
            live = decode_channel_message(data)
        except ValueError as error:
            log.warning("unreadable_event_ignored", error=str(error))
            return
        for listener in self._listeners.get(channel, ()):
            listener.offer(live)

    def _confirmed(self, channel: str) -> None:
        """In effect from here on; what was said before may be missing."""
        self._in_effect.add(channel)
        for listener in self._listeners.get(channel, ()):
            listener.gap.set()
            listener.subscribed.set()

    async def _prove(self) -> None:
        while True:
            await asyncio.sleep(PROVE_EVERY_S)
            self._proof.clear()
            async with asyncio.timeout(PROOF_S):
                await self._redis.execute_command("SPUBLISH", self._own, b"")  # type: ignore[no-untyped-call]
                await self._proof.wait()
