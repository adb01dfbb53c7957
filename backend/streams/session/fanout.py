"""Delivery of channel messages to the sessions of one gateway. `RedisFanout` implements the interface."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from backend.messages.jobs import ChannelMessage

# Messages that a listener may lag behind. Beyond that it reads the session log.
QUEUE_SIZE = 256


class Listener:
    """The bounded queue of one session.

    A message that does not fit is not lost: the listener sees the gap and reads the session log from its cursor.
    """

    def __init__(self) -> None:
        self._queue: asyncio.Queue[ChannelMessage] = asyncio.Queue(QUEUE_SIZE)
        # Set when messages may be missing. The owner clears it and then reads the log.
        self.gap = asyncio.Event()
        self.subscribed = asyncio.Event()

    def offer(self, message: ChannelMessage) -> None:
        """Queue a message, or set `gap` when the queue is full."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.gap.set()

    async def next_event(self) -> ChannelMessage:
        return await self._queue.get()

    async def next_events(self) -> list[ChannelMessage]:
        """All messages that are queued, as soon as there is one."""
        first = await self._queue.get()
        return [first, *(self._queue.get_nowait() for _ in range(self._queue.qsize()))]


class Fanout(Protocol):
    """Subscribes to channels for all sessions of a process."""

    def listen(self, channel: str) -> AbstractAsyncContextManager[Listener]:
        """Receive the messages of a channel from now on."""
