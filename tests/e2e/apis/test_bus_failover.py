"""A gateway is killed with SIGKILL while a client of a message bus speaks, and the other gateway continues."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from backend.local.processes import Service
from backend.local.system import System, running
from tests.testkit.audio.clips import RATE, Clip, shortest_clip
from tests.testkit.cli import silent
from tests.testkit.servers.bus_clients import BusClient, bus_clients, received, send, speak
from tests.testkit.servers.nats_server import own_nats
from tests.testkit.system.plans import NO_LOAD_LIMIT, own_redis, system_plan

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def addresses(tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """A Redis, which is a bus as well, and a NATS server."""
    (tmp_path / "redis").mkdir()
    async with own_redis(tmp_path / "redis") as redis_url, own_nats(tmp_path) as nats_url:
        yield redis_url, nats_url


@pytest.fixture
async def system(addresses: tuple[str, str], tmp_path: Path) -> AsyncIterator[System]:
    redis_url, nats_url = addresses
    buses = {"GATEWAY_AI_VOICE_REDIS": redis_url, "GATEWAY_AI_VOICE_NATS": nats_url}
    plan = system_plan(tmp_path, gateways=2, redis_url=redis_url, environment={**NO_LOAD_LIMIT, **buses})
    async with running(plan, silent) as up:
        yield up


async def holder(system: System) -> Service:
    """The gateway that has the only session."""
    async with asyncio.timeout(30), httpx.AsyncClient() as http:
        while True:
            for number, url in enumerate(system.urls, 1):
                metrics = (await http.get(f"{url}/metrics")).text
                if 'nova_gateway_open_sessions{protocol="ai_voice"} 1.0' in metrics:
                    return system.named(f"gateway-{number}")
            await asyncio.sleep(0.1)


def kill(gateway: Service) -> None:
    """End the process with SIGKILL. It is not started again."""
    gateway.stopping = True
    assert gateway.process
    gateway.process.kill()


def is_final(result: dict[str, Any]) -> bool:
    return bool(result.get("is_final"))


@pytest.mark.parametrize("bus", ["redis", "nats"])
async def test_the_other_gateway_continues_after_a_kill_in_the_middle_of_an_utterance(
    system: System, addresses: tuple[str, str], speech_clips: list[Clip], bus: str
) -> None:
    talk = shortest_clip(speech_clips, 2.5).pcm()[: 5 * RATE // 2]
    sentence = np.concatenate([talk, np.zeros(RATE, np.int16)])
    async with bus_clients(*addresses, "killed") as both:
        client: BusClient = both[0] if bus == "redis" else both[1]
        await send(client, "start", speaker_id="ada")
        await speak(client, sentence, pause_s=0.1)
        first = (await received(client, is_final))[-1]
        gateway = await holder(system)
        await speak(client, talk[:RATE], pause_s=0.1)
        kill(gateway)
        # What the client says until the other gateway takes over, as it would: it knows of nothing.
        await speak(client, np.zeros(8 * RATE, np.int16), pause_s=0.1)
        await speak(client, sentence, pause_s=0.1)
        await send(client, "end")
        last = await received(client, is_final, 60)
        while not last[-1]["transcript"]:
            last += await received(client, is_final, 60)
    results = [first, *last]
    assert all(one["transcript"] and one["speaker_id"] == "ada" for one in results if is_final(one))
    sequences = [one["sequence"] for one in results]
    assert sequences == sorted(set(sequences)), "one session, whose results are numbered on"
