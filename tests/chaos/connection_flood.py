"""Measure what slow and numerous clients do to other sessions: `python -m tests.chaos.connection_flood --minutes 10`.

A few clients speak short utterances in real time to the null recognizer, and the latency of each final is recorded.
Calm and disturbed periods alternate, so that other activity on the machine affects both. The disturbance comes from a
process with the lowest priority.
"""

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

from backend.load.score import Spread
from backend.load.usage import usage
from backend.local.discovery import stream_url
from backend.local.system import running
from backend.service.lifecycle import raise_open_file_limit
from tests.chaos.clients.noisy_clients import KINDS
from tests.chaos.clients.speakers import Sample, Speakers, percentile
from tests.testkit import cli
from tests.testkit.audio.voices import voices
from tests.testkit.system.plans import NO_LIMITS, system_plan

GATEWAY = "gateway-1"
CLIENTS = 10
SETTLE_S = 2.0  # after a disturbance, for the system to clean up
PERIOD_S = 10.0
LAST_FINAL_S = 1.0  # the disturbance continues until the finals of the period have arrived
MAX_P99_GROWTH = 1.2  # of the latency of the measuring clients


@dataclass(frozen=True, slots=True)
class Period:
    """A time span on the monotonic clock, and the gateway's CPU time in it."""

    began: float
    ended: float
    cpu_s: float


@dataclass(slots=True)
class Comparison:
    """Samples of calm and disturbed periods."""

    calm: list[Sample] = field(default_factory=list)
    disturbed: dict[str, list[Sample]] = field(default_factory=dict)  # by kind of disturbance
    busy: dict[str, float] = field(default_factory=dict)  # the gateway's share of a core, by kind and for "calm"
    wrong: list[str] = field(default_factory=list)

    def growth(self, kind: str, percent: float) -> float:
        """A latency percentile under this disturbance, as a multiple of the calm one."""
        return percentile(self.disturbed[kind], percent) / percentile(self.calm, percent)


class Disturbance:
    """The process of noisy clients, controlled through its stdin."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def begin(self, kind: str) -> None:
        """Start a disturbance. Returns when it is in effect."""
        await self._command(f"begin {kind}", "on")

    async def end(self) -> None:
        """Stop the disturbance. Returns when its connections are closed."""
        await self._command("end", "off")

    async def _command(self, command: str, answer: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n".encode())
        async with asyncio.timeout(60):
            line = await self._process.stdout.readline()
        assert line.decode().strip() == answer, f"the answer to {command!r} was {line!r}"


@asynccontextmanager
async def noisy_process(http_url: str) -> AsyncIterator[Disturbance]:
    """The process of noisy clients, ready for commands."""
    host, port = http_url.removeprefix("http://").split(":")
    with tempfile.NamedTemporaryFile(prefix="nova-", suffix=".s16") as speech:
        speech.write(voices(1, 20, seed=1)[0].tobytes())
        speech.flush()
        command = ("-m", "tests.chaos.clients.noisy_clients", host, port, speech.name)
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=PIPE, stdout=PIPE)
        try:
            yield Disturbance(process)
        finally:
            process.kill()
            await process.wait()


async def compare(rounds: int, period_s: float, kinds: Sequence[str], logs: Path, progress: cli.Progress) -> Comparison:
    """Alternate calm and disturbed periods, `rounds` times for each kind of disturbance."""
    raise_open_file_limit()
    speakers = Speakers.create(CLIENTS)
    async with (
        running(system_plan(logs, environment=NO_LIMITS), progress) as system,
        noisy_process(system.urls[0]) as disturbance,
        speakers.speaking(stream_url(system.urls[0])),
    ):
        await asyncio.sleep(SETTLE_S)
        gateway = {GATEWAY: system.processes[GATEWAY]}
        periods = await _alternate(rounds, period_s, kinds, gateway, disturbance, progress)
    return _comparison(speakers, periods)


async def _alternate(
    rounds: int,
    period_s: float,
    kinds: Sequence[str],
    gateway: Mapping[str, int],
    disturbance: Disturbance,
    progress: cli.Progress,
) -> dict[str, list[Period]]:
    periods: dict[str, list[Period]] = {kind: [] for kind in ("calm", *kinds)}
    for number in range(rounds):
        for kind in kinds:
            periods["calm"].append(await _measure_period(period_s, gateway))
            await disturbance.begin(kind)
            periods[kind].append(await _measure_period(period_s, gateway))
            await asyncio.sleep(LAST_FINAL_S)
            await disturbance.end()
            await asyncio.sleep(SETTLE_S)
        progress(f"round {number + 1} of {rounds}")
    return periods


async def _measure_period(seconds: float, gateway: Mapping[str, int]) -> Period:
    began, before = time.monotonic(), usage(gateway)[GATEWAY]
    await asyncio.sleep(seconds)
    return Period(began, time.monotonic(), usage(gateway)[GATEWAY].since(before).cpu_s)


def _comparison(speakers: Speakers, periods: Mapping[str, Sequence[Period]]) -> Comparison:
    found = speakers.samples()
    by_kind = {kind: _within(some, found) for kind, some in periods.items()}
    busy = {
        kind: sum(one.cpu_s for one in some) / sum(one.ended - one.began for one in some)
        for kind, some in periods.items()
    }
    return Comparison(by_kind.pop("calm"), by_kind, busy, speakers.problems())


def _within(periods: Sequence[Period], found: Sequence[Sample]) -> list[Sample]:
    """The samples whose last word was spoken in one of the periods."""
    return [sample for sample in found if any(one.began <= sample.spoken_at < one.ended for one in periods)]


def describe(comparison: Comparison) -> str:
    """The report as text."""
    rows = []
    for kind, some in {"calm": comparison.calm, **comparison.disturbed}.items():
        row: dict[str, str | float] = {"period": kind, "finals": len(some)}
        for name in ("latency", "overhead"):
            spread = Spread.of([getattr(sample, f"{name}_ms") for sample in some])
            figures = {"p50": spread.p50, "p95": spread.p95, "p99": spread.p99, "max": spread.max} if spread else {}
            row |= {
                f"{name} {figure} ms": f"{figures.get(figure, np.nan):.0f}" for figure in ("p50", "p95", "p99", "max")
            }
        growth = "" if kind == "calm" else f"{comparison.growth(kind, 99) - 1:+.1%}"
        rows.append({**row, "gateway CPU": f"{comparison.busy[kind]:.0%}", "p99 growth": growth})
    return cli.with_problems([cli.table(rows)], comparison.wrong)


@click.command()
@cli.minutes_option(10.0, "About how long to measure.")
@click.option("--period", "period_s", default=PERIOD_S, show_default=True, help="Seconds of each period.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="A disturbance; default: all.")
@cli.json_option
@cli.logs_option("connection-flood")
def main(minutes: float, period_s: float, kinds: tuple[str, ...], json_file: Path | None, logs: Path) -> None:
    """Compare calm and disturbed periods. Exits with 1 if p99 grows by more than 20 % or a final is wrong."""
    kinds = kinds or tuple(KINDS)
    rounds = max(1, round(minutes * 60 / len(kinds) / (2 * period_s + SETTLE_S)))
    found = asyncio.run(compare(rounds, period_s, kinds, logs, cli.progress()))
    slow = [kind for kind in kinds if found.growth(kind, 99) > MAX_P99_GROWTH]
    found.wrong += [f"{kind}: p99 grows by more than {MAX_P99_GROWTH - 1:.0%}" for kind in slow]
    cli.finish(found, describe(found), json_file)


if __name__ == "__main__":
    main()
