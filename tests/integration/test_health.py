"""Health of gateways and workers, and `nova status`, with real processes that fail."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from backend.local.processes import free_port
from backend.local.system import System, running
from backend.service.metrics_server import MetricsServer
from backend.service.settings import ServiceSettings, WorkerSettings
from backend.streams.names import STT_GROUP, Shard, all_shards
from backend.streams.observe.state import StreamInspector
from backend.streams.redis.connection import connect
from backend.streams.worker.health import WorkerHealth
from backend.streams.worker.in_flight import InFlight
from tests.conftest import run_in_thread
from tests.testkit.cli import silent
from tests.testkit.system.plans import system_plan

# The promised second, and time for a busy machine. A request that waits for a hanging Redis takes 3 s.
ANSWER_S = 2.7
DEAD, FINALS = Shard(0).dead(STT_GROUP), Shard(0).audio("final")
WORKER = free_port()


@pytest.fixture(scope="module")
def system(artifacts: Path) -> Iterator[System]:
    """A gateway, and an STT worker with its own metrics port."""
    plan = system_plan(artifacts / "logs", environment={"STT_METRICS_PORT": str(WORKER)})
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.fixture
async def own_redis(system: System) -> AsyncIterator[Redis]:
    """A client of the system's Redis."""
    async with connect(ServiceSettings(REDIS_URL=system.redis_url)) as client:
        yield client


def ask(url: str) -> tuple[int, str, float]:
    """Status, body and duration in seconds."""
    began = time.monotonic()
    answer = httpx.get(url, timeout=30)
    took_s = time.monotonic() - began
    return answer.status_code, answer.text, took_s


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process hangs, and its connections stay open."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def nova_status(url: str, *options: str) -> tuple[int, str]:
    """Exit status and output of `nova status`."""
    command = [sys.executable, "-c", "from backend.cli.main import main; main()", "status", "--url", url, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout


async def recovered(url: str) -> None:
    """Wait until the service is ready again."""
    async with asyncio.timeout(10), httpx.AsyncClient() as http:
        while (await http.get(f"{url}/health/ready")).status_code != 200:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)


async def test_the_full_report_contains_redis_and_all_processes(system: System) -> None:
    status, text, took_s = ask(f"{system.urls[0]}/health/full")
    body = json.loads(text)
    assert status == 200
    assert (body["status"], body["reasons"]) == ("degraded", ["no translation worker sends heartbeats"])
    redis, workers = body["redis"], body["workers"]
    assert {"ok", "version", "round_trip_ms", "memory_bytes", "persistence"} <= redis.keys()
    gateway, worker = workers
    assert {"sessions", "protocols", "draining", "version", "seen"} <= gateway.keys()
    assert {"model", "device", "compute_type", "batch", "real_time_factor", "last_inference", "load"} <= worker.keys()
    assert took_s < ANSWER_S


async def test_a_hanging_redis_delays_no_answer_and_fails_only_readiness(system: System) -> None:
    gateway, worker = system.urls[0], f"http://127.0.0.1:{WORKER}"
    with stopped(system.processes["redis"]):
        paths = [f"{url}/{path}" for url in (gateway, worker) for path in ("health", "health/ready", "metrics")]
        answers = await asyncio.gather(*(asyncio.to_thread(ask, url) for url in (*paths, f"{gateway}/health/full")))
        assert max(took_s for *_, took_s in answers) < ANSWER_S
        assert [status for status, *_ in answers] == [200, 503, 200, 200, 503, 200, 503]
        for text in (answers[2][1], answers[5][1]):
            assert "nova_redis_up 0.0" in text
            assert "redis_stream_length{" not in text, "no value is better than an old one"
        for text in (answers[1][1], answers[4][1], answers[6][1]):
            assert json.loads(text)["reasons"] == ["Redis: no answer"]
        code, said = await asyncio.to_thread(nova_status, gateway)
        assert (code, "Redis: no answer" in said) == (2, True)
    for url in (gateway, worker):
        await recovered(url)


async def test_dead_letters_and_waiting_finals_are_reasons(system: System, own_redis: Redis) -> None:
    with stopped(system.processes["stt_worker-1"]):
        await asyncio.sleep(1.1)  # its blocking read has ended, so it reads no new entries
        await own_redis.xadd(FINALS, {"h": b"{}"}, id=f"{int(1000 * time.time()) - 9_000}-0")
        await own_redis.xadd(DEAD, {"h": b"{}", "reason": b"max_attempts"})
        body = json.loads(ask(f"{system.urls[0]}/health/full")[1])
        code, said = await asyncio.to_thread(nova_status, system.urls[0], "--json")
    reasons = body["reasons"]
    assert body["status"] == "degraded"
    assert f"{FINALS}: the oldest entry has waited for 9 s" in reasons
    assert f"{DEAD}: 1 dead letter; see `nova dead list`" in reasons
    assert body["dead_letters"] == 1
    assert (code, json.loads(said)["status"], json.loads(said)["dead_letters"]) == (1, "degraded", 1)
    await own_redis.delete(DEAD)


async def test_a_worker_with_a_blocked_event_loop_reports_it() -> None:
    port = free_port()
    settings = WorkerSettings(metrics_port=port)
    with MetricsServer().serving(settings):
        asking = asyncio.create_task(asyncio.to_thread(ask, f"http://127.0.0.1:{port}/health"))
        await asyncio.sleep(0)
        time.sleep(1.5)  # noqa: ASYNC251 - the hang
        status, text, took_s = await asking
        assert (status, json.loads(text)["reasons"]) == (503, ["the event loop does not respond"])
        assert took_s < 1.5 + ANSWER_S
        assert (await asyncio.to_thread(ask, f"http://127.0.0.1:{port}/health"))[0] == 200


async def test_a_worker_is_ready_from_the_loaded_model_until_the_drain(redis: Redis) -> None:
    port, stop, in_flight = free_port(), asyncio.Event(), InFlight(STT_GROUP)
    url = f"http://127.0.0.1:{port}/health"

    async def told(path: str) -> tuple[int, object]:
        status, text, _ = await asyncio.to_thread(ask, f"{url}{path}")
        return status, json.loads(text)["reasons"]

    with MetricsServer().serving(WorkerSettings(metrics_port=port)) as metrics_server:
        assert await told("") == (200, [])
        assert await told("/ready") == (503, ["the model is being loaded"])
        metrics_server.health_source = WorkerHealth(
            redis, StreamInspector(redis, all_shards(1)), [in_flight], 0.0, stop
        )
        assert (await told(""), await told("/ready")) == ((200, []), (200, []))
        with in_flight.tracking([]):
            assert await told("") == (503, ["the current batch has taken 0 s"])
        stop.set()
        assert (await told(""), await told("/ready")) == ((200, []), (503, ["draining"]))


def test_an_unreachable_gateway_is_reported() -> None:
    code, said = nova_status(f"127.0.0.1:{free_port()}")
    assert (code, "does not answer" in said) == (2, True)


def test_watching_continues_until_interrupted(system: System) -> None:
    # A test run in the background of a shell ignores SIGINT, and its processes inherit that.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heeding}; from backend.cli.main import main; main()", "status", "--watch"]
    environment = {**os.environ, "NOVA_SERVER": system.urls[0]}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watching:
        time.sleep(10)  # without a terminal, it prints only at the end
        watching.send_signal(signal.SIGINT)
        output, _ = watching.communicate(timeout=60)
    assert watching.returncode == 1, "there is no translation worker"
    assert "audio:final" in output
