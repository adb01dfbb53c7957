"""Sessions that are heard together: their windows are judged in one run of the network, of which each then costs less.

Who is silent may be about to be answered, and is judged in the same turn of the event loop. Who is in full flow waits
`GATHER_S` for company, which nobody notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.audio.silero import Judged, Silero, Stretch

GATHER_S = 0.005
"""How long one waits who need not be judged at once."""


class VadBatcher:
    """Shared by all sessions of an event loop."""

    def __init__(self, silero: Silero, gather_s: float = GATHER_S) -> None:
        self.silero, self._gather_s = silero, gather_s
        self._waiting: list[tuple[Stretch, asyncio.Future[Judged]]] = []
        self._due: asyncio.Handle | None = None
        self._soon = False

    async def judge(self, stretches: Sequence[Stretch], *, urgent: bool) -> list[Judged]:
        """What each is worth, in order."""
        loop = asyncio.get_running_loop()
        verdicts: list[asyncio.Future[Judged]] = [loop.create_future() for _ in stretches]
        self._waiting += zip(stretches, verdicts, strict=True)
        if urgent and not self._soon:
            if self._due is not None:
                self._due.cancel()
            self._due, self._soon = loop.call_soon(self._judge), True
        elif self._due is None:
            self._due = loop.call_later(self._gather_s, self._judge)
        return [await verdict for verdict in verdicts]

    def _judge(self) -> None:
        waiting, self._waiting, self._due, self._soon = self._waiting, [], None, False
        judged = self.silero.judge([stretch for stretch, _ in waiting])
        for (_, verdict), one in zip(waiting, judged, strict=True):
            if not verdict.done():  # whoever asked may have gone
                verdict.set_result(one)
