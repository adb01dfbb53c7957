"""The asyncio client: sends audio and receives events over one WebSocket at a time.

A lost connection is replaced while the client is iterated over: on the same gateway or on another one, with the audio
that no final covers sent again. The client has no background task of its own, so errors are raised where the events
are read. Code that sends must therefore also iterate.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidHandshake

from backend.client import connection
from backend.client.connection import DisconnectedError, ServerError
from backend.client.progress import ReconnectPolicy, SessionProgress
from backend.errors import NovaError
from backend.messages.options import SAMPLE_BYTES
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

__all__ = ["RECONNECT_TIMEOUT_S", "Client", "DisconnectedError", "ServerError"]

RECONNECT_TIMEOUT_S = 60.0
# Audio in transit to the server. More would only wait in network buffers. Together with an utterance (up to 25 s) and
# the server's own queue it fits into the replay buffer (60 s), so audio that the buffer drops has reached the server.
MAX_IN_TRANSIT_MS = 10_000


class Client:
    """One session with a server. Create it with `connect`.

    Example::

        async with Client.connect("ws://127.0.0.1:8080/v1/stream", Start(language="en")) as client:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(send_audio(client))  # calls client.send(...), then client.stop()
                async for event in client:
                    if isinstance(event, Final):
                        print(event.text)

    Attributes: `ready` is the server's first answer (session id, correlation id). `reconnects` counts the connections
    that were lost and replaced.
    """

    def __init__(
        self,
        urls: Iterator[str],
        access: tuple[str, ssl.SSLContext | None],
        socket: ClientConnection,
        ready: Ready,
        progress: SessionProgress,
        policy: ReconnectPolicy | None,
    ) -> None:
        self.ready, self.reconnects = ready, 0
        self._urls, self._access, self._socket, self._progress, self._policy = urls, access, socket, progress, policy
        # Position up to which the server has read the audio, as far as it is known.
        self._received_ms = ready.audio_from_ms
        # Keeps the order of frames when several tasks send.
        self._writing = asyncio.Lock()
        self._connected = asyncio.Event()
        self._connected.set()
        self._connection_error: Exception | None = None
        self._ended = False

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str | Sequence[str],
        start: Start,
        *,
        key: str = "",
        resume: bool = True,
        reconnect_timeout_s: float = RECONNECT_TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> AsyncIterator[Self]:
        """Open a session, and close the connection at the end of the block.

        `url` is the address of a gateway's stream ("ws://host:8080/v1/stream") or of several gateways, which are tried
        in turn. `start` holds the options of the session. `key` is an API key or a JSON Web Token. `resume` enables
        reconnects; the client retries for `reconnect_timeout_s` seconds after a lost connection. Sessions with
        container formats (webm, ogg) cannot be resumed. `tls` names the trusted certificates (default: the system's).

        Raises ServerError when the server refuses the session, and OSError, TimeoutError,
        websockets.exceptions.InvalidHandshake or DisconnectedError when no server can be reached.
        """
        urls = (url,) if isinstance(url, str) else tuple(url)
        turn, progress = cycle(urls), SessionProgress(start)
        socket, ready = await connection.open_first(turn, len(urls), start, key, tls)
        progress.apply_ready(ready)
        resumable = resume and ready.resume_token and start.audio.encoding in SAMPLE_BYTES
        # The result of a recording is not urgent, and a gateway limits how many it transcribes at the same time.
        policy = ReconnectPolicy(reconnect_timeout_s, waits_for_place=start.priority == "recording")
        client = cls(turn, (key, tls), socket, ready, progress, policy if resumable else None)
        if resumable:
            connection.raise_write_limit(socket)
        try:
            yield client
        finally:
            await client._socket.close()

    # --- sending; every method raises DisconnectedError after the session has ended

    async def send(self, audio: bytes) -> None:
        """Send audio of any length, in the format given in `start` (default: 16-bit little-endian PCM, 16 kHz, mono).

        Waits while the server applies backpressure. While the connection is lost, up to one minute of audio is
        buffered without waiting.
        """
        if self._policy is None:
            await connection.send_frame(self._socket, audio)
            return
        buffer = self._progress.buffer
        for at in range(0, len(audio), buffer.block_bytes):
            await self._wait_for_room()
            buffer.add(audio[at : at + buffer.block_bytes])
            await self._flush()

    async def send_message(self, message: ClientMessage) -> None:
        """Send any other message. Changed options and unanswered `finalize` and `stop` are sent again on reconnect."""
        if self._policy is None:
            await connection.send_frame(self._socket, to_json(message))
            return
        self._check_not_ended()
        match message:
            case Finalize() | Stop():
                self._progress.buffer.add_message(message)
                await self._flush()
            case Configure():
                self._progress.apply_configure(message)
                await self._flush(message)
            case _:
                await self._flush(message)

    async def stop(self) -> None:
        """End the audio. The events in flight follow, then the iteration ends."""
        await self.send_message(Stop())

    async def wait_until_received(self) -> None:
        """Wait until the server has read everything sent so far."""
        if self._policy is None:
            await connection.wait_until_received(self._socket)
            return
        self._check_not_ended()
        while not await self._received():
            await self._connected.wait()
            self._check_not_ended()

    async def _wait_for_room(self) -> None:
        """Wait until a block can be added without dropping audio that the server has not read."""
        buffer = self._progress.buffer
        while True:
            self._check_not_ended()
            if self._connected.is_set():
                if buffer.end_ms - self._received_ms <= MAX_IN_TRANSIT_MS:
                    return
                await self._received()
            elif buffer.has_room:
                return
            else:
                await self._connected.wait()

    async def _received(self) -> bool:
        """Wait until the server has read what was sent. Returns False when the connection was lost first."""
        socket, upto_ms = self._socket, self._progress.buffer.end_ms
        try:
            await connection.wait_until_received(socket)
        except NovaError:
            self._mark_lost(socket)
            return False
        # The reading task may have replaced the connection meanwhile.
        if socket is self._socket:
            self._received_ms = upto_ms
        return socket is self._socket

    async def _flush(self, message: ClientMessage | None = None) -> None:
        """Send a message and everything in the buffer that is not sent. A lost connection is left to the reader."""
        async with self._writing:
            if self._connected.is_set():
                await self._transmit(message)

    async def _transmit(self, message: ClientMessage | None) -> None:
        socket, buffer = self._socket, self._progress.buffer
        item: bytes | ClientMessage | None = message or buffer.next_item()
        try:
            while item is not None:
                await connection.send_frame(socket, item if isinstance(item, bytes) else to_json(item))
                item = buffer.next_item()
        except NovaError:
            self._mark_lost(socket)

    def _mark_lost(self, socket: ClientConnection) -> None:
        if socket is self._socket and not self._ended:
            self._connected.clear()

    def _check_not_ended(self) -> None:
        if self._ended:
            raise DisconnectedError("the session has ended")

    # --- receiving

    async def __aiter__(self) -> AsyncIterator[ServerMessage]:
        """Yield events until `done`. Each final is yielded once, even when connections are lost.

        The client adds the notices `connection_lost` and `connection_restored`; after the latter the server may
        recognize the utterance in progress again from its beginning.
        Raises ServerError after a fatal error event, and DisconnectedError when the connection is lost and cannot be
        replaced.
        """
        try:
            while not isinstance(event := await self._next_event(), Done):
                if self._progress.apply_event(event):
                    yield event
        except NovaError:
            self._end()
            raise
        self._end()

    def _end(self) -> None:
        self._ended = True
        # Wake the senders that wait for a connection; they raise DisconnectedError.
        self._connected.set()

    async def _next_event(self) -> ServerMessage:
        if self._connection_error is not None:
            await self._reconnect(self._connection_error)
            return Notice(code="connection_restored", message="the connection is restored")
        try:
            event = await connection.receive_event(self._socket)
        except NovaError as error:
            if self._policy is None or not connection.is_transient(error):
                raise
            # Report the loss first; the next call reconnects.
            self._connection_error = error
            self._mark_lost(self._socket)
            return Notice(code="connection_lost", message=f"{error.message}; reconnecting")
        if self._policy is None or not isinstance(event, Draining):
            return event
        await self._reconnect(DisconnectedError("the gateway is draining"))
        return await self._next_event()

    async def _reconnect(self, error: Exception) -> None:
        """Replace the connection. Raises DisconnectedError when the policy gives up."""
        assert self._policy is not None, "a session without a policy ends with its connection"
        now = asyncio.get_running_loop().time
        self._policy.connection_lost(now(), self._progress.cursor)
        while True:
            delay_s = self._policy.next_delay_s(now(), getattr(error, "retry_after_s", None) or 0.0)
            if delay_s is None:
                raise DisconnectedError(f"the connection was lost and could not be restored: {error}")
            await asyncio.sleep(delay_s)
            try:
                opened = await self._open_next(next(self._urls))
            except (OSError, InvalidHandshake, NovaError) as failed:
                if not connection.is_transient(failed):
                    raise
                self._policy.attempt_failed(now(), failed)
                error = failed
            else:
                await self._adopt(*opened)
                return

    async def _open_next(self, url: str) -> tuple[ClientConnection, Ready]:
        """Resume the session, or start a new one that continues it if the server no longer knows it."""
        try:
            return await connection.open_connection(url, self._progress.resume_message(), *self._access)
        except ServerError as refused:
            if refused.code != "unknown_session":
                raise
        return await connection.open_connection(url, self._progress.restart_message(), *self._access)

    async def _adopt(self, socket: ClientConnection, ready: Ready) -> None:
        """Switch to a new connection, and send again what follows the server's position."""
        self._connected.clear()
        connection.abort(self._socket)
        connection.raise_write_limit(socket)
        self._socket, self._connection_error = socket, None
        # A sender may still hold the lock with the old connection; aborting it has made its send fail.
        async with self._writing:
            self._progress.apply_ready(ready)
            self._received_ms = ready.audio_from_ms
            self.reconnects += 1
            self._connected.set()
            await self._transmit(self._progress.options_message())
