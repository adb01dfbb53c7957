"""Shares the event loop between live audio and everything that may come in any amount.

A live frame needs a few turns of the event loop, and the next one arrives after 20 to 100 ms. If each turn contains
some work of every recording, request and handshake, live sessions fall behind. So that work waits for its turn.
"""

import asyncio
import time
from heapq import heappop, heappush
from itertools import count

from starlette.types import ASGIApp, Receive, Scope, Send

# Longest pause after one turn, in seconds. A turn that took longer has waited for something else.
MAX_PAUSE_S = 0.02
# A turn of the event loop that is shorter than this many seconds did no work. The turns that a live frame needs may be
# short as well, so the loop has nothing to do only after several.
QUIET_S, QUIET_TURNS = 0.000_3, 4
# Time of the event loop that a request or a handshake takes until it waits for something, in seconds.
REQUEST_S = 0.001


class Turns:
    """Lets one caller continue in each turn of the event loop, for at most half of its time while others have work."""

    def __init__(self) -> None:
        self._taken = False
        # Waiting callers: their excess, a number that keeps their order, and what wakes them.
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    async def wait(self, cost_s: float = 0.0, excess: float = 0.0) -> None:
        """Wait for a turn. Callers with the lowest `excess` are first, then those that came first.

        `cost_s` is what the caller's last turn took: as much time belongs to others first, if they have work.
        """
        await self._take(excess)
        try:
            await _leave_to_others(min(cost_s, MAX_PAUSE_S))
        finally:
            self._pass_on()

    async def _take(self, excess: float) -> None:
        if not self._taken:
            self._taken = True
            return
        woken = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (excess, next(self._numbers), woken))
        try:
            await woken
        except asyncio.CancelledError:
            if woken.done() and not woken.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            *_, woken = heappop(self._waiting)
            if not woken.done():  # cancelled when its connection closed
                woken.set_result(None)
                return
        self._taken = False


async def _leave_to_others(seconds: float) -> None:
    """Let the event loop do other work for this time, or until it has none in several turns."""
    until, quiet = time.monotonic() + seconds, 0
    await asyncio.sleep(0)
    while quiet < QUIET_TURNS and (began := time.monotonic()) < until:
        await asyncio.sleep(0)
        quiet = quiet + 1 if time.monotonic() - began < QUIET_S else 0


class RequestTurns:
    """ASGI middleware: requests and handshakes begin one at a time."""

    def __init__(self, app: ASGIApp, turns: Turns) -> None:
        self._app, self._turns = app, turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for a turn, then run the application."""
        if scope["type"] != "lifespan":
            await self._turns.wait(REQUEST_S)
        await self._app(scope, receive, send)
