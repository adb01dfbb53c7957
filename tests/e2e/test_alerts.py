"""A real Prometheus reads the rules and scrapes a system. An alert fires and clears with its cause."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from backend.client.client import Client
from backend.local.discovery import stream_url
from backend.local.processes import Service, free_port, wait_for
from backend.local.system import System, running
from backend.messages.protocol import Start
from tests.infra.tools import tool
from tests.testkit.cli import silent
from tests.testkit.prometheus_rules import RULES
from tests.testkit.system.plans import system_plan

CONFIGURATION = RULES.parent


def promtool(directory: Path, *arguments: str) -> tuple[bool, str]:
    """Whether promtool accepts the configuration in a directory, and its output."""
    command = [tool("promtool"), *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def copy(to: Path, change: Callable[[str], str] = str, file: str = RULES.name) -> Path:
    """Copy the configuration, and change one file."""
    shutil.copytree(CONFIGURATION, to, dirs_exist_ok=True)
    before = (to / file).read_text()
    (to / file).write_text(change(before))
    assert change is str or (to / file).read_text() != before
    return to


def test_promtool_accepts_the_configuration_the_rules_and_their_tests() -> None:
    assert promtool(CONFIGURATION, "check", "config", "--syntax-only", "prometheus.yml")[0]
    assert promtool(CONFIGURATION, "check", "rules", "alerts.yaml")[0]
    accepted, output = promtool(CONFIGURATION, "test", "rules", "alerts_test.yaml")
    assert accepted, output


@pytest.mark.parametrize(
    ("file", "right", "wrong", "command"),
    [
        ("prometheus.yml", "interval: 10s", "interval: 10 s", "check config --syntax-only prometheus.yml"),
        ("prometheus.yml", "rule_files:", "rules_files:", "check config --syntax-only prometheus.yml"),
        ("alerts.yaml", "sum(gateway_active_connections)", "sum(gateway_active_connections", "check rules alerts.yaml"),
        ("alerts.yaml", "for: 30s", "for: soon", "check rules alerts.yaml"),
        ("alerts.yaml", '{kind="stt"}) == 0', '{kind="stt"}) == 1', "test rules alerts_test.yaml"),
    ],
)
def test_promtool_rejects_a_mistake(tmp_path: Path, file: str, right: str, wrong: str, command: str) -> None:
    planted = copy(tmp_path / "prometheus", lambda text: text.replace(right, wrong), file)
    accepted, output = promtool(planted, *command.split())
    assert not accepted, output


class Prometheus:
    """The HTTP API of a running Prometheus."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def up(self) -> dict[str, bool]:
        """Whether each target answers, by job."""
        answer = await self._get("/api/v1/targets?state=active")
        return {target["labels"]["job"]: target["health"] == "up" for target in answer["activeTargets"]}

    async def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        answer = await self._get("/api/v1/alerts")
        return {alert["labels"]["alertname"] for alert in answer["alerts"] if alert["state"] == "firing"}

    async def _get(self, path: str) -> Any:
        try:
            return (await self._http.get(path)).raise_for_status().json()["data"]
        except httpx.HTTPError:
            return {"activeTargets": [], "alerts": []}


@asynccontextmanager
async def prometheus(directory: Path, targets: dict[str, int]) -> AsyncIterator[Prometheus]:
    """Run Prometheus with one local target per job. It scrapes and evaluates twice per second."""
    copy(directory, lambda text: text.replace("for: 30s", "for: 1s"))
    (directory / "nova_key").write_text("")
    settings = yaml.safe_load((directory / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    for job in settings["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{targets[job['job_name']]}"]}]
    (directory / "prometheus.yml").write_text(yaml.safe_dump(settings))
    port = free_port()
    command = (
        tool("prometheus"),
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    service = Service("prometheus", command, {}, directory / "prometheus.log")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http, asyncio.TaskGroup() as tasks:
        tasks.create_task(service.keep_running())
        try:
            yield Prometheus(http)
        finally:
            await service.stop()


@pytest.fixture
async def system(artifacts: Path) -> AsyncIterator[tuple[System, dict[str, int]]]:
    """A gateway and both workers, and their metrics ports by job."""
    ports = {"stt_worker": free_port(), "translation_worker": free_port()}
    environment = {f"{job.split('_')[0].upper()}_METRICS_PORT": str(port) for job, port in ports.items()}
    plan = system_plan(artifacts / "logs", translation_workers=1, environment=environment)
    async with running(plan, silent) as up:
        yield up, {**ports, "gateway": int(up.urls[0].rsplit(":", 1)[1])}


async def test_the_alert_for_missing_workers_fires_during_a_session_and_clears_after_a_start(
    system: tuple[System, dict[str, int]], tmp_path: Path
) -> None:
    up, ports = system
    worker = up.named("stt_worker-1")
    async with prometheus(tmp_path / "prometheus", ports) as watching:

        async def scraped() -> bool:
            return await watching.up() == dict.fromkeys(ports, True)

        async def fires() -> bool:
            return "NovaSttWorkersMissing" in await watching.firing()

        async def clear() -> bool:
            return not await watching.firing()

        await wait_for(scraped, "Prometheus does not scrape all targets", 20, 0.2)
        await wait_for(clear, "an alert fires without a cause", 20, 0.2)
        async with Client.connect(stream_url(up.urls[0]), Start(language="en")):
            worker.stopping = True
            assert worker.process is not None
            worker.process.terminate()
            await worker.process.wait()
            await wait_for(fires, "no alert for the missing worker", 20, 0.2)
            worker.stopping = False
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(worker.keep_running())
                await wait_for(clear, "the alert does not clear", 20, 0.2)
                await worker.stop()
