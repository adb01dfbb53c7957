"""Send invalid and hostile traffic to a gateway: `make fuzz`, or `python -m tests.chaos.fuzz --seconds 600`.

Hostile clients send fuzzed messages and audio, close connections at any point, and try to take over the sessions of
others, while honest clients speak to the same gateway. The report lists everything that contradicts the documentation.
`--only N` repeats the Nth hostile client.
"""

import asyncio
import itertools
import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import httpx
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import connect

from backend.load.driver import drive_session
from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.messages.protocol import Start
from tests.chaos.checks import Checks, differences
from tests.chaos.clients.hostile_clients import HostileClients, Report
from tests.chaos.clients.message_fuzzer import encodings
from tests.testkit import cli
from tests.testkit.audio.reference import segment
from tests.testkit.audio.voices import voices
from tests.testkit.session import ClientLedger, read_session_log
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan
from tests.testkit.system.processes import open_files, resident_mb

HOSTILE, HONEST = 12, 3  # concurrent clients
SPEECH_S = 8.0  # length of an honest session
MAX_HEALTH_S = 2.0  # /health must answer within this time
MAX_CLEANUP_S = 20.0  # after the clients have gone, the gateway must close all sessions within this time
# The allocator keeps the holes that large frames leave. After a few minutes memory no longer grows.
MAX_GROWTH_MB = 500.0
SETTINGS = {**NO_LOAD_LIMIT, "GATEWAY_STOP_WAIT_S": "8"}
# uvloop raises this when uvicorn answers an HTTP request after the client closed the connection. It is harmless.
HARMLESS = "unable to perform operation on <TCPTransport closed=True"


async def fuzz(seconds: float, seed: int, logs: Path, progress: cli.Progress, only: int | None = None) -> Report:
    """Start a system, run hostile and honest clients against it, and check both. `only`: one client's number."""
    report = Report(seed)
    speech = voices(HONEST, SPEECH_S, seed=seed)
    async with running(system_plan(logs, translation_workers=1, environment=SETTINGS), progress) as system:
        url = system.urls[0]
        hostile = HostileClients(url, encodings(speech[0]), report)
        await _speak(system, speech[0], report)  # load everything before the first measurement
        watcher = ProcessWatcher(system)
        watcher.measure(report)
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            health = tasks.create_task(_poll_health(url, report))
            async with asyncio.TaskGroup() as clients:
                clients.create_task(_hold_session(url, hostile, report, until))
                for pcm in speech:
                    clients.create_task(_speak_repeatedly(system, pcm, report, until))
                numbers = itertools.count() if only is None else itertools.repeat(only)
                for _ in range(HOSTILE if only is None else 1):
                    clients.create_task(_attack_repeatedly(hostile, numbers, until))
            health.cancel()
        report.wrong += [*await _open_connections(url), *watcher.problems()]
        watcher.measure(report)
    if report.memory_mb[-1] - report.memory_mb[0] > MAX_GROWTH_MB:
        report.wrong.append(f"the gateway grew from {report.memory_mb[0]:.0f} to {report.memory_mb[-1]:.0f} MB")
    return report


async def _attack_repeatedly(hostile: HostileClients, numbers: Iterator[int], until: float) -> None:
    while time.monotonic() < until:
        await hostile.attack(next(numbers))


async def _speak_repeatedly(system: System, pcm: NDArray[np.int16], report: Report, until: float) -> None:
    while time.monotonic() < until:
        await _speak(system, pcm, report)


async def _speak(system: System, pcm: NDArray[np.int16], report: Report) -> None:
    """An honest session. Everything but its own complete text in order is a problem."""
    ledger = ClientLedger.for_audio(pcm)
    await drive_session(stream_url(system.urls[0]), Start(language="en"), ledger)
    ledger.logged = await read_session_log(system.redis_url, ledger.session, 1)
    expected = await asyncio.to_thread(segment, ledger.pcm)
    report.finals += len(ledger.finals)
    report.wrong += [f"honest client: {difference}" for difference in differences(ledger, expected, Checks())]
    if len(ledger.finals) != len(expected.utterances):
        report.wrong.append(f"honest client: {len(ledger.finals)} finals for {len(expected.utterances)} utterances")


