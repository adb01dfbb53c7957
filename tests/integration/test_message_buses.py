"""The streaming-STT module's protocol with two gateways, a real Redis and a real NATS server."""

import asyncio
import json
import sys
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis

from backend.service.settings import ServiceSettings
from backend.streams.names import Shard
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session import bus_claims
from gateway.apis.ai_voice import bus_session
from gateway.apis.ai_voice.server import ai_voice_listening
from gateway.audio.vad_batcher import VadBatcher
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from tests.conftest import run_in_thread
from tests.paths import ROOT
from tests.testkit.docs.snippets import snippets
from tests.testkit.servers.bus_clients import BusClient, bus_clients, received, send, speak
from tests.testkit.servers.nats_server import own_nats
from tests.testkit.streams.on_redis import consuming, eventually
from tests.unit.gateway.connection.memory_gateway import NOISE, RATE, LoudnessDetector, recognize

PAGE = ROOT / "docs" / "howto" / "use-the-streaming-stt-protocol.md"
SILENCE = np.zeros(RATE, np.int16)
UTTERANCE = np.concatenate([NOISE, SILENCE])


@pytest.fixture(scope="module")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_in_thread(own_nats(tmp_path_factory.mktemp("nats"))) as url:
        yield url


@dataclass
class Gateways:
    """Two gateways on both buses, and a worker."""

    redis: Redis
    redis_url: str
    nats_url: str
    services: list[GatewayServices] = field(default_factory=list)
    running: list[asyncio.Task[None]] = field(default_factory=list)

    async def add(self) -> None:
        addresses: dict[str, Any] = {"ai_voice_redis": self.redis_url, "ai_voice_nats": self.nats_url}
        created = GatewayServices.create(GatewaySettings(REDIS_URL=self.redis_url, refuse_load=1000, **addresses))
        services, ready = replace(created, vad_batcher=VadBatcher(LoudnessDetector())), asyncio.Event()
        self.services.append(services)
        self.running.append(asyncio.create_task(self._run(services, ready)))
        await ready.wait()

    async def _run(self, services: GatewayServices, ready: asyncio.Event) -> None:
        async with services.running(), ai_voice_listening(services):
            ready.set()
            await asyncio.Event().wait()

    async def until_subscribed(self) -> None:
        async def receive_all() -> bool:
            # Messages to an empty session id are ignored.
            return await self.redis.publish("ai.voice.stream.", b"") == len(self.services)

        await eventually(receive_all, 20)
        await asyncio.sleep(0.5)  # a server of NATS does not tell who receives

    def holding(self) -> list[int]:
        """The numbers of the gateways that have a session."""
        return [number for number, one in enumerate(self.services) if len(one.registry)]

    async def kill(self, number: int) -> None:
        self.running[number].cancel()
        await asyncio.gather(self.running[number], return_exceptions=True)
        await self.services[number].redis.aclose()

    async def on_both(self, name: str, scenario: Callable[[BusClient], Awaitable[None]]) -> None:
        """Play a scenario on each bus."""
        async with bus_clients(self.redis_url, self.nats_url, name) as both:
            await asyncio.gather(*(scenario(one) for one in both))


@pytest.fixture
async def gateways(redis: Redis, redis_url: str, nats_url: str) -> AsyncIterator[Gateways]:
    both = Gateways(redis, redis_url, nats_url)
    async with consuming(RedisJobStreams(redis, ServiceSettings(REDIS_URL=redis_url)), recognize):
        await both.add()
        await both.add()
        await both.until_subscribed()
        yield both
        for number in range(2):
            await both.kill(number)


def is_final(result: dict[str, Any]) -> bool:
    return bool(result.get("is_final"))


def is_error(result: dict[str, Any]) -> bool:
    return result.get("type") == "error"


async def test_one_gateway_serves_a_client_and_each_of_its_streams(gateways: Gateways) -> None:
    async def scenario(client: BusClient) -> None:
        for _ in range(2):
            await send(client, "start", session_id=client.session, sample_rate=RATE, channels=1, speaker_id="ada")
            await speak(client, UTTERANCE)
            await send(client, "end")
        results = await received(client, is_final) + await received(client, is_final)
        assert [(one["transcript"], one["sequence"]) for one in results] == [("utterance 1", 0)] * 2
        assert {(one["session_id"], one["speaker_id"]) for one in results} == {(client.session, "ada")}
        assert await client.next_data(0.5) is None, "each result is sent once"

    await gateways.on_both("plain", scenario)


