"""Why a service did not start, in one sentence where its log has one; and the end of a service."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from backend.local import processes
from backend.local.processes import Service


def service(log: Path, *lines: object) -> Service:
    log.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return Service("stt_worker-1", (), {}, log)


def test_the_reason_that_a_service_logged_is_the_failure(tmp_path: Path) -> None:
    reason = {"level": "critical", "reason": "no model", "message": "stt_worker_not_started"}
    found = service(tmp_path / "log", {"level": "info", "reason": "other"}, reason, "text", {"level": "info"})
    assert found.failure() == "stt_worker-1 does not start: no model"


def test_without_a_reason_the_end_of_the_log_is_shown(tmp_path: Path) -> None:
    found = service(tmp_path / "log", "Traceback", "[]", "KeyError: 'x'")
    assert found.failure() == "stt_worker-1 does not start. The end of its log:\nTraceback\n[]\nKeyError: 'x'"


async def test_the_reason_of_an_earlier_run_is_not_the_failure(tmp_path: Path) -> None:
    """The log is appended to, so `nova up --logs` finds the lines of earlier runs."""
    log = tmp_path / "log"
    log.write_text(json.dumps({"level": "critical", "reason": "an old one"}) + "\n")
    failing = Service("gateway-1", (sys.executable, "-c", "print('KeyError: 5'); exit(1)"), {}, log)
    await (await failing._spawn()).wait()
    assert failing.failure() == "gateway-1 does not start. The end of its log:\nKeyError: 5"
    assert "an old one" in log.read_text()


class JustEnded:
    """A process that ends between the end of the time to drain and the signal: asyncio then refuses to send it."""

    returncode: int | None = None

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._ended = asyncio.Event()

    def terminate(self) -> None:
        pass

    def kill(self) -> None:
        self.refused.append("kill")
        self._ended.set()
        raise ProcessLookupError

    async def wait(self) -> int:
        await self._ended.wait()
        return 0


async def test_a_process_that_ends_just_before_it_is_killed_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "DRAIN_S", 0.01)
    process: Any = JustEnded()
    stopped = Service("gateway-1", (), {}, tmp_path / "log", process=process)
    async with asyncio.timeout(10):
        await stopped.stop()
    assert process.refused == ["kill"]
