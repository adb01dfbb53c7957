"""What tests run on: a Redis, and systems to be hurt, with the null recognizer, quick claims, a poisoned worker."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from backend.local.processes import Service, private_redis, redis_answers
from backend.local.system import Plan, System, running

HOSPITABLE = {"GATEWAY_REFUSE_LOAD": "1000", "GATEWAY_REFUSE_S": "1000"}
"""Nobody is refused for load: tests ask for much at a time, and want all of it served, however long it takes."""
SPACIOUS = {**HOSPITABLE, "GATEWAY_MAX_SESSIONS": "5000"}
"""Nor for their number."""
QUICK = {"STT_CLAIM_AFTER_MS": "600", "TRANSLATION_CLAIM_AFTER_MS": "600"}


@asynccontextmanager
async def own_redis(directory: Path) -> AsyncIterator[str]:
    """A Valkey of our own, with its files in `directory`; its URL."""
    service, url = private_redis(directory, directory / "redis.log")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(service.keep_running())
        await redis_answers(url)
        yield url
        await service.stop()


def null_plan(logs: Path, **more: Any) -> Plan:
    """Everything but models: text is made from the audio."""
    environment = {**QUICK, **more.pop("environment", {})}
    return Plan(
        stt_model="null",
        translation_models="",
        port=0,
        logs=logs,
        environment=environment,
        pause_s=0.5,
        **{"translation_workers": 0, **more},
    )


@asynccontextmanager
async def poisoned(logs: Path, deed: str, seconds: str, **settings: str) -> AsyncIterator[tuple[System, Service]]:
    """A system whose only STT worker does not survive finals of such a length, and that worker."""
    async with running(null_plan(logs, stt_workers=0), lambda line: None) as system, asyncio.TaskGroup() as tasks:
        environment = {
            **QUICK,
            "REDIS_URL": system.redis_url,
            "STT_MODEL": "null",
            "POISON_DEED": deed,
            "POISON_SECONDS": seconds,
            **settings,
        }
        command = (sys.executable, "-m", "tests.testkit.system.poisoned_worker")
        worker = Service("poison", command, environment, logs / f"poison-{deed}.log", 0.3)
        tasks.create_task(worker.keep_running())
        try:
            yield system, worker
        finally:
            await worker.stop()
