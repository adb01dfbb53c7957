"""Systems for tests that hurt them: the null recognizer, quick claims, a poisoned worker."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from backend.cli.processes import Service
from backend.cli.system import Plan, System, running

QUICK = {"STT_CLAIM_AFTER_MS": "600", "TRANSLATION_CLAIM_AFTER_MS": "600"}


def null_plan(logs: Path, **more: Any) -> Plan:
    """Everything but models: text is made from the audio."""
    environment = {**QUICK, **more.pop("environment", {})}
    return Plan(
        stt_model="null", translation_models="", port=0, logs=logs, environment=environment, pause_s=0.5,
        **{"translation_workers": 0, **more},
    )  # fmt: skip


@asynccontextmanager
async def poisoned(logs: Path, deed: str, seconds: str, **settings: str) -> AsyncIterator[tuple[System, Service]]:
    """A system whose only STT worker does not survive finals of such a length, and that worker."""
    async with running(null_plan(logs, stt_workers=0), lambda line: None) as system, asyncio.TaskGroup() as tasks:
        environment = {
            **QUICK, "REDIS_URL": system.redis_url, "STT_MODEL": "null", "POISON_DEED": deed,
            "POISON_SECONDS": seconds, **settings,
        }  # fmt: skip
        command = (sys.executable, "-m", "tests.testkit.poison")
        worker = Service("poison", command, environment, logs / f"poison-{deed}.log", 0.3)
        tasks.create_task(worker.keep_running())
        try:
            yield system, worker
        finally:
            await worker.stop()
