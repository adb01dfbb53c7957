"""What a worker's monitor tells: whether it had better be started anew, and whether it can take work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from backend.streams.observe.state import StreamInspector, clear_stream_metrics, set_stream_metrics
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.worker.in_flight import InFlight

REDIS_LIMIT_S = 0.7
"""How long Redis may take to answer; less than the monitor waits for us."""


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """A worker whose model is loaded; fulfils `HealthSource`."""

    redis: Redis
    observer: StreamInspector
    hands: Sequence[InFlight]
    hung_after_s: float
    stop: asyncio.Event

    async def live(self) -> str:
        """That Redis is away is nothing that a new start would cure."""
        busy_s = max(in_flight.busy_s() for in_flight in self.hands)
        return f"a batch has been in hand for {busy_s:.0f} s" if busy_s > self.hung_after_s else ""

    async def ready(self) -> str:
        """Redis must answer, and the worker must go on."""
        if self.stop.is_set():
            return "it drains"
        try:
            async with asyncio.timeout(REDIS_LIMIT_S):
                await self.redis.ping()
        except REDIS_ERRORS:  # anybody may ask: where Redis is stands in the error, and is nobody's business
            return "Redis: no answer"
        return ""

    async def refresh(self) -> None:
        """How this worker's lanes stand."""
        try:
            async with asyncio.timeout(REDIS_LIMIT_S):
                set_stream_metrics(await self.observer.streams())
        except REDIS_ERRORS:
            clear_stream_metrics()
