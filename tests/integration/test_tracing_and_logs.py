"""Disabled tracing costs nothing, and all log lines of a process are readable."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from types import FrameType
from typing import Any

from redis.asyncio import Redis

from backend.client.client import Client
from backend.messages.protocol import Start
from backend.service import otlp, tracing
from gateway.connection.observers import traces
from tests.integration.test_log_gap import gateway

__all__ = ["gateway"]

OURS = {tracing.__file__, otlp.__file__, traces.__file__}
FRAME = bytes(3_200)


def in_a_process(code: str) -> str:
    """Return the output of a Python process without OTEL_* variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120
    ).stdout


def loaded(modules: str) -> set[str]:
    """Return the loaded modules about OpenTelemetry after these modules were imported, without tracing."""
    code = (
        f"import sys, {modules}\nfrom backend.service import tracing\ntracing.configure('any')\n"
        "print(*(name for name in sys.modules if 'telemetry' in name or 'otlp' in name))"
    )
    return set(in_a_process(code).split())


def test_services_without_tracing_do_not_load_opentelemetry() -> None:
    """FastAPI and redis-py import the OpenTelemetry API, but do not record or send anything."""
    theirs = loaded("fastapi, redis.asyncio")
    ours = loaded("gateway.gateway, stt_worker.worker, translation_worker.worker")
    assert ours == theirs
    assert not [name for name in ours if "otlp" in name or "exporter" in name]


async def calls(address: str, frames: int) -> int:
    """Count the calls of tracing functions while a client sends frames of silence."""
    called: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename in OURS:
            called[frame.f_code.co_qualname] += 1

    async with Client.connect(address, Start(), resume=False) as client, asyncio.TaskGroup() as tasks:
        sys.setprofile(note)
        try:
            for _ in range(frames):
                await client.send(FRAME)
            await client.stop()
            tasks.create_task(anything(client))
            await client.wait_until_received()
        finally:
            sys.setprofile(None)
    return called.total()


async def anything(events: AsyncIterator[Any] | Client) -> None:
    async for _ in events:
        pass


async def test_no_tracing_function_is_called_per_frame_while_it_is_off(redis: Redis, gateway: str) -> None:
    assert await calls(gateway, 200) < 10


def test_log_lines_of_threads_and_libraries_are_json_with_the_service_name() -> None:
    said = in_a_process(
        "import logging as library, threading\n"
        "from backend.service import logging\nfrom backend.service.settings import ServiceSettings\nimport structlog\n"
        "logging.configure('gateway', ServiceSettings(NOVA_LOG_FORMAT='json'))\n"
        "logging.add_process_fields(model='tiny')\n"
        "thread = threading.Thread(target=lambda: structlog.get_logger().info('worked', model='base'))\n"
        "thread.start(); thread.join()\n"
        "try: 1 / 0\nexcept ZeroDivisionError: library.getLogger('urllib3').exception('it %s', 'broke')\n"
    )
    ours, theirs = map(json.loads, said.splitlines())
    assert (ours["message"], ours["service"], ours["model"], ours["level"]) == ("worked", "gateway", "base", "info")
    assert (theirs["message"], theirs["service"], theirs["model"]) == ("it broke", "gateway", "tiny")
    assert (theirs["level"], theirs["logger"]) == ("error", "urllib3")
    assert "ZeroDivisionError" in theirs["exception"]
