"""The Python client: audio in, events out, over one WebSocket at a time.

async with Client.connect("ws://127.0.0.1:8080/v1/stream", Start(language="en")) as client, TaskGroup() as tasks:
    tasks.create_task(speak(client))            # client.send(pcm), then client.stop()
    async for event in client:                  # Ready is already taken; ends after Done
        ...

A connection that is lost is replaced, and the session goes on: on the same gateway or another, with the audio that no
final covers sent again. The iteration does that. It needs no task of its own and raises what went wrong where the user
looks; so whoever sends must also iterate.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidHandshake

from backend.client import connection as link
from backend.client.connection import DisconnectedError, ServerError
from backend.client.progress import ReconnectBackoff, SessionProgress
from backend.client.replay_buffer import SAMPLE_BYTES
from backend.errors import NovaError
from backend.messages.protocol import (
    ClientMessage,
    Configure,
    Done,
    Draining,
    Finalize,
    Notice,
    Ready,
    ServerMessage,
    Start,
    Stop,
    to_json,
)

__all__ = ["PATIENCE_S", "Client", "DisconnectedError", "ServerError"]

PATIENCE_S = 60.0
"""For a lost connection to come back."""
AHEAD_MS = 10_000
"""Audio that may be on its way to the server: more would only wait in the network's buffers. With an utterance of 25 s
and what the server's own queue holds it is less than the ring, so what falls out of the ring is safe."""


