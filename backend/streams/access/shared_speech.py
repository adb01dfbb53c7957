"""How much all gateways speak to the workers, counted in Redis (admission.lua), so that they admit no more together."""

from collections.abc import Mapping
from typing import Any, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.names import SPEECH
from backend.streams.scripts import load_script


class SharedSpeech:
    """One gateway's view of the sum. Speech is in seconds per second.

    `heartbeats` holds the speech of other gateways by their heartbeats, which counts for gateways of older releases.
    """

    def __init__(self, redis: Redis, gateway: str) -> None:
        self._script: AsyncScript = redis.register_script(load_script("admission"))
        self._gateway = gateway

    async def report(self, own: float, heartbeats: Mapping[str, float]) -> float:
        """Write the speech of this gateway. Returns that of the others."""
        _, elsewhere = await self._run(own, 0.0, 0.0, heartbeats)
        return elsewhere

    async def reserve(self, own: float, additional: float, limit: float, heartbeats: Mapping[str, float]) -> bool:
        """Add the speech of another session to `own` if the sum of all gateways stays below `limit`.

        Concurrent calls of one gateway would overwrite each other.
        """
        fits, _ = await self._run(own, additional, limit, heartbeats)
        return fits

    async def _run(
        self, own: float, additional: float, limit: float, heartbeats: Mapping[str, float]
    ) -> tuple[bool, float]:
        others = [part for name, speech in heartbeats.items() for part in (name, speech)]
        answer = await self._script(keys=[SPEECH], args=[self._gateway, own, additional, limit, *others])
        fits, elsewhere = cast("list[Any]", answer)
        return bool(fits), float(elsewhere)
