"""Abandoned consumers: a worker that died leaves its name in every group, for ever. They are swept, losing nothing."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.scripts import script

EVERY_S = 60.0
ABANDONED_S = 600.0
"""Longer than any worker is silent."""


class Sweeper:
    """Of one group."""

    def __init__(self, redis: Redis, group: str) -> None:
        self._group = group
        self._script: AsyncScript = redis.register_script(script("delete_idle_consumers"))

    async def sweep(
        self, finals: Sequence[str], previews: Sequence[str], *, idle_s: float = ABANDONED_S, only: str = ""
    ) -> int:
        """Delete consumers that have been silent for so long, or only the one of this name; returns how many.

        One that holds a final stays until others have claimed it. What it held of previews goes with it.
        """
        streams = [(stream, "keep") for stream in finals] + [(stream, "") for stream in previews]
        swept = 0
        for stream, keep in streams:
            swept += int(await self._script(keys=[stream], args=[self._group, int(1000 * idle_s), only, keep]))
        return swept
