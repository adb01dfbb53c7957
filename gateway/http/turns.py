"""Shares the event loop between live audio and everything that may come in any amount.

A live frame needs a few turns of the event loop, and the next one arrives after 20 to 100 ms. If each turn contains
some work of every recording, request and handshake, live sessions fall behind. So that work waits for its turn.
"""

import asyncio
from heapq import heappop, heappush
from itertools import count

from starlette.types import ASGIApp, Receive, Scope, Send

# Longest pause after one turn, in seconds. A turn that took longer has waited for something else.
MAX_PAUSE_S = 0.02
# Time of the event loop that a request or a handshake takes until it waits for something, in seconds.
REQUEST_S = 0.001


class Turns:
    """Lets one caller continue in each turn of the event loop, for at most half of its time."""

    def __init__(self) -> None:
        self._taken = False
        # Waiting callers: their excess, a number that keeps their order, and what wakes them.
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    async def wait(self, cost_s: float = 0.0, excess: float = 0.0) -> None:
        """Wait for a turn. Callers with the lowest `excess` are first, then those that came first.

        `cost_s` is what the caller's last turn took: as much time belongs to others first.
        """
        await self._take(excess)
        try:
            await asyncio.sleep(min(cost_s, MAX_PAUSE_S))
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


class RequestTurns:
    """ASGI middleware: requests and handshakes begin one at a time."""

    def __init__(self, app: ASGIApp, turns: Turns) -> None:
        self._app, self._turns = app, turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for a turn, then run the application."""
        if scope["type"] != "lifespan":
            await self._turns.wait(REQUEST_S)
        await self._app(scope, receive, send)
