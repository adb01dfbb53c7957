"""The subjects `ai.voice.stream.>` and `ai.voice.transcription.{session}` of NATS, with the package nats-py.

A queue group gives each message to one of its members, so it cannot carry the stream of a client. It elects the gateway
that serves a client. The audio comes through a subscription that each gateway has.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from backend.backoff import Backoff
from backend.errors import SetupError
from gateway.apis.ai_voice.redis_bus import STREAM, TRANSCRIPTION

QUEUE = "nova-voice"

log = structlog.get_logger()


def import_nats() -> Any:
    """The package. Raises SetupError."""
    try:
        import nats.aio.client
    except ImportError:
        raise SetupError("GATEWAY_AI_VOICE_NATS needs the package nats-py: pip install 'nova-voice[nats]'") from None
    return nats


class NatsBus:
    """A connection to one server of a list. The package connects again, also to another one, and subscribes again."""

    def __init__(self, servers: str) -> None:
        self._nats = import_nats()
        self._servers = [server.strip() for server in servers.split(",") if server.strip()]
        self._client = self._nats.aio.client.Client()

    async def run(self, receive: Callable[[str, bytes], None], elect: Callable[[str], None]) -> None:
        """Receive until cancelled. Messages that arrive while there is no connection are lost."""
        backoff = Backoff()
        while True:
            closed = asyncio.Event()
            try:
                await self._connect(closed)
                await self._subscribe(receive, elect)
                log.info("bus_connected", bus="nats")
                backoff.reset()
                await closed.wait()
            except (self._nats.errors.Error, OSError) as error:
                log.warning("bus_interrupted", bus="nats", error=repr(error))
            finally:
                await self._client.close()
            await asyncio.sleep(backoff.next_delay_s())
            self._client = self._nats.aio.client.Client()

    async def _connect(self, closed: asyncio.Event) -> None:
        async def on_closed() -> None:
            closed.set()

        callbacks = {"error_cb": _on_error, "closed_cb": on_closed, "reconnected_cb": _on_reconnected}
        await self._client.connect(
            self._servers, name=QUEUE, connect_timeout=2, reconnect_time_wait=1, max_reconnect_attempts=-1, **callbacks
        )

    async def _subscribe(self, receive: Callable[[str, bytes], None], elect: Callable[[str], None]) -> None:
        async def on_message(message: Any) -> None:
            receive(message.subject.removeprefix(STREAM), message.data)

        async def on_election(message: Any) -> None:
            elect(message.subject.removeprefix(STREAM))

        await self._client.subscribe(f"{STREAM}>", cb=on_message)
        await self._client.subscribe(f"{STREAM}>", queue=QUEUE, cb=on_election)
        await self._client.flush()

    async def publish(self, session_id: str, data: bytes) -> None:
        """Send a message to a client; it waits while the connection is lost. Raises OSError."""
        try:
            await self._client.publish(f"{TRANSCRIPTION}{session_id}", data)
        except self._nats.errors.Error as error:
            raise ConnectionError(f"NATS: {error!r}") from None


async def _on_error(error: Exception) -> None:
    log.warning("bus_interrupted", bus="nats", error=repr(error))


async def _on_reconnected() -> None:
    log.info("bus_connected", bus="nats")