async def _hold_session(url: str, hostile: HostileClients, report: Report, until: float) -> None:
    """Keep a session open for hostile clients to try and take over."""
    async with connect(stream_url(url)) as socket:
        await socket.send('{"type":"start"}')
        hostile.victims.append(json.loads(await socket.recv())["session"])
        while time.monotonic() < until:
            await asyncio.sleep(0.5)
            await socket.send('{"type":"keepalive"}')
        await socket.send('{"type":"stop"}')
        received = [json.loads(event)["type"] async for event in socket]
        if [kind for kind in received if kind != "notice"] != ["done"]:
            report.wrong.append(f"the victim received {received}")


async def _poll_health(url: str, report: Report) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        while True:
            began = time.monotonic()
            status = (await http.get(f"{url}/health")).status_code
            took_s = time.monotonic() - began
            if status != 200 or took_s > MAX_HEALTH_S:
                report.wrong.append(f"/health: {status} after {took_s:.1f} s")
            await asyncio.sleep(0.5)


async def _open_connections(url: str) -> list[str]:
    """A problem if connections are still open a while after all clients have gone."""
    async with httpx.AsyncClient(timeout=30) as http:
        for _ in range(round(MAX_CLEANUP_S / 0.5)):
            metrics = (await http.get(f"{url}/metrics")).text
            (left,) = re.findall(r"^gateway_active_connections (\S+)", metrics, re.MULTILINE)
            if float(left) == 0:
                return []
            await asyncio.sleep(0.5)
    return [f"{left} connections are still open"]


class ProcessWatcher:
    """Notices when processes of a system exit or log errors."""

    def __init__(self, system: System) -> None:
        self._services = [service for service in system.services if service.name != "redis"]
        self._processes = [service.process for service in self._services]
        self._log_sizes = [service.log.stat().st_size for service in self._services]
        self._gateway = system.processes["gateway-1"]

    def measure(self, report: Report) -> None:
        """Add the gateway's memory and open files to the report."""
        report.memory_mb.append(resident_mb(self._gateway))
        report.open_files.append(open_files(self._gateway))

    def problems(self) -> list[str]:
        """Processes that have exited, and errors in logs since the start."""
        found = []
        for service, process, size in zip(self._services, self._processes, self._log_sizes, strict=True):
            if service.process is not process or process is None or process.returncode is not None:
                found.append(f"{service.name} has exited")
            lines = service.log.read_bytes()[size:].decode(errors="replace").splitlines()
            found += [f"{service.name} logged: {error[-2_000:]}" for error in list(_errors(lines))[:5]]
        return found


def _errors(lines: Sequence[str]) -> Iterator[str]:
    """Errors in a log. The services write JSON lines; a library's exception covers several other lines."""
    for is_json, some in itertools.groupby(lines, lambda line: line.startswith("{")):
        if is_json:
            yield from (line for line in some if '"level": "error"' in line or '"level": "critical"' in line)
        elif "Traceback" in (text := "\n".join(some)) and HARMLESS not in text:
            yield text


def describe(report: Report) -> str:
    """The report as text."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.connections.items()))
    refusals = ", ".join(f"{code} {count}" for code, count in report.refusals.most_common())
    before, after = report.memory_mb
    lines = [
        f"hostile clients  {report.connections.total()}: {kinds}; seed {report.seed}",
        f"refusals         {refusals}",
        f"finals           {report.finals} of honest clients, {report.hostile_finals} of hostile ones",
        f"gateway          {before:.0f} to {after:.0f} MB, {report.open_files[0]} to {report.open_files[1]} open files",
    ]
    return cli.with_problems(lines, report.wrong)


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long to send traffic.")
@cli.seed_option
@click.option("--only", type=int, help="Repeat only the hostile client with this number.")
@cli.json_option
@cli.logs_option("fuzz")
def main(seconds: float, seed: int, only: int | None, json_file: Path | None, logs: Path) -> None:
    """Send hostile traffic to a gateway. Exits with 1 if anything contradicts the documentation."""
    report = asyncio.run(fuzz(seconds, seed, logs, cli.progress(), only))
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
