"""The channels `ai.voice.stream.*` and `ai.voice.transcription.*` of a Redis: pub/sub, as clients of NATS know it."""

import asyncio
from collections.abc import Callable

import structlog
from redis.asyncio import Redis

from backend.backoff import Backoff
from backend.errors import SetupError
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS, is_cluster, retry_until_available

STREAM, TRANSCRIPTION = "ai.voice.stream.", "ai.voice.transcription."

FORMS = "redis://[user:password@]host:port[/db], rediss://... with TLS, redis+sentinel://host:port,host:port/name"

log = structlog.get_logger()


class RedisBus:
    """One connection that receives the messages of all clients. It is replaced when it is lost."""

    def __init__(self, url: str) -> None:
        try:
            self._redis: Redis = client(url)
        except SetupError:
            raise SetupError(f"GATEWAY_AI_VOICE_REDIS is not valid; it has one of these forms: {FORMS}") from None
        if is_cluster(self._redis):
            raise SetupError("GATEWAY_AI_VOICE_REDIS: a cluster is not supported; name one of its nodes")

    async def run(self, receive: Callable[[str, bytes], None]) -> None:
        """Receive until cancelled. Messages that arrive while there is no connection are lost."""
        backoff = Backoff()
        try:
            while True:
                try:
                    await self._receive(receive, backoff)
                except REDIS_ERRORS as error:
                    delay_s = backoff.next_delay_s()
                    log.warning("bus_interrupted", bus="redis", error=repr(error), retry_in_s=round(delay_s, 3))
                    await asyncio.sleep(delay_s)
        finally:
            await self._redis.aclose()

    async def _receive(self, receive: Callable[[str, bytes], None], backoff: Backoff) -> None:
        async with self._redis.pubsub() as pubsub:
            await pubsub.psubscribe(f"{STREAM}*")
            while True:
                # With a timeout, the connection is checked while it is idle.
                message = await pubsub.get_message(timeout=1.0)
                if message and message["type"] == "psubscribe":
                    backoff.reset()
                    log.info("bus_connected", bus="redis")
                elif message and message["type"] == "pmessage":
                    receive(_session_id(message["channel"]), message["data"])

    async def publish(self, session_id: str, data: bytes) -> None:
        """Send a message to a client. Raises REDIS_ERRORS."""
        await retry_until_available(lambda: self._redis.publish(f"{TRANSCRIPTION}{session_id}", data))


def _session_id(channel: bytes) -> str:
    """The session id. One that is not UTF-8 becomes one that is not valid."""
    return channel.decode(errors="replace").removeprefix(STREAM).replace("\ufffd", " ")
