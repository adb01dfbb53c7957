"""Events that pub/sub did not deliver are read from the log before later events are delivered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from redis.asyncio import Redis

from backend.client.client import Client
from backend.local.processes import free_port
from backend.messages.protocol import Final, Start, to_json
from backend.streams.names import Shard
from gateway.gateway import build
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from tests.testkit.streams.jobs import final
from tests.testkit.streams.on_redis import eventually

SHARD = Shard(0)


@pytest.fixture
async def gateway(redis: Redis, redis_url: str) -> AsyncIterator[str]:
    """Run a gateway in this process and return the URL of its WebSocket."""
    settings = GatewaySettings(REDIS_URL=redis_url, port=free_port())
    app = build(GatewayServices.create(settings))
    server = uvicorn.Server(uvicorn.Config(app, port=settings.port, log_config=None, access_log=False))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield f"ws://127.0.0.1:{settings.port}/v1/stream"
        server.should_exit = True


async def do(redis: Redis, *words: str | bytes) -> Any:
    return await redis.execute_command(*words)  # type: ignore[no-untyped-call]


async def write(redis: Redis, session: str, number: int) -> bytes:
    """Add a final to the log, and return its channel message."""
    place = bytes(await do(redis, "XADD", SHARD.log(session), "*", "e", to_json(final(number))))
    return place + b" " + to_json(final(number)).encode()


async def test_a_final_is_not_delivered_before_an_earlier_one_that_is_only_in_the_log(
    redis: Redis, gateway: str
) -> None:
    async with Client.connect(gateway, Start(), resume=False) as client:
        session = client.ready.session

        async def subscribed() -> bool:
            return bool((await redis.pubsub_shardnumsub(SHARD.events(session)))[0][1])

        # From now on, the gateway cannot read the log.
        await do(redis, "ACL SETUSER", "default", "-xrange")
        try:
            await write(redis, session, 1)  # without a message on the channel
            await do(redis, "CLIENT KILL", "TYPE", "pubsub")
            await eventually(subscribed)
            await do(redis, "SPUBLISH", SHARD.events(session), await write(redis, session, 2))
            await asyncio.sleep(0.5)
        finally:
            await do(redis, "ACL SETUSER", "default", "+xrange")
        async with asyncio.timeout(5):
            heard = [event.utterance async for event in finals_of(client, 2)]
    assert heard == [1, 2]


async def finals_of(client: Client, count: int) -> AsyncIterator[Final]:
    async for event in client:
        if isinstance(event, Final):
            yield event
            if not (count := count - 1):
                return
