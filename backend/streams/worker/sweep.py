"""Deletion of idle consumers. A worker that is killed leaves its consumer in every group forever."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.streams.scripts import load_script
from backend.streams.worker.source import IDLE_S


class ConsumerSweeper:
    """Deletes consumers of one group."""

    def __init__(self, redis: Redis, group: str) -> None:
        self._group = group
        self._script: AsyncScript = redis.register_script(load_script("delete_idle_consumers"))

    async def sweep(
        self, finals: Sequence[str], previews: Sequence[str], *, idle_s: float = IDLE_S, only: str = ""
    ) -> int:
        """Delete consumers that were idle for `idle_s` seconds, or only the one named `only`; returns how many.

        A consumer with pending finals stays until other consumers have claimed them. Pending previews are dropped.
        """
        streams = [(stream, "keep_pending") for stream in finals] + [(stream, "") for stream in previews]
        deleted = 0
        for stream, keep_pending in streams:
            deleted += int(
                await self._script(keys=[stream], args=[self._group, int(1000 * idle_s), only, keep_pending])
            )
        return deleted
