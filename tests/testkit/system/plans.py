"""Plans for systems under test, and a Redis of their own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from backend.local.processes import Service, private_redis, wait_for_redis
from backend.local.system import Plan, System, running
from tests.testkit.cli import silent

# No session is refused for load. Tests start many sessions at once and need each of them served.
NO_LOAD_LIMIT = {"GATEWAY_REFUSE_LOAD": "1000", "GATEWAY_REFUSE_S": "1000"}
# No session is refused for the number of sessions either.
NO_LIMITS = {**NO_LOAD_LIMIT, "GATEWAY_MAX_SESSIONS": "5000"}
# Whether the model that judges turns is installed must not matter.
NO_TURNS = {"STT_TURN_MODEL": ""}
QUICK_CLAIMS = {"STT_CLAIM_AFTER_MS": "600", "TRANSLATION_CLAIM_AFTER_MS": "600"}


@asynccontextmanager
async def own_redis(directory: Path) -> AsyncIterator[str]:
    """A Valkey server with its files in `directory`. Yields its URL."""
    service, url = private_redis(directory, directory / "redis.log")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(service.keep_running())
        await wait_for_redis(url)
        yield url
        await service.stop()


def system_plan(logs: Path, *, quick_claims: bool = True, **changes: Any) -> Plan:
    """A plan with free ports, the recognizer `null`, no turns and no translation, unless `changes` say otherwise."""
    environment = {**NO_TURNS, **(QUICK_CLAIMS if quick_claims else {}), **changes.pop("environment", {})}
    defaults = {"stt_model": "null", "translation_models": "", "translation_workers": 0, "max_restart_delay_s": 0.5}
    return Plan(port=0, logs=logs, environment=environment, **{**defaults, **changes})


def voice_plan(logs: Path, whisper: Path, shared_folder: Path) -> Plan:
    """A plan with real models of speech and of voices. No session is refused for load."""
    environment = {**NO_LOAD_LIMIT, "STT_VOICE_MODEL": str(shared_folder / "models" / "campplus_zh_en_192.onnx")}
    return system_plan(logs, stt_model=str(whisper), quick_claims=False, environment=environment)


@asynccontextmanager
async def running_with_poison(
    plan: Plan, failure: str, seconds: str, **settings: str
) -> AsyncIterator[tuple[System, Service]]:
    """A system whose only STT worker fails on finals of a certain length, and that worker.

    `tests.testkit.system.poisoned_worker` describes `failure` and `seconds`. `plan` has no STT worker of its own.
    """
    async with running(plan, silent) as system, asyncio.TaskGroup() as tasks:
        environment = {**QUICK_CLAIMS, "REDIS_URL": system.redis_url, "STT_MODEL": "null"}
        environment |= {"POISON_FAILURE": failure, "POISON_SECONDS": seconds, **settings}
        command = (sys.executable, "-m", "tests.testkit.system.poisoned_worker")
        assert plan.logs
        worker = Service("poison", command, environment, plan.logs / f"poison-{failure}.log", 0.3)
        tasks.create_task(worker.keep_running())
        try:
            yield system, worker
        finally:
            await worker.stop()
