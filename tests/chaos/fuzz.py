"""Bad clients, many at once, for as long as one likes: `python -m tests.chaos.fuzz --seconds 600`, or `make fuzz`.

They send what `garbage` makes, break off anywhere, and try to get at other people's sessions, while honest clients
speak to the same gateway. Whatever is not as promised stands in the report; `--only N` repeats the Nth bad client.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import httpx
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import connect

from backend.local.system import System, running
from backend.messages.protocol import Start
from gateway.session.segmenter import Rules
from tests.chaos.clients.hostile_clients import Attackers, Report
from tests.chaos.clients.message_fuzzer import sounds
from tests.chaos.ledger import differences, reference
from tests.chaos.speakers import converse, logged, voices
from tests.testkit.session import stream_url
from tests.testkit.system.plans import HOSPITABLE, null_plan
from tests.testkit.system.processes import open_files, resident_mb

AT_ONCE = 12
"""Bad clients."""
HONEST = 3
SPEECH_S = 8.0
"""How long an honest client speaks before it begins anew."""
WELL_WITHIN_S = 2.0
"""In which /health answers, whatever goes on."""
GONE_WITHIN_S = 20.0
"""In which the gateway has forgotten every session, when all clients have gone."""
GROWTH_MB = 500.0
"""What the gateway's memory may grow by. Large frames leave holes that the allocator keeps: after some minutes there
are enough of them, and it grows no more."""
ROOM = {**HOSPITABLE, "GATEWAY_STOP_WAIT_S": "8"}
"""Nobody is turned away: here it is not the load that matters."""

CLOSED_ALREADY = "unable to perform operation on <TCPTransport closed=True"
"""What uvloop says when uvicorn answers an HTTP request whose sender has gone: it harms nobody."""

Tell = Callable[[str], None]


async def fuzz(seconds: float, seed: int, logs: Path, tell: Tell, only: int | None = None) -> Report:
    """Raise a system, let bad clients at it, and see what becomes of it and of the honest ones. Logs stay there."""
    report = Report(seed)
    speech = voices(HONEST, SPEECH_S, "en", seed)
    async with running(null_plan(logs, translation_workers=1, environment=ROOM), tell) as system:
        url = system.urls[0]
        attackers = Attackers(url, sounds(speech[0]), report)
        await _speak(system, speech[0], report)  # so that everything is loaded
        watched = Watched(system)
        report.memory_mb.append(watched.memory_mb)
        report.open_files.append(watched.open_files)
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            health = tasks.create_task(_stay_well(url, report))
            async with asyncio.TaskGroup() as clients:
                clients.create_task(_be_a_victim(url, attackers, report, until))
                for voice in speech:
                    clients.create_task(_speak_on(system, voice, report, until))
                numbers = itertools.count() if only is None else itertools.repeat(only)
                for _ in range(AT_ONCE if only is None else 1):
                    clients.create_task(_attack(attackers, numbers, until))
            health.cancel()
        report.wrong += [*await _all_gone(url), *watched.complaints()]
        report.memory_mb.append(watched.memory_mb)
        report.open_files.append(watched.open_files)
    if report.memory_mb[-1] - report.memory_mb[0] > GROWTH_MB:
        report.wrong.append(f"the gateway has grown from {report.memory_mb[0]:.0f} to {report.memory_mb[-1]:.0f} MB")
    return report


async def _attack(attackers: Attackers, numbers: Iterator[int], until: float) -> None:
    while time.monotonic() < until:
        await attackers.attack(next(numbers))


async def _speak_on(system: System, voice: NDArray[np.int16], report: Report, until: float) -> None:
    while time.monotonic() < until:
        await _speak(system, voice, report)


async def _speak(system: System, voice: NDArray[np.int16], report: Report) -> None:
    """An honest client: whatever is not its own words, whole and in order, is reported."""
    account = await converse([stream_url(system.urls[0])], voice, Start(language="en"))
    account.logged = await logged(system.redis_url, account, 1)
    heard = await asyncio.to_thread(reference, voice, Rules(pause_ms=200), Start().endpoint_ms)
    report.finals += len(account.finals)
    report.wrong += [f"honest client: {what}" for what in differences(account, heard, checksums=True, translated=False)]
    if len(account.finals) != len(heard.utterances):
        report.wrong.append(f"honest client: {len(account.finals)} finals of {len(heard.utterances)} utterances")


async def _be_a_victim(url: str, attackers: Attackers, report: Report, until: float) -> None:
    """A session that is there all the time, for others to try and take it over."""
    async with connect(stream_url(url)) as socket:
        await socket.send('{"type":"start"}')
        attackers.honest.append(json.loads(await socket.recv())["session"])
        while time.monotonic() < until:
            await asyncio.sleep(0.5)
            await socket.send('{"type":"keepalive"}')
        await socket.send('{"type":"stop"}')
        said = [json.loads(event)["type"] async for event in socket]
        if [kind for kind in said if kind != "notice"] != ["done"]:
            report.wrong.append(f"the victim heard {said}")


async def _stay_well(url: str, report: Report) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        while True:
            began = time.monotonic()
            status = (await http.get(f"{url}/health")).status_code
            took_s = time.monotonic() - began
            if status != 200 or took_s > WELL_WITHIN_S:
                report.wrong.append(f"/health: {status} after {took_s:.1f} s")
            await asyncio.sleep(0.5)


async def _all_gone(url: str) -> list[str]:
    """What is left of the clients once all have gone."""
    async with httpx.AsyncClient(timeout=30) as http:
        for _ in range(round(GONE_WITHIN_S / 0.5)):
            metrics = (await http.get(f"{url}/metrics")).text
            (left,) = re.findall(r"^gateway_active_connections (\S+)", metrics, re.MULTILINE)
            if float(left) == 0:
                return []
            await asyncio.sleep(0.5)
    return [f"{left} connections are still open"]


class Watched:
    """A system's processes: whether they are the same ones still, and what they say."""

    def __init__(self, system: System) -> None:
        self._services = [service for service in system.services if service.name != "redis"]
        self._processes = [service.process for service in self._services]
        self._said = [service.log.stat().st_size for service in self._services]
        self._gateway = system.processes["gateway-1"]

    @property
    def memory_mb(self) -> float:
        """Of the gateway, resident."""
        return resident_mb(self._gateway)

    @property
    def open_files(self) -> int:
        """Of the gateway."""
        return open_files(self._gateway)

    def complaints(self) -> list[str]:
        """Processes that have ended, and failures that nobody provided for."""
        found = []
        for service, process, said in zip(self._services, self._processes, self._said, strict=True):
            if service.process is not process or process is None or process.returncode is not None:
                found.append(f"{service.name} has ended")
            lines = service.log.read_bytes()[said:].decode(errors="replace").splitlines()
            found += [f"{service.name} says: {failure[-2_000:]}" for failure in list(_failures(lines))[:5]]
        return found


