"""`nova up`: one command, one line with the address, and nothing left behind."""

import os
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.testkit.system.command import nova_up


def descendants(pid: int) -> list[int]:
    """Every process below this one."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def gone(pids: list[int], within_s: float) -> bool:
    """Whether all have ended in time."""
    until = time.monotonic() + within_s
    while any(_lives(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def models(whisper_tiny: Path, opus_zh_en: Path) -> dict[str, str]:
    return {"STT_MODEL": str(whisper_tiny), "TRANSLATION_MODELS": str(opus_zh_en), "GATEWAY_PORT": "0"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_behind(models: dict[str, str], end: signal.Signals) -> None:
    with nova_up(**models) as (process, url):
        below = descendants(process.pid)
        assert len(below) >= 4, "Redis, gateway and two workers"
        assert httpx.get(f"{url}/health").json()["status"] == "healthy"
        process.send_signal(end)
        assert gone([process.pid, *below], 30)


def test_several_gateways_and_workers_are_started(models: dict[str, str]) -> None:
    with nova_up("--gateways", "2", "--stt-workers", "2", **models) as (_, url):
        full = httpx.get(f"{url}/health/full").json()
        kinds = [worker["kind"] for worker in full["workers"]]
        assert (kinds.count("gateway"), kinds.count("stt"), kinds.count("translation")) == (2, 2, 1)
        assert full["status"] == "healthy"
        assert {lane["length"] for lane in full["lanes"].values()} == {0}
        assert "gateway_active_connections" in httpx.get(f"{url}/metrics").text


def test_health_reports_the_state_of_redis(models: dict[str, str]) -> None:
    with nova_up(**models) as (process, url):
        redis = next(p for p in descendants(process.pid) if b"valkey" in Path(f"/proc/{p}/cmdline").read_bytes())
        os.kill(redis, signal.SIGSTOP)
        try:
            for path in ("/health/ready", "/health/full"):
                began = time.monotonic()
                answer = httpx.get(url + path, timeout=30)
                assert answer.status_code == 503
                assert answer.json()["status"] == "unhealthy"
                assert time.monotonic() - began < 2.7
            assert httpx.get(f"{url}/health").status_code == 200, "a new start would cure nothing"
        finally:
            os.kill(redis, signal.SIGCONT)
        until = time.monotonic() + 30
        while httpx.get(f"{url}/health/ready").status_code != 200:
            assert time.monotonic() < until, "it did not recover"
            time.sleep(0.1)
