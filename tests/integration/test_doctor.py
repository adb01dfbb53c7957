"""`nova doctor` and what `nova mic` says of a machine that lacks something; each in a process of its own."""

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


def diagnosis(*arguments: str, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit status, and the checks by name."""
    done = nova("doctor", "--json", *arguments, environment={**OFFLINE, **environment})
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)}


def test_a_machine_that_has_what_is_essential_passes(redis_url: str) -> None:
    status, checks = diagnosis("--port", str(free_port()), REDIS_URL=redis_url, STT_MODEL="auto")
    assert status == 0
    assert all(checks[name]["ok"] for name in ("Python", "packages", "Redis", "port"))
    assert "ctranslate2 4" in checks["packages"]["found"]
    assert redis_url.removeprefix("redis://") in checks["Redis"]["found"]
    assert checks["server"]["ok"] is None


def test_what_is_amiss_comes_with_advice_but_only_the_essential_fails(tmp_path: Path) -> None:
    status, checks = diagnosis("--port", str(free_port()), GATEWAY_PAGE_DIR=str(tmp_path))
    assert status == 0
    assert checks["model hub"]["ok"] is False
    assert "HF_ENDPOINT" in checks["model hub"]["advice"]
    assert checks["page"]["ok"] is None
    assert "make page" in checks["page"]["advice"]


def test_a_port_in_other_hands_is_said_and_fails() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, checks = diagnosis("--port", str(taken.getsockname()[1]))
    assert status == 1
    assert checks["port"]["ok"] is False
    assert "--port" in checks["port"]["advice"]


def test_a_redis_that_does_not_answer_fails_and_its_password_stays_secret() -> None:
    status, checks = diagnosis("--port", str(free_port()), REDIS_URL=f"redis://me:hunter2@127.0.0.1:{free_port()}/0")
    assert status == 1
    assert "REDIS_URL" in checks["Redis"]["advice"]
    assert "hunter2" not in json.dumps(checks)


def test_a_model_that_is_not_here_fails(tmp_path: Path) -> None:
    status, checks = diagnosis("--port", str(free_port()), STT_MODEL=str(tmp_path / "none"))
    assert status == 1
    assert checks["speech model"]["ok"] is False


def test_people_get_a_line_for_each_check_with_its_mark() -> None:
    done = nova("doctor", "--port", str(free_port()), environment=OFFLINE)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("✓ Python ")
    assert any(line.startswith("✗ model hub ") for line in lines)
    assert any(line.startswith("– server ") for line in lines)


def test_without_the_package_for_microphones_the_command_says_what_to_install() -> None:
    without = "import sys; sys.modules['sounddevice'] = None; "
    done = subprocess.run(
        [sys.executable, "-c", without + NOVA[-1], "mic"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert "pip install 'nova-voice[mic]'" in done.stderr


@pytest.mark.parametrize("command", ["transcribe", "mic", "doctor"])
def test_each_command_explains_itself(command: str) -> None:
    done = nova(command, "--help")
    assert done.returncode == 0
    assert f"nova {command}" in done.stdout or command in done.stdout.splitlines()[0]
