"""A complete system on one machine: Redis, gateways and workers, each a process of its own."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from backend.errors import SetupError
from backend.local.processes import (
    RESTART_CAP_S,
    Service,
    free_port,
    private_redis,
    python,
    wait_for,
    wait_for_redis,
    working_directory,
)
from backend.local.runtime_folder import ENVIRONMENT_NAME
from backend.service.address import connect_host, is_loopback, join_host_port
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.observe.load_report import read_heartbeats
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS

# Includes the time to load the models.
READY_TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The processes to start and their settings. The services read all other settings from the environment.

    `port` is that of the first gateway (0: any free port); the others use free ports. `redis_url` names a running
    Redis; without it a private one is started. `environment` holds more settings for all services. `redis_users` holds
    Redis URLs with a user for each kind of service, such as {"gateway": "redis://gateway:...@..."}.
    """

    stt_model: str
    translation_models: str
    host: str = "127.0.0.1"
    port: int = 8080
    gateways: int = 1
    stt_workers: int = 1
    translation_workers: int = 1
    redis_url: str | None = None
    logs: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    redis_users: Mapping[str, str] = field(default_factory=dict)
    max_restart_delay_s: float = RESTART_CAP_S

    def setting(self, name: str, default: str = "") -> str:
        """The value of a setting as the services see it."""
        return {**os.environ, **self.environment}.get(name, default)


@dataclass(frozen=True, slots=True)
class System:
    """A running system.

    `urls` holds the address of each gateway ("http://127.0.0.1:8080"). `folder` is removed when the system stops. `key`
    is an API key. It is set if the gateways require one and the Redis is private, so that there are no other keys.
    `tls_cert` is the file with the certificate of the gateways, or "" without TLS.
    """

    urls: tuple[str, ...]
    redis_url: str
    services: tuple[Service, ...]
    folder: Path
    key: str = field(default="", repr=False)
    tls_cert: str = ""

    @property
    def processes(self) -> dict[str, int]:
        """The ids of the running processes, by the name of the service."""
        return {service.name: service.process.pid for service in self.services if service.process}

    def named(self, name: str) -> Service:
        """A service by name: "gateway-1", "stt_worker-1", "translation_worker-1" or "redis"."""
        return next(service for service in self.services if service.name == name)


@contextlib.asynccontextmanager
async def running(plan: Plan, report: Callable[[str], None]) -> AsyncIterator[System]:
    """Start a system, wait until it is ready, and stop it at the end of the block. Redis is stopped last.

    `report` receives a line for each step. Raises SetupError if a service does not start.
    """
    with working_directory(plan.logs) as (directory, logs):
        redis, redis_url = (None, plan.redis_url) if plan.redis_url else private_redis(directory, logs / "redis.log")
        assert redis_url is not None
        services, urls = _services(plan, redis_url, logs)
        started = ([redis] if redis else []) + services
        for service in started:
            service.environment = {**service.environment, ENVIRONMENT_NAME: str(directory)}
        async with asyncio.TaskGroup() as tasks:
            try:
                if redis:
                    tasks.create_task(redis.keep_running())
                await wait_for_redis(redis_url)
                report("Redis is ready")
                key = await _create_key(redis_url) if redis and _requires_key(plan) else ""
                for service in services:
                    tasks.create_task(service.keep_running())
                await _wait_until_ready(urls, redis_url, plan, services, report)
                yield System(tuple(urls), redis_url, tuple(started), directory, key, _certificate(plan))
            finally:
                for stage in (services, [redis] if redis else []):
                    await asyncio.gather(*(service.stop() for service in stage))


def _certificate(plan: Plan) -> str:
    """The absolute path of the gateways' certificate, because other commands run in other folders; "" without TLS."""
    path = plan.setting("GATEWAY_TLS_CERT")
    return str(Path(path).absolute()) if path else ""


def _requires_key(plan: Plan) -> bool:
    auth = plan.setting("GATEWAY_AUTH", "auto")
    return auth == "keys" or (auth == "auto" and not is_loopback(plan.host))


