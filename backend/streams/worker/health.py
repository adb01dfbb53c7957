"""Health of a worker whose model is loaded: whether it should be restarted, and whether it can process entries."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from backend.streams.observe.state import StreamInspector, clear_stream_metrics, set_stream_metrics
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.worker.in_flight import InFlight

# Less than the time that the metrics server waits for an answer.
REDIS_TIMEOUT_S = 0.7


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """Implements `HealthSource`."""

    redis: Redis
    inspector: StreamInspector
    in_flight: Sequence[InFlight]
    hung_after_s: float
    stop: asyncio.Event

    async def live(self) -> str:
        # An unavailable Redis is no reason for a restart, because a restart would not help.
        busy_s = max(batch.busy_s() for batch in self.in_flight)
        return f"the current batch has taken {busy_s:.0f} s" if busy_s > self.hung_after_s else ""

    async def ready(self) -> str:
        if self.stop.is_set():
            return "draining"
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                await self.redis.ping()
        except REDIS_ERRORS:
            # The endpoint needs no key, and the error may contain the address of Redis.
            return "Redis: no answer"
        return ""

    async def refresh(self) -> None:
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                set_stream_metrics(await self.inspector.streams())
        except REDIS_ERRORS:
            clear_stream_metrics()
