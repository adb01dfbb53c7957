"""Slow clients are disconnected, lost connections are resumed without loss, and other sessions are not delayed.

`python -m tests.chaos.connection_flood` measures the delay of other sessions in longer runs.
"""

import asyncio
import re
import time
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from backend.load.driver import drive_session
from backend.local.discovery import stream_url
from backend.local.processes import wait_for
from backend.local.system import System, running
from backend.messages.protocol import Start
from gateway.http.http_limits import HEAD_S
from tests.chaos.checks import Checks, differences
from tests.chaos.clients.speakers import percentile
from tests.chaos.connection_flood import compare, describe
from tests.conftest import run_in_thread
from tests.testkit.audio.reference import segment
from tests.testkit.audio.voices import voices
from tests.testkit.cli import silent
from tests.testkit.raw_websocket import BINARY, TEXT, handshake, masked, opened
from tests.testkit.servers.fault_proxy import FaultProxy
from tests.testkit.session import ClientLedger
from tests.testkit.system.plans import system_plan

START = masked(TEXT, b'{"type":"start"}')
SHORT_TIMEOUTS = {"GATEWAY_START_TIMEOUT_S": "1", "GATEWAY_IDLE_TIMEOUT_S": "2", "GATEWAY_OUTBOX": "20"}


@pytest.fixture(scope="module")
def short_timeouts(artifacts: Path) -> Iterator[System]:
    """A system with short timeouts."""
    with run_in_thread(running(system_plan(artifacts / "logs-slow", environment=SHORT_TIMEOUTS), silent)) as up:
        yield up


def place(system: System) -> tuple[str, int]:
    host, port = system.urls[0].removeprefix("http://").split(":")
    return host, int(port)


@asynccontextmanager
async def connected(system: System, *frames: bytes, room: int = 1 << 16) -> AsyncIterator[tuple[Reader, Writer]]:
    """A WebSocket on which these frames are sent."""
    reader, writer = await opened(*place(system), *frames, room=room)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def end_of(reader: Reader, within_s: float) -> bytes:
    """Everything until the connection closes. Fails if it stays open."""
    async with asyncio.timeout(within_s):
        try:
            return await reader.read(-1)
        except ConnectionResetError:
            return b""


async def events_until(reader: Reader, code: str) -> list[bytes]:
    """Types of the events up to the error with this code."""
    async with asyncio.timeout(5):
        said = await reader.readuntil(f'"code":"{code}"'.encode())
    return re.findall(rb'"type":"(\w+)"', said)


async def drip(writer: Writer, data: bytes) -> None:
    """Send a byte per second until the server closes the connection."""
    with suppress(ConnectionError):
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1)


@pytest.mark.slow
async def test_an_incomplete_handshake_is_closed(short_timeouts: System) -> None:
    reader, writer = await asyncio.open_connection(*place(short_timeouts))
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        dripping = tasks.create_task(drip(writer, handshake()))
        assert await end_of(reader, HEAD_S + 5) == b""
        assert time.monotonic() - began > HEAD_S / 2
        dripping.cancel()
        writer.transport.abort()


async def test_repeated_requests_are_not_closed(short_timeouts: System) -> None:
    async with httpx.AsyncClient() as http:
        answers = [(await http.get(f"{short_timeouts.urls[0]}/health")).status_code for _ in range(20)]
    assert answers == [200] * 20


async def test_a_client_that_sends_no_start_receives_an_error(short_timeouts: System) -> None:
    async with connected(short_timeouts) as (reader, _):
        assert await events_until(reader, "idle_timeout") == [b"error"]


async def test_a_client_that_stops_during_a_frame_receives_an_error(short_timeouts: System) -> None:
    async with connected(short_timeouts, START, masked(BINARY, bytes(60_000))[:1_000]) as (reader, _):
        assert await events_until(reader, "idle_timeout") == [b"ready", b"error"]


async def test_a_client_that_reads_nothing_is_disconnected(short_timeouts: System) -> None:
    async with connected(short_timeouts, START, room=1 << 10) as (_, writer):
        with suppress(ConnectionError):
            async with asyncio.timeout(40):
                await provoke(writer)
    await wait_for(lambda: no_connection_is_open(short_timeouts), "the connection is still open", 10)


async def provoke(writer: Writer) -> None:
    """Make the server send errors until the connection closes."""
    while True:
        writer.write(masked(TEXT, b'{"type":"sing"}') * 100)
        await writer.drain()


async def no_connection_is_open(system: System) -> bool:
    async with httpx.AsyncClient() as http:
        return "gateway_active_connections 0.0" in (await http.get(f"{system.urls[0]}/metrics")).text


@pytest.mark.parametrize("cut_at_s", [0.05, 1.6])
async def test_a_connection_that_is_cut_during_speech_resumes_without_loss(
    short_timeouts: System, cut_at_s: float
) -> None:
    (voice,) = voices(1, 4)
    async with FaultProxy(*place(short_timeouts)) as proxy, asyncio.TaskGroup() as tasks:

        async def cut() -> None:
            await asyncio.sleep(cut_at_s)
            proxy.cut()

        tasks.create_task(cut())
        url = stream_url(f"http://127.0.0.1:{proxy.port}")
        ledger = await drive_session(url, Start(language="en"), ClientLedger.for_audio(voice))
    assert ledger.reconnects == 1
    expected = segment(ledger.pcm)
    assert expected.utterances
    assert differences(ledger, expected, Checks(log=False)) == []


# Tolerated growth of latencies in a run of a minute on a busy machine. A session that waits for slow clients or for a
# rush of connections exceeds it. The promise, a p99 that grows by at most a fifth, needs a longer measurement.
MEDIAN_GROWS, P90_GROWS = 1.5, 2.0


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_slow_clients_and_bursts_of_clients_do_not_delay_others(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await compare(1, 3.0, ["never-reading", "idle", "burst"], artifacts / "logs-crowd", silent)
    with capsys.disabled():
        print(f"\n{describe(found)}")
    assert found.wrong == []
    assert all(len(samples) >= 10 for samples in found.disturbed.values())
    latencies = [sample for samples in found.disturbed.values() for sample in samples]
    assert percentile(latencies, 50) < MEDIAN_GROWS * percentile(found.calm, 50)
    assert percentile(latencies, 90) < P90_GROWS * percentile(found.calm, 90)
