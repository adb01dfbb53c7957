"""The servers of other systems, as processes of .venv-peers."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from backend.errors import SetupError
from backend.load.usage import PROC, usage
from backend.local.processes import die_with_parent, free_port, wait_for
from tests.bench.peers.dialects import Dialect, RealtimeSttDialect, WhisperLiveDialect
from tests.paths import ROOT

ENVIRONMENT = ROOT / ".venv-peers"
INSTALL = "make peers"
# Time to import PyTorch and to load models, and to end.
START_S, END_S = 180.0, 10.0
LOG_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Peer:
    """Another system. `command` returns the arguments of Python for a port, a model and a number of sessions."""

    name: str
    # The folder that its package installs.
    package: str
    dialect: Dialect
    command: Callable[[int, Path, int], list[str]]


def _whisper_live(port: int, model: Path, sessions: int) -> list[str]:
    return [str(Path(__file__).with_name("whisper_live_server.py")), str(port), str(model), str(sessions)]


def _realtime_stt(port: int, model: Path, sessions: int) -> list[str]:
    options = {
        "host": "127.0.0.1",
        "port": port,
        "device": "cpu",
        "compute-type": "int8",
        "language": "en",
        "model": model,
        "realtime-model": model,
        "max-sessions": sessions,
        "max-active-speakers": sessions,
    }
    arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    return ["-m", "example_fastapi_server.server", *arguments]


PEERS = (
    Peer("RealtimeSTT", "RealtimeSTT", RealtimeSttDialect(), _realtime_stt),
    Peer("WhisperLive", "whisper_live", WhisperLiveDialect(), _whisper_live),
)


def is_installed(peer: Peer, environment: Path = ENVIRONMENT) -> bool:
    """Whether an environment contains the system's package."""
    return any(environment.glob(f"lib/python*/site-packages/{peer.package}"))


@dataclass(frozen=True, slots=True)
class PeerServer:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu_s(self) -> float:
        """CPU time of all its processes until now."""
        return sum(used.cpu_s for used in usage(_processes(self.process.pid)).values())


@asynccontextmanager
async def serving(peer: Peer, model: Path, sessions: int, folder: Path) -> AsyncIterator[PeerServer]:
    """Run a system's server. Raises SetupError with the end of its log if it does not start."""
    server, log = PeerServer(*_start(peer, model, sessions, folder)), folder / f"{peer.package}.log"

    async def listens() -> bool:
        return server.process.poll() is not None or _accepts(server.port)

    try:
        await wait_for(listens, f"{peer.name} does not listen", START_S, every_s=0.2)
        if server.process.poll() is not None:
            raise SetupError(f"{peer.name} ended. The end of its log:\n{log.read_text(errors='replace')[-LOG_TAIL:]}")
        yield server
    finally:
        _end(server.process)


def _start(peer: Peer, model: Path, sessions: int, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    command = [str(ENVIRONMENT / "bin" / "python"), *peer.command(port, model, sessions)]
    with (folder / f"{peer.package}.log").open("wb") as log:
        # A session of its own, by which its processes are found and ended.
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
    return process, port


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Both systems take the number of threads of a decoding from here. Neither may ask a hub for models."""
    cores = str(os.cpu_count() or 1)
    kept = {name: value for name, value in ours.items() if name != "PYTHONPATH"}
    return {**kept, "OMP_NUM_THREADS": cores, "HF_HUB_OFFLINE": "1"}


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _processes(session: int) -> dict[str, int]:
    """The processes of a session of the operating system."""
    found = {}
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(folder.name)) == session:
                found[folder.name] = int(folder.name)
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and its processes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
