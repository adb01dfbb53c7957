"""`nova doctor`, and the errors of `nova mic` on a machine without a microphone."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backend.local.processes import free_port
from tests.testkit.system.command import NOVA, nova

OFFLINE = {"HF_ENDPOINT": "http://127.0.0.1:1"}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "GATEWAY_HOST", "GATEWAY_PORT", "GATEWAY_PAGE_DIR", "STT_MODEL"):
        monkeypatch.delenv(name, raising=False)


def diagnosis(*arguments: str, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit status, and the checks by name."""
    done = nova("doctor", "--json", *arguments, environment={**OFFLINE, **environment})
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)}


def test_a_machine_with_everything_essential_passes(redis_url: str) -> None:
    status, checks = diagnosis("--port", str(free_port()), REDIS_URL=redis_url, STT_MODEL="auto")
    assert status == 0
    assert all(checks[name]["ok"] for name in ("Python", "packages", "Redis", "port"))
    assert "ctranslate2 4" in checks["packages"]["found"]
    assert redis_url.removeprefix("redis://") in checks["Redis"]["found"]
    assert checks["server"]["ok"] is None


def test_problems_come_with_advice_and_only_essential_ones_fail(tmp_path: Path) -> None:
    status, checks = diagnosis("--port", str(free_port()), GATEWAY_PAGE_DIR=str(tmp_path))
    assert status == 0
    assert checks["model hub"]["ok"] is False
    assert "HF_ENDPOINT" in checks["model hub"]["advice"]
    assert checks["page"]["ok"] is None
    assert "make page" in checks["page"]["advice"]


def test_a_port_in_use_fails() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, checks = diagnosis("--port", str(taken.getsockname()[1]))
    assert status == 1
    assert checks["port"]["ok"] is False
    assert "--port" in checks["port"]["advice"]


def test_an_unreachable_redis_fails_without_printing_its_password() -> None:
    status, checks = diagnosis("--port", str(free_port()), REDIS_URL=f"redis://me:hunter2@127.0.0.1:{free_port()}/0")
    assert status == 1
    assert "REDIS_URL" in checks["Redis"]["advice"]
    assert "hunter2" not in json.dumps(checks)


def test_a_missing_model_fails(tmp_path: Path) -> None:
    status, checks = diagnosis("--port", str(free_port()), STT_MODEL=str(tmp_path / "none"))
    assert status == 1
    assert checks["speech model"]["ok"] is False


def test_the_report_has_a_marked_line_for_each_check() -> None:
    done = nova("doctor", "--port", str(free_port()), environment=OFFLINE)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("✓ Python ")
    assert any(line.startswith("✗ model hub ") for line in lines)
    assert any(line.startswith("– server ") for line in lines)


def test_without_sounddevice_the_command_names_the_extra() -> None:
    without = "import sys; sys.modules['sounddevice'] = None; "
    done = subprocess.run(
        [sys.executable, "-c", without + NOVA[-1], "mic"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert "pip install 'nova-voice[mic]'" in done.stderr


@pytest.mark.parametrize("command", ["transcribe", "mic", "doctor"])
def test_each_command_has_help(command: str) -> None:
    done = nova(command, "--help")
    assert done.returncode == 0
    assert f"nova {command}" in done.stdout or command in done.stdout.splitlines()[0]