def _failures(lines: Sequence[str]) -> Iterator[str]:
    """Errors in a log. Ours are lines of JSON; a library's exception goes over several lines that are none."""
    for ours, some in itertools.groupby(lines, lambda line: line.startswith("{")):
        if ours:
            yield from (line for line in some if '"level": "error"' in line or '"level": "critical"' in line)
        elif "Traceback" in (text := "\n".join(some)) and CLOSED_ALREADY not in text:
            yield text


def describe(report: Report) -> str:
    """The report for people."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.connections.items()))
    refusals = ", ".join(f"{code} {count}" for code, count in report.refusals.most_common())
    before, after = report.memory_mb
    lines = [
        f"bad clients    {report.connections.total()}: {kinds}; seed {report.seed}",
        f"refused with   {refusals}",
        f"finals         {report.finals} of honest clients, {report.garbage_finals} of bad ones",
        f"the gateway    {before:.0f} to {after:.0f} MB, {report.open_files[0]} to {report.open_files[1]} open files",
    ]
    if report.wrong:
        lines += [f"WRONG          {len(report.wrong)}; the first:", *report.wrong[:20]]
    return "\n".join(lines)


@click.command()
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--only", type=int, help="Nothing but this bad client, again and again.")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("artifacts/fuzz"),
    show_default=True,
    help="Where the logs of all services stay.",
)
def main(seconds: float, seed: int, only: int | None, logs: Path) -> None:
    """Let bad clients at a gateway; exit with 1 when anything is not as promised."""
    report = asyncio.run(fuzz(seconds, seed, logs, lambda line: click.echo(line, err=True), only))
    click.echo(describe(report))
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
