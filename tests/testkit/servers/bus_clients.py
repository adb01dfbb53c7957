"""Programs on a message bus that speak the streaming-STT module's protocol."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgpack
import nats
import numpy as np
from nats.errors import TimeoutError as NatsTimeoutError
from numpy.typing import NDArray
from redis.asyncio import Redis

CHUNK_SAMPLES = 1_600


class RedisBusClient:
    """A program with one session, over Redis."""

    def __init__(self, redis: Redis, session: str) -> None:
        self._redis, self.session = redis, session
        self._results = redis.pubsub(ignore_subscribe_messages=True)

    async def subscribe(self) -> None:
        """Receive results from here on."""
        await self._results.subscribe(f"ai.voice.transcription.{self.session}")

    async def publish(self, data: bytes) -> None:
        """Send a message, valid or not."""
        await self._redis.publish(f"ai.voice.stream.{self.session}", data)

    async def next_data(self, timeout_s: float) -> bytes | None:
        """The next result; None if there is none in time."""
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            if message := await self._results.get_message(timeout=left_s):
                data: bytes = message["data"]
                return data
        return None


class NatsBusClient:
    """The same over NATS."""

    def __init__(self, client: Any, session: str) -> None:
        self._client, self.session = client, session
        self._results: Any = None

    async def subscribe(self) -> None:
        """Receive results from here on."""
        self._results = await self._client.subscribe(f"ai.voice.transcription.{self.session}")
        await self._client.flush()

    async def publish(self, data: bytes) -> None:
        """Send a message, valid or not."""
        await self._client.publish(f"ai.voice.stream.{self.session}", data)

    async def next_data(self, timeout_s: float) -> bytes | None:
        """The next result; None if there is none in time."""
        try:
            data: bytes = (await self._results.next_msg(timeout=timeout_s)).data
        except NatsTimeoutError:
            return None
        return data


BusClient = RedisBusClient | NatsBusClient


@asynccontextmanager
async def bus_clients(redis_url: str, nats_url: str, session: str) -> AsyncIterator[tuple[BusClient, BusClient]]:
    """A client on each bus."""
    redis, connection = Redis.from_url(redis_url), await nats.connect(nats_url)
    both = RedisBusClient(redis, session), NatsBusClient(connection, session)
    try:
        for one in both:
            await one.subscribe()
        yield both
    finally:
        await connection.close()
        await redis.aclose()


async def send(client: BusClient, kind: str, **fields: Any) -> None:
    """Send a message."""
    await client.publish(msgpack.packb({"type": kind, **fields}))


async def speak(client: BusClient, samples: NDArray[np.int16], *, pause_s: float = 0.02) -> None:
    """Send audio in chunks of 0.1 s."""
    for at in range(0, len(samples), CHUNK_SAMPLES):
        audio = base64.b64encode(samples[at : at + CHUNK_SAMPLES].tobytes()).decode()
        await send(client, "chunk", audio_b64=audio, timestamp=time.time())
        await asyncio.sleep(pause_s)


async def received(
    client: BusClient, is_last: Callable[[dict[str, Any]], object], timeout_s: float = 20
) -> list[dict[str, Any]]:
    """The results up to one that meets a condition."""
    results: list[dict[str, Any]] = []
    while (data := await client.next_data(timeout_s)) is not None:
        results.append(msgpack.unpackb(data))
        if is_last(results[-1]):
            return results
    raise AssertionError(f"no further result after {results}")
