"""Attack a gateway with single connections, and measure what other sessions notice: `make attack`.

Neighbours speak in real time to the null recognizer, and one of them sends pings. Each attack comes from a process of
its own with the lowest priority. The times that the neighbours wait during an attack are compared with those in the
calm periods of the same run. Two controls attack nothing: one shows how much the machine itself varies, the other what
the attacker's own use of a core costs. After each attack, the memory of the gateway must return to what it was, and no
connection may be left.
"""

import asyncio
import time
from asyncio import TaskGroup
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from websockets.asyncio.client import connect

from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.service.lifecycle import raise_open_file_limit
from tests.chaos.clients.attack_process import ALL, CONTROLS, attack_process
from tests.chaos.clients.attack_shapes import Target
from tests.chaos.clients.speakers import Sample, Speakers
from tests.testkit import cli
from tests.testkit.system.plans import NO_LIMITS, system_plan
from tests.testkit.system.processes import connections, resident_mb

GATEWAY = "gateway-1"
SPEAKERS = 8
PING_EVERY_S = 0.01
MEMORY_EVERY_S = 0.05
# Time until the system has loaded everything and the first finals have arrived.
WARM_UP_S = 5.0
# Time from the end of an attack until memory and connections are compared. Its last part is a calm period.
RECOVERY_S, SETTLE_S = 10.0, 3.0
# An attack continues until the finals of its period have arrived.
LAST_FINAL_S = 1.5
# Limits: the p99 of finals during an attack as a multiple of the calm one, the p99 of pings, and what remains.
MAX_FINAL_P99_GROWTH, MAX_PING_P99_MS = 1.2, 50.0
MAX_LEFT_MB = 30.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Percentiles of what the neighbours waited for, in milliseconds."""

    ping_p50: float
    ping_p99: float
    final_p50: float
    final_p99: float
    finals: int

    @classmethod
    def of(cls, pings_ms: Sequence[float], finals_ms: Sequence[float]) -> "Waits":
        return cls(*_p50_p99(pings_ms), *_p50_p99(finals_ms), len(finals_ms))


def _p50_p99(values_ms: Sequence[float]) -> tuple[float, float]:
    p50, p99 = np.percentile(values_ms or [np.nan], (50, 99)).round(2).tolist()
    return p50, p99


@dataclass(frozen=True, slots=True)
class Period:
    """A span of the monotonic clock."""

    began: float
    ended: float

    def contains(self, at: float) -> bool:
        return self.began <= at < self.ended


@dataclass(frozen=True, slots=True)
class Round:
    """One attack with the calm period before it."""

    name: str
    calm: Period
    attacked: Period
    memory_before_mb: float
    memory_peak_mb: float
    memory_after_mb: float
    # Connections to the gateway after the recovery.
    left: int


@dataclass(slots=True)
class Effect:
    """Effect of an attack on the gateway and on its neighbours. Memory and connections: the worst round."""

    calm: Waits
    attacked: Waits
    memory_before_mb: float
    memory_peak_mb: float
    memory_after_mb: float
    left: int

    def excesses(self, calm: Waits) -> list[str]:
        """The limits that were exceeded."""
        growth, grown_mb = self.attacked.final_p99 / calm.final_p99, self.memory_after_mb - self.memory_before_mb
        found = {
            f"p99 of finals is {growth:.2f} times the calm one": growth > MAX_FINAL_P99_GROWTH,
            f"p99 of pings is {self.attacked.ping_p99:.0f} ms": self.attacked.ping_p99 > MAX_PING_P99_MS,
            f"{grown_mb:.0f} MB are not returned": grown_mb > MAX_LEFT_MB,
            f"{self.left} connections are left": self.left > 0,
        }
        return [text for text, exceeded in found.items() if exceeded]


@dataclass(slots=True)
class Report:
    """The effects by attack, and the waits in all calm periods."""

    calm: Waits
    effects: dict[str, Effect]
    wrong: list[str] = field(default_factory=list)


class Neighbours:
    """Speakers, and a session that sends pings."""

    def __init__(self) -> None:
        self._speakers = Speakers.create(SPEAKERS, partials=False)
        self._finals: list[Sample] = []
        # When a ping was sent, and after how many seconds it was answered.
        self._pings: list[tuple[float, float]] = []

    async def run_until(self, url: str, end: asyncio.Event) -> None:
        async with self._speakers.speaking(url), connect(url, open_timeout=60) as socket:
            await socket.send('{"type":"start"}')
            while not end.is_set():
                # The ping is answered after the application has taken the message.
                await socket.send('{"type":"keepalive"}')
                at = time.monotonic()
                self._pings.append((at, await (await socket.ping())))
                await asyncio.sleep(PING_EVERY_S)
        self._finals = self._speakers.samples()

    @property
    def problems(self) -> list[str]:
        return self._speakers.problems()

    def waits(self, periods: Sequence[Period]) -> Waits:
        """The waits that began in one of the periods."""
        pings = [1000 * took for at, took in self._pings if any(one.contains(at) for one in periods)]
        finals = [one.latency_ms for one in self._finals if any(period.contains(one.spoken_at) for period in periods)]
        return Waits.of(pings, finals)


class Attacker:
    """Runs attacks one after the other on the gateway of a system."""

    def __init__(self, system: System, seconds: float) -> None:
        self._target, self._pid, self._seconds = Target.of(system.urls[0]), system.processes[GATEWAY], seconds

    async def measure(self, name: str, calm_since: float) -> Round:
        """Run one attack, and wait for the recovery."""
        async with attack_process(self._target, name) as attack:
            await asyncio.sleep(0.5)  # its start takes time from the others
            calm = Period(calm_since, time.monotonic())
            memory_mb = resident_mb(self._pid)
            await attack.begin()
            await asyncio.sleep(0.2)
            began = time.monotonic()
            peak_mb = await self._watch_memory(self._seconds)
            attacked = Period(began, time.monotonic())
            peak_mb = max(peak_mb, await self._watch_memory(LAST_FINAL_S))
        await asyncio.sleep(RECOVERY_S)
        left = connections(self._target.port) - SPEAKERS - 1
        return Round(name, calm, attacked, memory_mb, max(peak_mb, memory_mb), resident_mb(self._pid), left)

    async def _watch_memory(self, seconds: float) -> float:
        """The peak in megabytes."""
        until, peak_mb = time.monotonic() + seconds, 0.0
        while time.monotonic() < until:
            peak_mb = max(peak_mb, resident_mb(self._pid))
            await asyncio.sleep(MEMORY_EVERY_S)
        return peak_mb


async def attack_all(names: Sequence[str], seconds: float, rounds: int, logs: Path, progress: cli.Progress) -> Report:
    """Run the attacks one after the other against one system, several times."""
    raise_open_file_limit()
    done: list[Round] = []
    neighbours, end = Neighbours(), asyncio.Event()
    async with running(system_plan(logs, environment=NO_LIMITS), progress) as system, TaskGroup() as tasks:
        tasks.create_task(neighbours.run_until(stream_url(system.urls[0]), end))
        await asyncio.sleep(WARM_UP_S + RECOVERY_S)
        attacker = Attacker(system, seconds)
        for name in [name for _ in range(rounds) for name in names]:
            done.append(await attacker.measure(name, time.monotonic() - RECOVERY_S + SETTLE_S))
            progress(f"{name}: {done[-1].memory_peak_mb:.0f} MB, {done[-1].left} left")
        end.set()
    return _report(names, done, neighbours)


def _report(names: Sequence[str], done: Sequence[Round], neighbours: Neighbours) -> Report:
    calm = neighbours.waits([one.calm for one in done])
    effects = {name: _effect([one for one in done if one.name == name], neighbours) for name in names}
    wrong = [f"{name}: {excess}" for name, effect in effects.items() for excess in effect.excesses(calm)]
    return Report(calm, effects, [*neighbours.problems, *wrong])


def _effect(done: Sequence[Round], neighbours: Neighbours) -> Effect:
    worst = max(done, key=lambda one: one.memory_after_mb - one.memory_before_mb)
    return Effect(
        calm=neighbours.waits([one.calm for one in done]),
        attacked=neighbours.waits([one.attacked for one in done]),
        memory_before_mb=worst.memory_before_mb,
        memory_peak_mb=max(one.memory_peak_mb for one in done),
        memory_after_mb=worst.memory_after_mb,
        left=max(one.left for one in done),
    )


def describe(report: Report) -> str:
    """The report as a table."""
    rows: list[cli.Row] = [
        {
            "attack": name,
            "p99 of finals before, ms": f"{effect.calm.final_p99:.0f}",
            "during": f"{effect.attacked.final_p99:.0f}",
            "ratio to all calm periods": round(effect.attacked.final_p99 / report.calm.final_p99, 2),
            "p99 of pings before, ms": effect.calm.ping_p99,
            "during ": effect.attacked.ping_p99,
            "memory before, MB": f"{effect.memory_before_mb:.0f}",
            "peak": f"{effect.memory_peak_mb:.0f}",
            "10 s after": f"{effect.memory_after_mb:.0f}",
            "connections left": effect.left,
        }
        for name, effect in report.effects.items()
    ]
    calm = report.calm
    pings = f"pings p50 {calm.ping_p50:.2f} ms, p99 {calm.ping_p99:.2f} ms"
    finals = f"finals p50 {calm.final_p50:.0f} ms, p99 {calm.final_p99:.0f} ms ({calm.finals} finals)"
    return cli.with_problems([cli.table(rows), f"all calm periods: {finals}; {pings}"], report.wrong)


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Length of each attack.")
@click.option("--attack", "names", multiple=True, type=click.Choice(list(ALL)), help="Default: all.")
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="Repetitions of all attacks.")
@cli.json_option
@cli.logs_option("attack")
def main(seconds: float, names: tuple[str, ...], rounds: int, json_file: Path | None, logs: Path) -> None:
    """Attack a gateway. Exits with 1 if a neighbour waits too long, or if memory or connections are not returned."""
    chosen = [*CONTROLS, *names] if names else list(ALL)
    report = asyncio.run(attack_all(chosen, seconds, rounds, logs, cli.progress()))
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
