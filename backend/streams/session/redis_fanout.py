"""Sharded pub/sub: one connection for each shard of a process, and a bounded queue for each session.

Pub/sub delivers at most once. A listener that was too slow, or whose connection was lost, sees a gap and reads the
session log from its cursor.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub

from backend.backoff import Backoff
from backend.messages.jobs import decode_channel_message
from backend.streams.names import fanout_channel
from backend.streams.redis.connection import REDIS_ERRORS, subscriber
from backend.streams.session.fanout import Listener

log = structlog.get_logger()

# How long `listen` waits until the subscription is in effect. After that, the listener starts with a gap.
SUBSCRIBE_TIMEOUT_S = 1.0
# A connection may be dead without an error, or subscribed at a node that is no master any more. So a probe message is
# published once a second, and a connection that does not deliver it in time is replaced.
PROBE_EVERY_S = 1.0
PROBE_TIMEOUT_S = 3.0
# Shorter than elsewhere: until the subscription is back, clients see no partials.
MAX_RECONNECT_DELAY_S = 1.0


class RedisFanout:
    """Implements `Fanout`. Run `deliver_forever` as a task while the process lives."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis, self._name = redis, name
        self._subscriptions: dict[int, _Subscription] = {}
        # Unbounded, but holds at most one item for each shard.
        self._new: asyncio.Queue[_Subscription] = asyncio.Queue()

    async def deliver_forever(self) -> None:
        """Deliver messages until cancelled. Reconnects when Redis was unavailable."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                subscription = await self._new.get()
                tasks.create_task(subscription.keep_up())

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Listener]:
        subscription, listener = self._subscription(channel), Listener()
        subscription.add_listener(channel, listener)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
                    await listener.subscribed.wait()
                # The session has just been opened or resumed, so there is nothing to miss yet.
                listener.gap.clear()
            yield listener
        finally:
            subscription.remove_listener(channel, listener)

    def _subscription(self, channel: str) -> "_Subscription":
        # In a cluster, a sharded channel is served by the master of its slot only, so each shard needs a connection.
        slot = self._redis.keyslot(channel) if isinstance(self._redis, RedisCluster) else 0
        if slot not in self._subscriptions:
            self._subscriptions[slot] = _Subscription(self._redis, fanout_channel(channel, self._name))
            self._new.put_nowait(self._subscriptions[slot])
        return self._subscriptions[slot]


class _Subscription:
    """One pub/sub connection, replaced when it is lost, silent, or at the wrong node."""

    def __init__(self, redis: Redis, probe_channel: str) -> None:
        self._redis = redis
        self._probe_channel = probe_channel
        self._listeners: dict[str, set[Listener]] = {}
        self._in_effect: set[str] = set()
        self._changed, self._probe_received = asyncio.Event(), asyncio.Event()

    def add_listener(self, channel: str, listener: Listener) -> None:
        self._listeners.setdefault(channel, set()).add(listener)
        if channel in self._in_effect:
            listener.subscribed.set()
        self._changed.set()

    def remove_listener(self, channel: str, listener: Listener) -> None:
        listeners = self._listeners[channel]
        listeners.discard(listener)
        if not listeners:
            del self._listeners[channel]
            self._changed.set()

    async def keep_up(self) -> None:
        """Connect, and reconnect after every error, until cancelled."""
        backoff = Backoff(cap_s=MAX_RECONNECT_DELAY_S)
        while True:
            try:
                async with subscriber(self._redis, self._probe_channel) as pubsub, asyncio.TaskGroup() as tasks:
                    backoff.reset()
                    for part in (self._update_channels(pubsub), self._receive(pubsub), self._probe()):
                        tasks.create_task(part)
            except* REDIS_ERRORS as errors:
                self._in_effect.clear()
                delay_s = backoff.next_delay_s()
                log.warning("fanout_interrupted", error=repr(errors.exceptions[0]), retry_in_s=round(delay_s, 3))
                await asyncio.sleep(delay_s)

    async def _update_channels(self, pubsub: PubSub) -> None:
        """Subscribe and unsubscribe as listeners come and go. The only writer to this connection."""
        subscribed: set[str] = set()
        while True:
            self._changed.clear()
            wanted = set(self._listeners)
            if added := wanted - subscribed:
                await pubsub.ssubscribe(*added)
            if removed := subscribed - wanted:
                await pubsub.sunsubscribe(*removed)
            subscribed = wanted
            await self._changed.wait()

    async def _receive(self, pubsub: PubSub) -> None:
        while True:
            message = await pubsub.get_message(timeout=None)
            if message is None or message["channel"] is None:
                continue
            channel = message["channel"].decode()
            match message["type"], channel == self._probe_channel:
                case "smessage", True:
                    self._probe_received.set()
                case "smessage", False:
                    self._deliver(channel, message["data"])
                case "ssubscribe", _:
                    self._confirm(channel)
                case "sunsubscribe", False:
                    self._in_effect.discard(channel)
                case "sunsubscribe", True:
                    # Redis unsubscribes clients when the slot moves to another node.
                    raise OSError("the slot has moved to another node")

    def _deliver(self, channel: str, data: bytes) -> None:
        try:
            message = decode_channel_message(data)
        except ValueError as error:
            log.warning("unreadable_event_ignored", error=str(error))
            return
        for listener in self._listeners.get(channel, ()):
            listener.offer(message)

    def _confirm(self, channel: str) -> None:
        """Note that the subscription is in effect. Earlier messages may be missing, so listeners see a gap."""
        self._in_effect.add(channel)
        for listener in self._listeners.get(channel, ()):
            listener.gap.set()
            listener.subscribed.set()

    async def _probe(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            self._probe_received.clear()
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                # The client publishes at the slot's current master, which shows whether the connection is there too.
                await self._redis.execute_command("SPUBLISH", self._probe_channel, b"")  # type: ignore[no-untyped-call]
                await self._probe_received.wait()
