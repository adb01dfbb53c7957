"""Limits how fast the frames of a TCP connection are read, as for a WebSocket (gateway/http/limited_websocket.py)."""

import asyncio

from backend.errors import ProtocolError
from gateway.http.read_budget import ReadBudget, ReadLimits
from gateway.settings import GatewaySettings


class ReadPace:
    """The pace of one connection."""

    def __init__(self, settings: GatewaySettings) -> None:
        limits = ReadLimits(settings.max_frames_per_s, settings.max_bytes_per_s)
        self._budget = ReadBudget(limits, asyncio.get_running_loop().time())

    async def wait(self, size: int) -> None:
        """Wait after a frame of this size. Raises ProtocolError if the client sends far too many."""
        wait_s = self._budget.spend(1, size, asyncio.get_running_loop().time())
        if self._budget.is_abused:
            raise ProtocolError("this connection sends too many frames", code="too_many_frames")
        # Also 0: frames that are in the buffer must not be read without a turn for other connections.
        await asyncio.sleep(wait_s)
