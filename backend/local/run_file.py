"""The run file of `nova up`, from which the other commands of this user learn its addresses.

It is in the runtime folder of the command. A file is ignored unless the owner of its folder holds the lock and the
process that wrote it is still running, so that the file of a killed command misleads no other one.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.local.runtime_folder import folders_in_use
from backend.local.system import System
from backend.service.settings import ServiceSettings

NAME = "run.json"


class RunFile(BaseModel):
    """A system that `nova up` runs: the URL of each gateway ("http://127.0.0.1:8080"), Redis, and the process.

    `key` is an API key for it, or "". `tls_cert` is the file with its certificate, or "". `started` tells its
    process from a later one with the same id.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    urls: tuple[str, ...] = Field(min_length=1)
    redis_url: str = Field(repr=False)
    shards: int = 1
    key: str = Field(default="", repr=False)
    tls_cert: str = ""
    pid: int
    started: str

    def __str__(self) -> str:
        """Its first address and its process."""
        return f"{self.urls[0]} (nova up, process {self.pid})"


@contextlib.contextmanager
def announced(system: System) -> Iterator[None]:
    """Let the other commands of this user find a system until the end of the block."""
    pid = os.getpid()
    content = RunFile(
        urls=system.urls,
        redis_url=system.redis_url,
        shards=ServiceSettings().shards,
        key=system.key,
        tls_cert=system.tls_cert,
        pid=pid,
        started=_start_time(pid),
    )
    path = system.folder / NAME
    _write_private(path, content.model_dump_json().encode())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_systems() -> list[RunFile]:
    """The systems that `nova up` runs for this user, in the order of their addresses."""
    found = (_read(folder / NAME) for folder in folders_in_use())
    return sorted((each for each in found if each), key=lambda each: each.urls)


def _read(path: Path) -> RunFile | None:
    """The content of a run file, or None if there is none, it is invalid, or its process has ended."""
    try:
        found = RunFile.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return found if _start_time(found.pid) == found.started else None


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only this user can read, so that it exists either completely or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _start_time(pid: int) -> str:
    """The start of a process in clock ticks since boot (proc_pid_stat(5)); "ended" if there is none.

    Also "" for all processes of other systems than Linux, where only the lock tells whether the command is running.
    """
    if sys.platform != "linux":
        return ""
    try:
        # The name of the program, in parentheses, may contain spaces and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "ended"
    return fields[19]