async def test_garbage_and_a_wrong_order_are_answered_once(gateways: Gateways) -> None:
    async def scenario(client: BusClient) -> None:
        await speak(client, SILENCE[:3200])
        (error,) = await received(client, is_error)
        assert error["code"] == "not_started"
        assert await client.next_data(0.5) is None
        await send(client, "start")
        await client.publish(b"\xff\xfe\xfd")
        await send(client, "dance")
        await send(client, "chunk", audio_b64="***")
        codes = [(await received(client, is_error))[-1]["code"] for _ in range(3)]
        assert codes == ["invalid_message", "unknown_type", "invalid_audio"]
        await client.publish(json.dumps({"type": "end"}).encode())
        final = json.loads(await client.next_data(20) or b"")
        assert (final["transcript"], final["has_voice_activity"]) == ("", False)

    await gateways.on_both("wrong", scenario)


async def test_speech_interrupts_an_answer(gateways: Gateways) -> None:
    async def scenario(client: BusClient) -> None:
        await send(client, "start", speaker_id="ada")
        await speak(client, SILENCE)
        await send(client, "state_change", state="responding")
        await speak(client, UTTERANCE)
        *_, interrupt = await received(client, lambda result: result.get("type") == "interrupt")
        assert (interrupt["session_id"], interrupt["speaker_id"]) == (client.session, "ada")
        assert (await received(client, is_final))[-1]["state"] == "listening"
        await send(client, "end")

    await gateways.on_both("barge-in", scenario)


async def test_another_gateway_continues_when_one_dies(gateways: Gateways, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bus_claims, bus_session):
        monkeypatch.setattr(module, "CLAIM_TTL_S", 1.5)
    monkeypatch.setattr(bus_session, "RENEW_EVERY_S", 0.3)
    async with bus_clients(gateways.redis_url, gateways.nats_url, "lost") as (client, _):
        await send(client, "start", speaker_id="ada")
        await speak(client, UTTERANCE)
        first = (await received(client, is_final))[-1]
        await asyncio.sleep(0.5)
        (number,) = gateways.holding()
        await gateways.kill(number)
        while gateways.holding() != [1 - number]:
            await speak(client, SILENCE[:1600], pause_s=0.1)
        await speak(client, UTTERANCE)
        second = (await received(client, is_final))[-1]
        assert (second["transcript"], second["speaker_id"]) == ("utterance 2", "ada"), "the same session"
        assert second["sequence"] > first["sequence"]
        await send(client, "end")
        assert await client.next_data(1) is None
    assert not await gateways.redis.hexists(Shard(0).bus_claim("redis", "lost"), "progress")


async def test_a_gateway_that_drains_hands_its_clients_over_at_once(gateways: Gateways) -> None:
    async with bus_clients(gateways.redis_url, gateways.nats_url, "drained") as (_, client):
        await send(client, "start")
        await speak(client, UTTERANCE)
        await received(client, is_final)
        (number,) = gateways.holding()
        gateways.services[number].registry.draining = True
        async with asyncio.timeout(4):
            while gateways.holding() != [1 - number]:
                await speak(client, SILENCE[:1600], pause_s=0.1)
        await speak(client, UTTERANCE)
        assert (await received(client, is_final))[-1]["transcript"] == "utterance 2"
        await send(client, "end")


async def test_the_programs_of_the_page(gateways: Gateways, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "speech.wav"), "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes(UTTERANCE.tobytes())
    programs = [one.text for one in snippets(PAGE.read_text(encoding="utf-8")) if one.language == "python"]
    addresses = {"redis://127.0.0.1:6380/0": gateways.redis_url, "nats://127.0.0.1:4222": gateways.nats_url}
    outputs = await asyncio.gather(*(printed_by(program, addresses, tmp_path) for program in programs))
    assert ["'transcript': 'utterance 1'" in output for output in outputs] == [True, True], outputs


async def printed_by(program: str, addresses: dict[str, str], folder: Path) -> str:
    for printed, real in addresses.items():
        program = program.replace(printed, real)
    command = (sys.executable, "-c", program)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=pipe, stderr=pipe)
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return output.decode()