class Client:
    """One session. Made by `connect`."""

    def __init__(
        self,
        urls: Iterator[str],
        key: str,
        socket: ClientConnection,
        ready: Ready,
        place: SessionProgress,
        backoff: ReconnectBackoff | None,
    ) -> None:
        self.ready = ready
        """The first answer of the server."""
        self.reconnects = 0
        """How often another connection has taken the place of one that was lost."""
        self._urls, self._key, self._socket, self._place, self._backoff = urls, key, socket, place, backoff
        self._read_ms = ready.audio_from_ms
        self._writing = asyncio.Lock()
        self._connected = asyncio.Event()
        self._connected.set()
        self._trouble: Exception | None = None
        self._over = False

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str | Sequence[str],
        start: Start,
        *,
        key: str = "",
        resume: bool = True,
        patience_s: float = PATIENCE_S,
    ) -> AsyncIterator[Client]:
        """Open a session at the first address that answers; each later connection goes to the next one in turn.

        `key` is an API key or a token, for servers that let nobody in without.
        Raises ServerError when the server refuses it, OSError when there is none. A connection that is lost is not
        replaced when `resume` is False, when the server gives no token for it, and in containers (webm, ogg), which
        cannot be sent again from the middle.
        """
        urls = (url,) if isinstance(url, str) else tuple(url)
        turn, place = cycle(urls), SessionProgress(start)
        socket, ready = await _first(turn, len(urls), start, key)
        place.opened(ready)
        again = resume and ready.resume_token and start.audio.encoding in SAMPLE_BYTES
        client = cls(turn, key, socket, ready, place, ReconnectBackoff(patience_s) if again else None)
        if again:
            link.widen(socket)
        try:
            yield client
        finally:
            await client._socket.close()

    # --- what the user says; when the session is over, all of it raises DisconnectedError

    async def send(self, audio: bytes) -> None:
        """Send audio of any length, in the format that `start` named.

        Waits while the server is busy. While the connection is lost it returns at once, until a minute is kept.
        """
        if self._backoff is None:
            await link.send(self._socket, audio)
            return
        ring = self._place.ring
        for at in range(0, len(audio), ring.block):
            await self._room()
            ring.add(audio[at : at + ring.block])
            await self._flush()

    async def say(self, message: ClientMessage) -> None:
        """Send any other message. What matters of it after a lost connection is said again."""
        if self._backoff is None:
            await link.send(self._socket, to_json(message))
            return
        self._check()
        match message:
            case Finalize() | Stop():
                self._place.ring.mark(message)
                await self._flush()
            case Configure():
                self._place.configure(message)
                await self._flush(message)
            case _:
                await self._flush(message)

    async def stop(self) -> None:
        """No more audio; the events in flight follow, then the iteration ends."""
        await self.say(Stop())

    async def caught_up(self) -> None:
        """Return when the server has read what was sent."""
        if self._backoff is None:
            await link.caught_up(self._socket)
            return
        self._check()
        while not await self._acknowledged():
            await self._connected.wait()
            self._check()

    async def _room(self) -> None:
        """Return when a block may be added to the ring, and nothing falls out that the server has not read."""
        ring = self._place.ring
        while True:
            self._check()
            if self._connected.is_set():
                if ring.end_ms - self._read_ms <= AHEAD_MS:
                    return
                await self._acknowledged()
            elif ring.has_room:
                return
            else:
                await self._connected.wait()

    async def _acknowledged(self) -> bool:
        """Whether the server has read what was sent; False when the connection was lost first."""
        socket, upto_ms = self._socket, self._place.ring.end_ms
        try:
            await link.caught_up(socket)
        except NovaError:
            self._lost(socket)
            return False
        if socket is self._socket:
            self._read_ms = upto_ms
        return socket is self._socket

    async def _flush(self, message: ClientMessage | None = None) -> None:
        """Send a message, and what the ring has not sent yet. A lost connection is the reader's to replace."""
        async with self._writing:
            if self._connected.is_set():
                await self._transmit(message)

    async def _transmit(self, message: ClientMessage | None) -> None:
        socket, ring = self._socket, self._place.ring
        item: bytes | ClientMessage | None = message or ring.take()
        try:
            while item is not None:
                await link.send(socket, item if isinstance(item, bytes) else to_json(item))
                item = ring.take()
        except NovaError:
            self._lost(socket)

    def _lost(self, socket: ClientConnection) -> None:
        if socket is self._socket and not self._over:
            self._connected.clear()

    def _check(self) -> None:
        if self._over:
            raise DisconnectedError("the session is over")

    # --- what the server says

    async def __aiter__(self) -> AsyncIterator[ServerMessage]:
        """Events as they come, until `done`; each final once, whatever becomes of connections.

        Two notices are the client's own, `connection_lost` and `connection_restored`; behind them the utterance in
        progress may begin anew. Raises ServerError after a fatal error, DisconnectedError when the connection is lost
        and could not be replaced.
        """
        try:
            while not isinstance(event := await self._next(), Done):
                if self._place.take(event):
                    yield event
        except NovaError:
            self._end()
            raise
        self._end()

    def _end(self) -> None:
        self._over = True
        self._connected.set()

    async def _next(self) -> ServerMessage:
        if self._trouble is not None:
            await self._resume(self._trouble)
            return Notice(code="connection_restored", message="the connection is back")
        try:
            event = await link.receive(self._socket)
        except NovaError as error:
            if self._backoff is None or not link.passes(error):
                raise
            self._trouble = error
            self._lost(self._socket)
            return Notice(code="connection_lost", message=f"{error.message}; trying to go on")
        if self._backoff is None or not isinstance(event, Draining):
            return event
        await self._resume(DisconnectedError("the gateway closes"))
        return await self._next()

    async def _resume(self, trouble: Exception) -> None:
        """Put another connection in the place of this one. Raises DisconnectedError when patience ends."""
        assert self._backoff is not None, "a session without one ends with its connection"
        now = asyncio.get_running_loop().time
        self._backoff.lost(now(), self._place.cursor)
        while True:
            wait_s = self._backoff.wait_s(now(), getattr(trouble, "retry_after_s", None) or 0.0)
            if wait_s is None:
                raise DisconnectedError(f"the connection was lost and did not come back: {trouble}")
            await asyncio.sleep(wait_s)
            try:
                opened = await self._reopen(next(self._urls))
            except (OSError, InvalidHandshake, NovaError) as error:
                if not link.passes(error):
                    raise
                trouble = error
            else:
                await self._adopt(*opened)
                return

    async def _reopen(self, url: str) -> tuple[ClientConnection, Ready]:
        try:
            return await link.open_link(url, self._place.resume(), self._key)
        except ServerError as refused:
            if refused.code != "unknown_session":
                raise
        return await link.open_link(url, self._place.start(), self._key)

    async def _adopt(self, socket: ClientConnection, ready: Ready) -> None:
        """From now on this is the connection; what stands behind the server's position is sent again."""
        self._connected.clear()
        link.drop(self._socket)
        link.widen(socket)
        self._socket, self._trouble = socket, None
        async with self._writing:
            self._place.opened(ready)
            self._read_ms = ready.audio_from_ms
            self.reconnects += 1
            self._connected.set()
            await self._transmit(self._place.options())


async def _first(urls: Iterator[str], count: int, start: Start, key: str) -> tuple[ClientConnection, Ready]:
    for _ in range(count - 1):
        with contextlib.suppress(OSError, InvalidHandshake, DisconnectedError):
            return await link.open_link(next(urls), start, key)
    return await link.open_link(next(urls), start, key)
