import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.local.runtime_folder import PREFIX, folders_in_use, remove_abandoned_folders, runtime_folder

pytestmark = pytest.mark.usefixtures("temporary_folder")

OWNER = """
import subprocess, sys, time
from backend.local.runtime_folder import ENVIRONMENT_NAME, runtime_folder
with runtime_folder() as folder:
    child = subprocess.Popen(["sleep", "60"], env={ENVIRONMENT_NAME: str(folder)}, start_new_session=True)
    # The environment of a process can be read only a moment after it was started.
    while not open(f"/proc/{child.pid}/environ").read():
        time.sleep(0.01)
    print(folder, child.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def owner() -> Iterator[tuple[subprocess.Popen[str], Path, int]]:
    """Another process, its folder, and the id of a process that belongs to it."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        folder, pid = process.stdout.readline().split()
        yield process, Path(folder), int(pid)
        process.kill()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_folder_is_private_and_removed_at_the_end(temporary_folder: Path) -> None:
    with runtime_folder() as folder:
        (folder / "file").touch()
        assert folder.parent == temporary_folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folders_in_use() == [folder]
        remove_abandoned_folders()
        assert (folder / "file").exists()
    assert list(temporary_folder.iterdir()) == []


def test_a_running_command_keeps_its_folder(owner: tuple[subprocess.Popen[str], Path, int]) -> None:
    _, folder, pid = owner
    with runtime_folder() as own:
        assert set(folders_in_use()) == {folder, own}
    assert folder.is_dir()
    assert is_running(pid)


def test_what_a_killed_command_left_is_removed(owner: tuple[subprocess.Popen[str], Path, int]) -> None:
    process, folder, pid = owner
    process.kill()
    process.wait()
    assert folder.is_dir()
    assert is_running(pid)
    assert folders_in_use() == []
    remove_abandoned_folders()
    assert not folder.exists()
    assert not is_running(pid)


def test_folders_of_other_programs_and_users_stay(temporary_folder: Path) -> None:
    others = temporary_folder / f"{PREFIX}other"
    others.mkdir()
    (temporary_folder / f"{PREFIX}file").touch()
    link = temporary_folder / f"{PREFIX}link"
    link.symlink_to(others)
    if os.geteuid() == 0:
        foreign = temporary_folder / f"{PREFIX}foreign"
        foreign.mkdir()
        (foreign / "owner.lock").touch()
        os.chown(foreign, 12_345, 12_345)
    before = set(temporary_folder.rglob("*"))
    remove_abandoned_folders()
    assert set(temporary_folder.rglob("*")) == before


def test_a_command_that_checks_a_folder_is_not_taken_for_its_owner(
    owner: tuple[subprocess.Popen[str], Path, int],
) -> None:
    process, folder, pid = owner
    process.kill()
    process.wait()
    with (folder / "owner.lock").open() as checking:
        fcntl.flock(checking, fcntl.LOCK_SH)
        assert folders_in_use() == []
    os.kill(pid, signal.SIGKILL)


def test_without_a_temporary_directory_no_folder_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", fail)
    assert folders_in_use() == []
