"""When Redis hangs, every speaking client receives a notice, and is closed while it can still resume without loss."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.messages.protocol import Error, Message, Notice, Start, parse_server, to_json
from tests.conftest import run_in_thread
from tests.testkit.audio.voices import voices
from tests.testkit.cli import silent
from tests.testkit.session import FRAME, RATE
from tests.testkit.system.plans import NO_LIMITS, system_plan
from tests.testkit.system.redis_servers import RedisServers, Server, single

CLIENTS = 6
# The promise, and the time after which a connection is given up (30 s) with a margin for a busy machine.
TOLD_WITHIN_S, CLOSED_WITHIN_S = 5.0, 36.0


class SpeakingClient:
    """Speaks without a pause of its own and records events. It has no keepalive, which would end the connection."""

    def __init__(self, socket: ClientConnection, audio: bytes) -> None:
        self._socket, self._audio = socket, audio
        self.events: list[tuple[float, Message]] = []
        self.closed: tuple[float, int] | None = None

    def first(self, code: str) -> float | None:
        """When the first notice or error with this code arrived."""
        found = (at for at, event in self.events if isinstance(event, Notice | Error) and event.code == code)
        return next(found, None)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(self._speak())
            try:
                async for text in self._socket:
                    self.events.append((time.monotonic(), parse_server(str(text))))
            except ConnectionClosed:
                pass
            self.closed = time.monotonic(), self._socket.close_code or 1006
            speaking.cancel()

    async def _speak(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for start in range(0, len(self._audio), 2 * FRAME):
                await self._socket.send(self._audio[start : start + 2 * FRAME])
                await asyncio.sleep(FRAME / RATE)


@asynccontextmanager
async def speaking_clients(system: System) -> AsyncIterator[list[SpeakingClient]]:
    """Half of them want no partials, so they write to Redis only when they pause."""
    clients: list[SpeakingClient] = []
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for number, pcm in enumerate(voices(CLIENTS, 90)):
            start = Start(language="en", partials=number % 2 == 0)
            socket = await stack.enter_async_context(connect(stream_url(system.urls[0]), ping_interval=None))
            await socket.send(to_json(start))
            await socket.recv()
            clients.append(SpeakingClient(socket, pcm.tobytes()))
        running = [tasks.create_task(client.run()) for client in clients]
        await asyncio.sleep(2)
        yield clients
        for task in running:
            task.cancel()


@pytest.fixture(scope="module")
def redis_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    with run_in_thread(single(tmp_path_factory.mktemp("redis"))) as servers:
        yield servers


@pytest.fixture(scope="module")
def system(artifacts: Path, redis_servers: RedisServers) -> Iterator[System]:
    plan = system_plan(artifacts / "logs-frozen-redis", redis_url=redis_servers.url, environment=NO_LIMITS)
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.fixture
def server(redis_servers: RedisServers) -> Server:
    return redis_servers.servers[0]


async def all_told(clients: list[SpeakingClient], code: str, within_s: float) -> list[float]:
    """Wait until every client has received this code. Returns the times."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not all(client.first(code) for client in clients):  # noqa: ASYNC110 - events come from a socket
                await asyncio.sleep(0.05)
    times = [client.first(code) for client in clients]
    assert None not in times, f"{times.count(None)} of {len(times)} clients were not told {code!r}"
    return [at for at in times if at]


async def test_every_client_receives_a_notice_that_redis_hangs_and_one_that_it_answers_again(
    system: System, server: Server
) -> None:
    async with speaking_clients(system) as clients:
        with server.frozen():
            began = time.monotonic()
            told = await all_told(clients, "delayed", TOLD_WITHIN_S)
            await asyncio.sleep(8)
            assert not any(client.first("delay_over") for client in clients)
        print(f"told after {[round(at - began, 2) for at in told]} s")
        await all_told(clients, "delay_over", 15)
        assert not any(client.closed for client in clients)


async def test_every_client_is_closed_when_redis_hangs_for_too_long(system: System, server: Server) -> None:
    async with speaking_clients(system) as clients:
        with server.frozen():
            began = time.monotonic()
            async with asyncio.timeout(CLOSED_WITHIN_S + 10):
                while not all(client.closed for client in clients):  # noqa: ASYNC110 - events come from a socket
                    await asyncio.sleep(0.1)
    closed = [client.closed for client in clients if client.closed]
    print(f"closed after {[round(at - began, 1) for at, _ in closed]} s")
    assert [code for _, code in closed] == [1013] * CLIENTS
    assert all(client.first("redis_unavailable") for client in clients)
    assert all(25 < at - began < CLOSED_WITHIN_S for at, _ in closed)
