"""Clients that start at the same instant at several gateways are admitted as far as the workers' speed allows."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection, connect

from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.messages.protocol import Error, Message, Ready, parse_server
from tests.testkit.audio.voices import voices
from tests.testkit.cli import silent
from tests.testkit.session import speak
from tests.testkit.system.plans import NO_LIMITS, system_plan

GATEWAYS, CLIENTS = 2, 20
# Seconds of work per second of audio. The worker decodes 2.5 seconds of speech per second, and 65 % of that may be
# used: two sessions of 0.7 each fit, and a third does not.
COST, FIT = 0.4, 2


@asynccontextmanager
async def connections(system: System, at_each: int) -> AsyncIterator[list[ClientConnection]]:
    """Open WebSockets without a first message."""
    async with AsyncExitStack() as stack:
        urls = [stream_url(url) for url in system.urls for _ in range(at_each)]
        yield [await stack.enter_async_context(connect(url, ping_interval=None)) for url in urls]


async def start_all(sockets: list[ClientConnection]) -> list[Message]:
    """Send `start` on all sockets at once. Returns the first answers."""

    async def start(socket: ClientConnection) -> Message:
        await socket.send('{"type":"start","language":"en"}')
        return parse_server(str(await socket.recv()))

    async with asyncio.timeout(60):
        return list(await asyncio.gather(*map(start, sockets)))


def refused(answers: list[Message]) -> Counter[str]:
    """The error codes. Each says when to try again."""
    errors = [answer for answer in answers if isinstance(answer, Error)]
    assert all(error.fatal and error.retry_after_s for error in errors)
    return Counter(error.code for error in errors)


async def measured(system: System) -> None:
    """Wait until every gateway knows the speed of the worker, which has completed a final."""
    async with asyncio.timeout(20), httpx.AsyncClient() as http:
        while True:
            workers = (await http.get(f"{system.urls[0]}/health/full")).json()["workers"]
            if any(worker.get("real_time_factor") for worker in workers):
                break
            await asyncio.sleep(0.2)
    await asyncio.sleep(2)  # gateways read heartbeats twice a second; the speaker's session no longer counts


async def test_a_burst_at_two_gateways_admits_what_the_workers_can_serve(artifacts: Path) -> None:
    plan = system_plan(artifacts / "logs-admission", gateways=GATEWAYS, environment={"STT_NULL_COST": str(COST)})
    async with running(plan, silent) as system:
        await speak(system.urls[0], voices(1, 6)[0], speed=None)
        await measured(system)
        async with connections(system, CLIENTS) as sockets:
            answers = await start_all(sockets)
    admitted = sum(isinstance(answer, Ready) for answer in answers)
    print(f"{admitted} of {GATEWAYS * CLIENTS} admitted, {FIT} fit")
    assert 1 <= admitted <= FIT
    assert refused(answers) == {"overloaded": GATEWAYS * CLIENTS - admitted}


async def test_a_burst_never_exceeds_the_session_limit_of_a_gateway(artifacts: Path) -> None:
    limit = 5
    environment = {**NO_LIMITS, "GATEWAY_MAX_SESSIONS": str(limit)}
    async with running(system_plan(artifacts / "logs-admission-limit", environment=environment), silent) as system:
        async with connections(system, 40) as sockets:
            answers = await start_all(sockets)
            assert sum(isinstance(answer, Ready) for answer in answers) == limit
            assert refused(answers) == {"overloaded": 40 - limit}
        async with connections(system, limit) as sockets:
            answers = await start_all(sockets)
            assert not refused(answers), "the places are free again"


async def test_recordings_are_admitted_next_to_live_speech_up_to_a_limit_of_their_own(tmp_path: Path) -> None:
    environment = {"STT_NULL_COST": str(COST), "GATEWAY_MAX_RECORDINGS": "3", "GATEWAY_MAX_SESSIONS": "5000"}
    async with running(system_plan(tmp_path, environment=environment), silent) as system:
        await speak(system.urls[0], voices(1, 6.0)[0], language="en")
        await measured(system)
        async with connections(system, 8) as sockets:
            start = '{"type":"start","language":"en","priority":"recording"}'
            recordings = [await first_answer(socket, start) for socket in sockets[:5]]
            assert [isinstance(answer, Ready) for answer in recordings] == [True] * 3 + [False] * 2
            assert refused([answer for answer in recordings if isinstance(answer, Error)]) == {"overloaded": 2}
            live = await start_all(sockets[5:])
            assert sum(isinstance(answer, Ready) for answer in live) == FIT, "as if there were no recording"


async def first_answer(socket: ClientConnection, start: str) -> Message:
    """Send `start` and return the answer."""
    await socket.send(start)
    return parse_server(str(await socket.recv()))
