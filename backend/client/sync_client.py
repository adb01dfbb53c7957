"""The blocking client: the asyncio client in a background thread."""

import asyncio
import contextlib
import queue
import ssl
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any, Self, TypeVar

from backend.client.client import RECONNECT_TIMEOUT_S, Client
from backend.client.connection import DisconnectedError
from backend.messages.protocol import ClientMessage, Ready, ServerMessage, Start

T = TypeVar("T")

# About an hour of events. A program that never reads events fails with an error instead of using ever more memory.
MAX_UNREAD_EVENTS = 10_000


class SyncClient(Iterator[ServerMessage]):
    """One session with a server, for programs without asyncio. Has the features of `Client`.

    Example::

        with SyncClient.connect("ws://127.0.0.1:8080/v1/stream", Start(language="en")) as client:
            client.send(pcm)
            client.stop()
            for event in client:
                if isinstance(event, Final):
                    print(event.text)

    Sending and iterating may happen in one thread or in two. Events are read in the background, so lost connections
    are replaced even while the program only sends. Up to 10,000 unread events are kept.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name="nova_voice", daemon=True)
        self._thread.start()
        self._stack = contextlib.AsyncExitStack()
        self._client: Client
        # The event loop holds only a weak reference to the task.
        self._reader: Future[None]
        self._lock = threading.Lock()
        self._closed = False
        # An exception ends the iteration; None ends it normally.
        self._events: queue.Queue[ServerMessage | Exception | None] = queue.Queue()
        self._exhausted = False

    @classmethod
    def connect(
        cls,
        url: str | Sequence[str],
        start: Start,
        *,
        key: str = "",
        resume: bool = True,
        reconnect_timeout_s: float = RECONNECT_TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Open a session. Use the result as a context manager, or call `close`.

        Takes the arguments and raises the errors of `Client.connect`.
        """
        opened = Client.connect(url, start, key=key, resume=resume, reconnect_timeout_s=reconnect_timeout_s, tls=tls)
        client = cls()
        try:
            client._client = client._call(client._stack.enter_async_context(opened))
        except BaseException:
            client.close()
            raise
        client._reader = asyncio.run_coroutine_threadsafe(client._read_events(), client._loop)
        return client

    @property
    def ready(self) -> Ready:
        """The server's first answer (session id, correlation id)."""
        return self._client.ready

    @property
    def reconnects(self) -> int:
        """How many connections were lost and replaced."""
        return self._client.reconnects

    def send(self, audio: bytes) -> None:
        """Send audio of any length, as `Client.send`. Blocks while the server applies backpressure.

        Raises DisconnectedError after the session has ended.
        """
        self._call(self._client.send(audio))

    def send_message(self, message: ClientMessage) -> None:
        """Send any other message (Configure, Finalize, Keepalive). Raises DisconnectedError as `send`."""
        self._call(self._client.send_message(message))

    def stop(self) -> None:
        """End the audio. The events in flight follow, then the iteration ends."""
        self._call(self._client.stop())

    def wait_until_received(self) -> None:
        """Block until the server has read everything sent so far."""
        self._call(self._client.wait_until_received())

    def __next__(self) -> ServerMessage:
        """Block until the next event. Raises StopIteration after `done`, and the errors of iterating over `Client`."""
        if self._exhausted:
            raise StopIteration
        event = self._events.get()
        if event is None or isinstance(event, Exception):
            self._exhausted = True
            raise event or StopIteration
        return event

    def close(self) -> None:
        """Close the connection and end the background thread. Waiting calls raise DisconnectedError."""
        with self._lock:
            closed, self._closed = self._closed, True
        if not closed:
            asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run_loop(self) -> None:
        self._loop.run_forever()
        # Here, because several threads may call `close`.
        self._loop.close()

    async def _read_events(self) -> None:
        end: Exception | None = DisconnectedError("the client was closed")
        try:
            async for event in self._client:
                if self._events.qsize() >= MAX_UNREAD_EVENTS:
                    raise DisconnectedError(f"{MAX_UNREAD_EVENTS} events were not read: iterate while sending")
                self._events.put(event)
            end = None
        except Exception as error:
            end = error
        finally:
            self._events.put(end)

    async def _shut_down(self) -> None:
        await self._stack.aclose()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the background thread, and return its result."""
        # Under the lock, because a coroutine that is scheduled after `_shut_down` would never run.
        with self._lock:
            if self._closed:
                work.close()
                raise DisconnectedError("the client is closed")
            running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result()
        except CancelledError:
            raise DisconnectedError("the client was closed") from None
        except BaseException:
            # Ctrl-C in this thread must not leave the coroutine running.
            running.cancel()
            raise
