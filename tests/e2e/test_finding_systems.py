"""The commands find the system that `nova up` runs on another port than the default, and no system that has ended."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.local.processes import free_port
from tests.testkit.audio.media_files import encode, noise
from tests.testkit.system.command import nova, nova_up

Nova = Callable[..., subprocess.CompletedProcess[str]]
SMALL = ("--translation-workers", "0")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which no other system of this user is found."""
    for name in ("NOVA_SERVER", "NOVA_KEY", "REDIS_URL", "GATEWAY_HOST", "GATEWAY_PORT"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "tmp"
    folder.mkdir()
    return {"TMPDIR": str(folder), "STT_MODEL": "null"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Nova:
    """Run a command in this environment."""
    return lambda *arguments: nova(*arguments, environment=environment)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return encode(tmp_path / "talk.wav", noise(1))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_all_commands_find_the_running_system_and_none_that_has_ended(
    environment: dict[str, str], run: Nova, talk: Path, end: signal.Signals
) -> None:
    # A port that is not the default one, given as to `make run`.
    port = free_port()
    with nova_up(*SMALL, **environment, GATEWAY_PORT=str(port)) as (process, url):
        place = f"{url} (nova up, process {process.pid})"
        assert url == f"http://127.0.0.1:{port}"
        status = run("status")
        assert (status.returncode, status.stderr) == (1, f"  using {place}\n"), "there is no translation worker"
        assert "no translation worker" in status.stdout
        transcript = run("transcribe", talk)
        assert (transcript.returncode, transcript.stderr.splitlines()[0]) == (0, f"  using {place}")
        assert "private" not in transcript.stderr
        letters = run("dead", "list")
        assert (letters.returncode, letters.stdout) == (0, "No dead letters.\n")
        assert letters.stderr.endswith(f" of {place}\n")
        assert run("keys", "create", "--name", "ada").stdout.startswith("nova_")
        assert "ada" in run("keys", "list").stdout
        assert nova("up", environment={**environment, "GATEWAY_PORT": str(port)}).stderr == (
            f"nova: Nova Voice is already running: {place}. "
            "To start another one, choose its port with --port or GATEWAY_PORT\n"
        )
        process.send_signal(end)
        process.wait(30)
        assert (process.returncode == 0) == (end is signal.SIGINT)
        for command in (("status",), ("dead", "list"), ("keys", "create", "--name", "ada")):
            done = run(*command)
            assert done.returncode == 2
            assert "no `nova up` of this user is running" in done.stderr
            assert str(port) not in done.stdout + done.stderr
        assert "starting a private one" in run("transcribe", talk).stderr


def test_with_two_systems_the_commands_ask_which_one(environment: dict[str, str], run: Nova) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(nova_up("--port", "0", *SMALL, **environment))[1] for _ in range(2))
        for command in (("status",), ("dead", "list"), ("keys", "list")):
            done = run(*command)
            assert (done.returncode, done.stdout) == (2, "")
            assert first in done.stderr
            assert second in done.stderr
            assert "Choose one with --server" in done.stderr
        assert run("keys", "create", "--name", "ada", "--server", first).returncode == 0
        assert "ada" in run("keys", "list", "--server", first).stdout
        assert "No keys." in run("keys", "list", "--server", second).stdout
        assert run("status", "--server", second).returncode == 1


def test_status_has_the_key_of_a_system_that_requires_one(environment: dict[str, str], run: Nova) -> None:
    port = free_port()
    with nova_up("--host", "0.0.0.0", "--port", str(port), *SMALL, **environment):
        assert run("status").returncode == 1
        assert run("keys", "list").returncode == 0
        assert f"http://127.0.0.1:{port}: degraded" in run("doctor").stdout
        # Another user has no access to the run file.
        refused = nova("status", "--server", f"http://127.0.0.1:{port}", environment={"TMPDIR": os.devnull})
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == (
            f"nova: http://127.0.0.1:{port}/health/full: an API key is required: "
            "use --key or NOVA_KEY, with a key that has the scope read\n"
        )
