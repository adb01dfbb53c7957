"""The run file is private, disappears at the end, and is ignored when its owner has ended."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.local.run_file import NAME, RunFile, announced, running_systems
from backend.local.runtime_folder import runtime_folder
from backend.local.system import System

pytestmark = pytest.mark.usefixtures("temporary_folder")

URL = "http://127.0.0.1:18400"
REDIS = "redis://:hunter2@127.0.0.1:40000/0"
# Another process that announces a system until it is killed.
OWNER = f"""
import sys, time
from backend.local.run_file import announced
from backend.local.runtime_folder import runtime_folder
from backend.local.system import System
with runtime_folder() as folder, announced(System(("{URL}",), "{REDIS}", (), folder, "secret")):
    print(folder, flush=True)
    time.sleep(60)
"""

LOCK_HOLDER = """
import fcntl, sys, time
lock = open(sys.argv[1])
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(60)
"""


@pytest.fixture
def owner() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that announces a system, and its folder."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def system(folder: Path) -> System:
    return System((URL,), REDIS, (), folder, "secret")


def test_a_system_is_found_until_it_ends() -> None:
    with runtime_folder() as folder:
        with announced(system(folder)):
            (found,) = running_systems()
            assert (found.urls, found.redis_url, found.key, found.pid) == ((URL,), REDIS, "secret", os.getpid())
        assert running_systems() == [], "while it stops, no command should use it"


def test_the_system_of_another_process_is_found(owner: tuple[subprocess.Popen[str], Path]) -> None:
    process, _ = owner
    (found,) = running_systems()
    assert (found.pid, str(found)) == (process.pid, f"{URL} (nova up, process {process.pid})")


def test_only_this_user_can_read_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0)
    try:
        with runtime_folder() as folder, announced(system(folder)):
            assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
            assert sorted(path.name for path in folder.iterdir()) == ["owner.lock", NAME], "no partial file is left"
    finally:
        os.umask(before)


def test_secrets_are_not_in_the_representation() -> None:
    shown = repr(RunFile(urls=(URL,), redis_url=REDIS, key="secret", pid=1, started="2"))
    assert "hunter2" not in shown
    assert "secret" not in shown


def test_the_file_of_a_killed_process_is_ignored(owner: tuple[subprocess.Popen[str], Path]) -> None:
    process, folder = owner
    process.kill()
    process.wait()
    assert (folder / NAME).exists()
    assert running_systems() == []


def test_a_later_process_with_the_same_id_is_not_taken_for_the_system(
    owner: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = owner
    process.kill()
    process.wait()
    path = folder / NAME
    # This process has the id now, and holds the lock as the next command does while it cleans up.
    path.write_text(json.dumps({**json.loads(path.read_text()), "pid": os.getpid()}))
    command = [sys.executable, "-c", LOCK_HOLDER, str(folder / "owner.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holding:
        assert holding.stdout
        holding.stdout.readline()
        assert running_systems() == []
        holding.kill()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"urls": []}', '{"urls": ["http://x"], "pid": "x"}'])
def test_an_invalid_file_is_ignored(content: str) -> None:
    with runtime_folder() as folder:
        (folder / NAME).write_text(content)
        assert running_systems() == []
