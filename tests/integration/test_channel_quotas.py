"""Each channel of a connection is a session in the quota of its key: a gateway, its clients, and a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis

from backend.messages.channels import ChannelResume
from backend.messages.protocol import AudioFormat, Error, Ready, Resume, Start
from backend.streams.access.api_keys import ApiKeys, KeyUsage, QuotaLimits
from backend.streams.names import quota_used
from gateway.access import quota as gateway_quota
from gateway.audio.vad_batcher import VadBatcher
from gateway.connection.handshake import serve_websocket
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from tests.testkit.streams.on_redis import eventually
from tests.unit.gateway.connection.memory_gateway import RATE, LoudnessDetector, MemoryClient

STEREO = Start(audio=AudioFormat(channels=2), multichannel=True, partials=False)
ONE_OF_TWO = Start(audio=AudioFormat(channels=2, channel=1), partials=False)
MONO = Start(partials=False)


@dataclass
class KeyedGateway:
    """A gateway that requires a key, and the usage of one."""

    services: GatewayServices
    keys: ApiKeys
    key: str

    @asynccontextmanager
    async def connect(self, first: Start | Resume) -> AsyncIterator[MemoryClient]:
        """A client that has its first answer."""
        authorization = (b"authorization", f"Bearer {self.key}".encode())
        client = MemoryClient(headers=((b"host", b"localhost"), authorization))
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve_websocket(client.websocket(), self.services))
            client.send(first)
            await client.wait_for(lambda: client.events)
            yield client
            client.leave()
            await serving

    async def refused(self, first: Start | Resume) -> tuple[str, int | None, bool]:
        """The code of the only error, the close code, and whether the error says when to retry."""
        async with self.connect(first) as client:
            await client.wait_for(lambda: client.close_code)
            (error,) = client.events
            assert isinstance(error, Error)
            return error.code, client.close_code, error.retry_after_s is not None

    async def usage(self) -> KeyUsage:
        return await self.keys.usage(self.id)

    async def sessions(self) -> int:
        return (await self.usage()).sessions

    async def seconds(self) -> float:
        """Audio of today."""
        return round(60 * (await self.usage()).minutes_today, 3)

    @property
    def id(self) -> str:
        return self.key.split("_")[1]


@asynccontextmanager
async def a_gateway(redis: Redis, url: str, **limits: int) -> AsyncIterator[KeyedGateway]:
    keys = ApiKeys(redis)
    key = await keys.create("ada", ("stream",), QuotaLimits(**limits))
    services = GatewayServices.create(GatewaySettings(REDIS_URL=url, auth="keys"))
    services = replace(services, vad_batcher=VadBatcher(LoudnessDetector()))
    async with services.running():
        yield KeyedGateway(services, keys, key)


def silence(seconds: float, channels: int = 2) -> bytes:
    return np.zeros(round(seconds * RATE) * channels, "<i2").tobytes()


async def send_seconds(gateway: KeyedGateway, client: MemoryClient, seconds: int, counted_s: float) -> None:
    """Send audio, and wait until the reservation covers it."""
    for _ in range(seconds):
        client.send(silence(1))

    async def is_counted() -> bool:
        return await gateway.seconds() >= counted_s

    await eventually(is_counted, 30)


async def test_each_channel_takes_a_slot_and_a_connection_gets_all_or_none(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis, redis_url, sessions=3) as gateway, gateway.connect(STEREO) as first:
        assert isinstance(first.events[0], Ready)
        assert await gateway.sessions() == 2
        assert await gateway.refused(STEREO) == ("over_quota", 1013, True)
        assert await gateway.sessions() == 2, "the refused connection holds no slot"
        async with gateway.connect(MONO) as third:
            assert isinstance(third.events[0], Ready)
            assert await gateway.sessions() == 3
            assert await gateway.refused(MONO) == ("over_quota", 1013, True)
        async with gateway.connect(ONE_OF_TWO) as selected:
            assert isinstance(selected.events[0], Ready)
            assert await gateway.sessions() == 3, "one channel that the client selects is one session"
    assert await gateway.sessions() == 0


async def test_each_channel_is_a_new_session_and_a_refused_connection_uses_up_nothing(
    redis: Redis, redis_url: str
) -> None:
    async with a_gateway(redis, redis_url, new_a_minute=5, sessions=3) as gateway, gateway.connect(STEREO) as first:
        assert isinstance(first.events[0], Ready)
        left = await redis.hget(quota_used(gateway.id), "starts")
        assert 3 <= float(left or 0) < 4, "two of five are used"
        for _ in range(3):
            assert await gateway.refused(STEREO) == ("over_quota", 1013, True), "one slot is left, and it needs two"
        assert await redis.hget(quota_used(gateway.id), "starts") == left


async def test_a_key_with_too_few_new_sessions_gets_none_of_the_channels(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis, redis_url, new_a_minute=1) as gateway:
        assert await gateway.refused(STEREO) == ("over_quota", 1013, True)
        async with gateway.connect(MONO) as client:
            assert isinstance(client.events[0], Ready)


async def test_the_audio_of_each_channel_counts(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis, redis_url, minutes_a_day=10) as gateway:
        async with gateway.connect(STEREO) as client:
            await send_seconds(gateway, client, 12, counted_s=40)
        assert await gateway.seconds() == pytest.approx(24, abs=0.2), "two channels of 12 seconds"
        async with gateway.connect(ONE_OF_TWO) as client:
            await send_seconds(gateway, client, 12, counted_s=44)
        assert await gateway.seconds() == pytest.approx(36, abs=0.3), "one channel of 12 seconds"


async def test_used_up_minutes_end_the_whole_connection_once(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis, redis_url, minutes_a_day=1) as gateway:
        async with gateway.connect(STEREO) as client:
            for _ in range(40):
                client.send(silence(1))
            await client.wait_for(lambda: client.close_code)
            errors = client.of(Error)
        assert [(error.code, error.fatal, error.channel) for error in errors] == [("over_quota", True, None)]
        assert client.close_code == 1008, "reconnecting at once does not help"
        assert await gateway.sessions() == 0
        assert 60 - gateway_quota.RESERVE_MS / 1000 <= await gateway.seconds() <= 60


async def test_a_resumed_connection_holds_the_slots_that_it_had(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis, redis_url, sessions=2, new_a_minute=2) as gateway:
        async with gateway.connect(STEREO) as first:
            ready = first.ready
            state = [ChannelResume(cursor=channel.cursor) for channel in ready.channels or ()]
            resume = Resume(session=ready.session, token=ready.resume_token, channels=tuple(state))
            # The older connection is still open, as after a lost network.
            async with gateway.connect(resume) as second:
                assert isinstance(second.events[0], Ready)
                await first.wait_for(lambda: first.close_code)
                assert await gateway.sessions() == 2
                assert await gateway.refused(MONO) == ("over_quota", 1013, True)
        assert await gateway.sessions() == 0


async def test_a_revoked_key_ends_the_whole_connection_once(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_quota, "RENEW_EVERY_S", 0.05)
    async with a_gateway(redis, redis_url) as gateway, gateway.connect(STEREO) as client:
        await gateway.keys.revoke(gateway.id)
        client.send(silence(0.1))
        await client.wait_for(lambda: client.close_code)
        errors: list[Any] = client.of(Error)
        assert [(error.code, error.channel) for error in errors] == [("unauthorized", None)]
        assert client.close_code == 1008