async def _create_key(redis_url: str) -> str:
    async with contextlib.aclosing(client(redis_url)) as redis:
        return await ApiKeys(redis).create("nova up", ("admin",), QuotaLimits())


def _services(plan: Plan, redis_url: str, logs: Path) -> tuple[list[Service], list[str]]:
    """The services of a plan, and the URLs of its gateways."""
    services: list[Service] = []
    urls: list[str] = []
    shared = {"REDIS_URL": redis_url, "NOVA_LOG_FORMAT": "json", **plan.environment}

    def add(kind: str, number: int, **environment: str) -> None:
        name = f"{kind}-{number}"
        module = f"{kind}.{kind.removeprefix('stt_').removeprefix('translation_')}"
        if kind in plan.redis_users:
            environment["REDIS_URL"] = plan.redis_users[kind]
        log, delay_s = logs / f"{name}.log", plan.max_restart_delay_s
        services.append(Service(name, python(module), {**shared, **environment}, log, delay_s))

    scheme = "https" if plan.setting("GATEWAY_TLS_CERT") else "http"
    for number in range(1, plan.gateways + 1):
        port = plan.port if plan.port and number == 1 else free_port(plan.host)
        add("gateway", number, GATEWAY_HOST=plan.host, GATEWAY_PORT=str(port))
        urls.append(f"{scheme}://{join_host_port(connect_host(plan.host), port)}")
    for number in range(1, plan.stt_workers + 1):
        add("stt_worker", number, STT_MODEL=plan.stt_model)
    for number in range(1, plan.translation_workers + 1):
        add("translation_worker", number, TRANSLATION_MODELS=plan.translation_models)
    return services, urls


async def _wait_until_ready(
    urls: list[str], redis_url: str, plan: Plan, services: list[Service], report: Callable[[str], None]
) -> None:
    """Wait until every gateway is ready, every worker sends heartbeats, and the gateways have read them."""
    expected = {"stt": plan.stt_workers, "translation": plan.translation_workers}
    reported: set[str] = set()

    async def ready() -> bool:
        failed = next((one for one in services if one.process and one.process.returncode not in (None, 0)), None)
        if failed:
            raise SetupError(failed.failure())
        try:
            answers = [(await http.get(f"{url}/health/ready")).is_success for url in urls]
            workers = await read_heartbeats(redis)
            known = [_has_read(workers, (await http.get(f"{url}/v1/languages")).json()) for url in urls]
        except (httpx.HTTPError, *REDIS_ERRORS):
            return False
        for kind, count in expected.items():
            if sum(worker["kind"] == kind for worker in workers) < count:
                return False
            if count and kind not in reported:
                reported.add(kind)
                report(f"{kind} worker is ready: " + ", ".join(_describe(w) for w in workers if w["kind"] == kind))
        return all(answers) and all(known)

    # These are our own processes: no proxy leads to them, and no certificate is issued for a loopback address.
    direct = httpx.AsyncHTTPTransport(verify=False)
    async with (
        contextlib.aclosing(client(redis_url)) as redis,
        httpx.AsyncClient(timeout=2.0, transport=direct) as http,
    ):
        await wait_for(ready, "the system did not become ready in time", READY_TIMEOUT_S, 0.1)


def _has_read(workers: list[dict[str, Any]], languages: dict[str, Any]) -> bool:
    """Whether the answer of `/v1/languages` contains the workers' heartbeats, which a gateway reads at intervals.

    Before, it refuses what needs a worker with a certain ability, such as an enrolment.
    """
    recognizes = any(worker["kind"] == "stt" for worker in workers)
    translates = any(isinstance(worker.get("translates"), list) for worker in workers)
    known_stt, known_translation = (languages.get(key) is not None for key in ("speakers", "translation"))
    return (known_stt or not recognizes) and (known_translation or not translates)


def _describe(worker: dict[str, object]) -> str:
    return f"{worker.get('model')} on {worker.get('device')}"
