"""A whole system on one machine: Redis, gateways and workers, each its own process."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from backend.errors import SetupError
from backend.local.processes import PAUSE_S, Service, free_port, private_redis, python, redis_answers, scratch, wait_for
from backend.service.address import is_loopback
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.observe.load_report import read_heartbeats
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS

READY_S = 180.0
"""How long loading the models may take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start. Anything not said here, the services read from the environment."""

    stt_model: str
    translation_models: str
    host: str = "127.0.0.1"
    port: int = 8080
    """Of the first gateway; further ones take the next free ones. 0: any free port."""
    gateways: int = 1
    stt_workers: int = 1
    translation_workers: int = 1
    redis_url: str | None = None
    """A Redis that runs already; None: a private one."""
    logs: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further settings, for every service: {"STT_CLAIM_AFTER_MS": "1500"}."""
    redis_users: Mapping[str, str] = field(default_factory=dict)
    """Addresses with users of their own, by kind of service: {"gateway": "redis://gateway:...@..."}."""
    pause_s: float = PAUSE_S
    """Longest wait before a service that keeps dying is started again."""


@dataclass(frozen=True, slots=True)
class System:
    """A system that runs."""

    urls: tuple[str, ...]
    """One a gateway: "http://127.0.0.1:8080"."""
    redis_url: str
    services: tuple[Service, ...]
    key: str = field(default="", repr=False)
    """Lets in whoever has it, where strangers could connect and Redis, being private, knows no other key."""

    @property
    def processes(self) -> dict[str, int]:
        """Ids of those that run just now, by the service's name."""
        return {service.name: service.process.pid for service in self.services if service.process}

    def named(self, name: str) -> Service:
        """One of its services: "gateway-1", "stt_worker-1", "translation_worker-1", "redis"."""
        return next(service for service in self.services if service.name == name)


@contextlib.asynccontextmanager
async def running(plan: Plan, tell: Callable[[str], None]) -> AsyncIterator[System]:
    """The system of the plan, ready; stopped at the end: gateways first, Redis last.

    `tell` hears what is going on. Raises SetupError when a part does not come up.
    """
    with scratch(plan.logs) as (directory, logs):
        redis, redis_url = (None, plan.redis_url) if plan.redis_url else private_redis(directory, logs / "redis.log")
        assert redis_url is not None
        services, urls = _services(plan, redis_url, logs)
        started = ([redis] if redis else []) + services
        async with asyncio.TaskGroup() as tasks:
            try:
                if redis:
                    tasks.create_task(redis.keep_running())
                await redis_answers(redis_url)
                tell("Redis is up")
                key = await _key(redis_url) if redis and _exposed(plan) else ""
                for service in services:
                    tasks.create_task(service.keep_running())
                await _ready(urls, redis_url, plan, services, tell)
                yield System(tuple(urls), redis_url, tuple(started), key)
            finally:
                for stage in (services, [redis] if redis else []):
                    await asyncio.gather(*(service.stop() for service in stage))


def _exposed(plan: Plan) -> bool:
    auth = {**os.environ, **plan.environment}.get("GATEWAY_AUTH", "auto")
    return auth == "keys" or (auth == "auto" and not is_loopback(plan.host))


async def _key(redis_url: str) -> str:
    redis = client(redis_url)
    try:
        return await ApiKeys(redis).create("nova up", ("admin",), QuotaLimits())
    finally:
        await redis.aclose()


def _services(plan: Plan, redis_url: str, logs: Path) -> tuple[list[Service], list[str]]:
    services: list[Service] = []
    urls: list[str] = []
    shared = {"REDIS_URL": redis_url, "NOVA_LOG_FORMAT": "json", **plan.environment}

    def add(kind: str, number: int, **environment: str) -> None:
        name = f"{kind}-{number}"
        module = f"{kind}.{kind.removeprefix('stt_').removeprefix('translation_')}"
        if kind in plan.redis_users:
            environment["REDIS_URL"] = plan.redis_users[kind]
        services.append(Service(name, python(module), {**shared, **environment}, logs / f"{name}.log", plan.pause_s))

    scheme = "https" if {**os.environ, **plan.environment}.get("GATEWAY_TLS_CERT") else "http"
    for number in range(1, plan.gateways + 1):
        port = plan.port if plan.port and number == 1 else free_port()
        add("gateway", number, GATEWAY_HOST=plan.host, GATEWAY_PORT=str(port))
        urls.append(f"{scheme}://{'127.0.0.1' if plan.host == '0.0.0.0' else plan.host}:{port}")
    for number in range(1, plan.stt_workers + 1):
        add("stt_worker", number, STT_MODEL=plan.stt_model)
    for number in range(1, plan.translation_workers + 1):
        add("translation_worker", number, TRANSLATION_MODELS=plan.translation_models)
    return services, urls


async def _ready(
    urls: list[str], redis_url: str, plan: Plan, services: list[Service], tell: Callable[[str], None]
) -> None:
    """Return when every gateway answers and every worker sends heartbeats."""
    wanted = {"stt": plan.stt_workers, "translation": plan.translation_workers}
    up: set[str] = set()

    async def ready() -> bool:
        broken = next((one for one in services if one.process and one.process.returncode not in (None, 0)), None)
        if broken:
            raise SetupError(f"{broken.name} does not start. The end of its log:\n{broken.last_words()}")
        try:
            answers = [(await http.get(f"{url}/health/ready")).is_success for url in urls]
            workers = await read_heartbeats(redis)
        except (httpx.HTTPError, *REDIS_ERRORS):
            return False
        for kind, count in wanted.items():
            if sum(worker["kind"] == kind for worker in workers) < count:
                return False
            if count and kind not in up:
                up.add(kind)
                tell(f"{kind} worker is up: " + ", ".join(_describe(w) for w in workers if w["kind"] == kind))
        return all(answers)

    redis = client(redis_url)
    try:
        # They are ours, on this machine: a certificate has nobody's name to prove here.
        async with httpx.AsyncClient(timeout=2.0, verify=False) as http:
            await wait_for(ready, "the system did not become ready in time", READY_S, 0.1)
    finally:
        await redis.aclose()


def _describe(worker: dict[str, object]) -> str:
    return f"{worker.get('model')} on {worker.get('device')}"
