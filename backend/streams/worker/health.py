"""What a worker's monitor tells: whether it had better be started anew, and whether it can take work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from backend.streams.redis.connection import TROUBLE
from backend.streams.worker.in_flight import Hand
from backend.streams.observe.state import Observer, publish_absence, publish_lanes

REDIS_LIMIT_S = 0.7
"""How long Redis may take to answer; less than the monitor waits for us."""


@dataclass(frozen=True, slots=True)
class Working:
    """A worker whose model is loaded; fulfils `Vitals`."""

    redis: Redis
    observer: Observer
    hands: Sequence[Hand]
    hung_after_s: float
    stop: asyncio.Event

    async def live(self) -> str:
        """That Redis is away is nothing that a new start would cure."""
        busy_s = max(hand.busy_s() for hand in self.hands)
        return f"a batch has been in hand for {busy_s:.0f} s" if busy_s > self.hung_after_s else ""

    async def ready(self) -> str:
        """Redis must answer, and the worker must go on."""
        if self.stop.is_set():
            return "it drains"
        try:
            async with asyncio.timeout(REDIS_LIMIT_S):
                await self.redis.ping()
        except TROUBLE:  # anybody may ask: where Redis is stands in the error, and is nobody's business
            return "Redis: no answer"
        return ""

    async def refresh(self) -> None:
        """How this worker's lanes stand."""
        try:
            async with asyncio.timeout(REDIS_LIMIT_S):
                publish_lanes(await self.observer.lanes())
        except TROUBLE:
            publish_absence()
