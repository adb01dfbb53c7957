"""Temporary folders of running commands. Folders of killed commands are removed by the next command.

The owner of a folder holds a lock on a file in it. The kernel releases the lock when the owner ends, however it ends.
"""

import contextlib
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "nova-"
# Set for the processes that belong to a folder, so that they can be found after their owner was killed.
ENVIRONMENT_NAME = "NOVA_RUNTIME_FOLDER"
_LOCK_NAME = "owner.lock"
# Time for the processes of a killed command to end after SIGTERM.
_TERMINATE_S = 3.0


@contextlib.contextmanager
def runtime_folder() -> Iterator[Path]:
    """Create a folder that only this user can read, and remove it at the end of the block."""
    remove_abandoned_folders()
    folder, lock = _create()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def remove_abandoned_folders() -> None:
    """Remove the folders of this user whose owners have ended, and end the processes that belong to them."""
    for folder in _own_folders():
        with contextlib.suppress(OSError):
            lock = _try_lock(folder)
            if lock is None:
                continue
            try:
                _end_processes(folder)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def folders_in_use() -> list[Path]:
    """The folders of this user whose owners are running."""
    return [folder for folder in _own_folders() if _is_locked(folder)]


def _create() -> tuple[Path, int | None]:
    if sys.platform == "win32":
        return Path(tempfile.mkdtemp(prefix=PREFIX)), None
    # The folder gets its final name when it is locked. Until then the name keeps others from removing it.
    folder = Path(tempfile.mkdtemp(prefix=f".{PREFIX}"))
    (folder / _LOCK_NAME).touch(mode=0o600)
    lock = _try_lock(folder)
    return folder.rename(folder.with_name(folder.name[1:])), lock


def _own_folders() -> list[Path]:
    if sys.platform == "win32":
        return []
    try:
        parent = Path(tempfile.gettempdir())
    except FileNotFoundError:  # a container with a read-only file system
        return []
    return [folder for folder in parent.glob(f"{PREFIX}*") if _is_own(folder)]


def _is_own(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and (folder / _LOCK_NAME).is_file()


def _try_lock(folder: Path, *, shared: bool = False) -> int | None:
    """Lock a folder and return the descriptor that holds the lock, or None if another process holds it."""
    import fcntl

    descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _is_locked(folder: Path) -> bool:
    # A shared lock, because two commands that check at the same time must not take each other for the owner.
    try:
        lock = _try_lock(folder, shared=True)
    except OSError:
        return False
    if lock is not None:
        os.close(lock)
    return lock is None


def _end_processes(folder: Path) -> None:
    """End the processes that a killed owner left running, first with SIGTERM (Linux)."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in _processes_of(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        until = time.monotonic() + _TERMINATE_S
        while _processes_of(folder) and time.monotonic() < until:
            time.sleep(0.05)


def _processes_of(folder: Path) -> list[int]:
    found = [process for process in Path("/proc").glob("[0-9]*") if _belongs_to(process, folder)]
    return [int(process.name) for process in found if process.name != str(os.getpid())]


def _belongs_to(process: Path, folder: Path) -> bool:
    marker = f"{ENVIRONMENT_NAME}={folder}".encode()
    with contextlib.suppress(OSError):
        if marker in (process / "environ").read_bytes().split(b"\0"):
            return True
        # Redis overwrites its environment with its title, but works in the folder. So may a shell, which must stay.
        is_redis = (process / "comm").read_text().strip() in ("valkey-server", "redis-server")
        return is_redis and (process / "cwd").readlink() == folder
    return False
