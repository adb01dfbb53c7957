"""The metrics port of a worker refuses web pages, and slow or numerous connections do not block it."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator

import pytest

from backend.local.processes import free_port
from backend.service.metrics_server import CONNECTION_S, MAX_CONNECTIONS, MetricsServer
from backend.service.settings import WorkerSettings

PATHS = ("/health", "/health/ready", "/metrics")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    port = free_port()
    with MetricsServer().serving(WorkerSettings(metrics_port=port, metrics_names="worker.example, Pod-7")):
        yield port


async def status(port: int, head: str) -> int:
    """The status that answers a request head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}\r\n\r\n".encode("latin-1"))
    async with asyncio.timeout(CONNECTION_S):
        answer = await reader.read()
    writer.close()
    return int(answer.split()[1])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:9100", "127.0.0.1.evil.example", ""])
async def test_a_request_for_a_foreign_host_name_is_refused(port: int, path: str, host: str) -> None:
    assert await status(port, f"GET {path} HTTP/1.1\r\nHost: {host}") == 403


async def test_a_second_host_name_does_not_hide_a_foreign_one(port: int) -> None:
    assert await status(port, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example") == 403


@pytest.mark.parametrize("host", ["10.244.1.7:9100", "[fd00::7]:9100", "localhost", "worker.example:9100", "pod-7"])
async def test_probes_and_prometheus_are_answered(port: int, host: str) -> None:
    assert await status(port, f"GET /metrics HTTP/1.1\r\nHost: {host}") == 200


async def test_the_name_of_the_machine_is_accepted(port: int) -> None:
    assert await status(port, f"GET /health HTTP/1.1\r\nHost: {socket.gethostname()}:{port}") == 200


async def test_a_probe_without_a_host_name_is_answered(port: int) -> None:
    assert await status(port, "GET /health HTTP/1.0") == 200


async def test_idle_connections_do_not_block_a_probe(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(3 * MAX_CONNECTIONS):
            stack.enter_context(await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port)))
        assert await status(port, "GET /health HTTP/1.1\r\nHost: 127.0.0.1") == 200
        threads = [thread for thread in threading.enumerate() if "process_request" in thread.name]
        assert 0 < len(threads) <= MAX_CONNECTIONS + 10  # those that were closed may still be ending


async def test_a_request_that_arrives_byte_by_byte_is_closed(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ended = asyncio.create_task(reader.read())
    async with asyncio.timeout(2 * CONNECTION_S):
        with contextlib.suppress(ConnectionError):
            while not ended.done():
                writer.write(b"G")
                await writer.drain()
                await asyncio.wait([ended], timeout=1)
    assert b" 200 " not in await ended
    writer.close()
