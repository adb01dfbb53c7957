"""A client shares its session in a room: a gateway, the client, and a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

from redis.asyncio import Redis

from backend.messages.protocol import Configure, Final, Resume, Start, to_json
from backend.messages.rooms.captions import Caption
from gateway.audio.vad_batcher import VadBatcher
from gateway.connection.handshake import serve_websocket
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from tests.testkit.streams.on_redis import eventually
from tests.unit.gateway.connection.memory_gateway import LoudnessDetector, MemoryClient


@asynccontextmanager
async def connected(services: GatewayServices, first: Start | Resume) -> AsyncIterator[MemoryClient]:
    """A client whose session is open."""
    client = MemoryClient()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve_websocket(client.websocket(), services))
        client.send(first)
        await client.wait_for(lambda: client.events)
        yield client
        client.leave()
        await serving


async def test_a_session_that_is_resumed_keeps_its_earlier_text_private(redis: Redis, redis_url: str) -> None:
    services = GatewayServices.create(GatewaySettings(REDIS_URL=redis_url))
    services = replace(services, vad_batcher=VadBatcher(LoudnessDetector()))

    async def said(text: str) -> str:
        """The cursor of a final that workers write to the log."""
        event = Final(utterance=1, text=text, language="en", confidence=1.0, start_ms=0, end_ms=1)
        return cast("bytes", await redis.xadd(shard.log(session), {"e": to_json(event)})).decode()

    async def captions() -> list[str]:
        log = [message.event async for message in services.rooms.read_log("talk")]
        return [caption.text for caption in log if isinstance(caption, Caption)]

    async def is_recorded() -> bool:
        return b'"room":"talk"' in (await redis.hget(shard.session(session), "start") or b"")

    async def is_published() -> bool:
        return "shared" in await captions()

    async with services.running():
        async with connected(services, Start(partials=False)) as first:
            session = first.ready.session
        shard = services.streams.shard(session)
        cursor = await said("private")
        async with connected(services, first.resume_message(cursor=cursor)) as second:
            second.send(Configure(room="talk"))
            await eventually(is_recorded, 30)
        cursor = await said("shared")
        # An hour passes without captions, or Redis loses the key.
        assert await redis.delete(*await redis.keys("nova:*:room:talk:seen:*"))
        async with connected(services, first.resume_message(cursor=cursor)):
            await eventually(is_published, 30)
        assert await captions() == ["shared"]
