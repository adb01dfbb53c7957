"""A NATS server of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from backend.local.processes import Service, free_port


@asynccontextmanager
async def own_nats(folder: Path) -> AsyncIterator[str]:
    """A server without persistence. Yields its URL."""
    binary, port = shutil.which("nats-server"), free_port()
    if binary is None:
        pytest.skip("nats-server is not installed")
    server = Service("nats", (binary, "-a", "127.0.0.1", "-p", str(port)), {}, folder / "nats.log")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.keep_running())
        await _until_it_answers(port)
        yield f"nats://127.0.0.1:{port}"
        await server.stop()


async def _until_it_answers(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
