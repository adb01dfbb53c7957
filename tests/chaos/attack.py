"""Attack a gateway with single connections, and measure what other sessions notice: `make attack`.

For each attack, a neighbour sends pings on its own session before and during the attack. Afterwards, the memory of the
gateway must return to what it was, and no connection may be left.
"""

import asyncio
from asyncio import TaskGroup
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from websockets.asyncio.client import connect

from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.service.lifecycle import raise_open_file_limit
from tests.chaos.clients.attacks import ATTACKS, Attack, Target
from tests.testkit import cli
from tests.testkit.system.plans import NO_LIMITS, system_plan
from tests.testkit.system.processes import connections, resident_mb

GATEWAY = "gateway-1"
# Time between two pings of the neighbour.
PING_EVERY_S = 0.02
# Time from the end of an attack until memory and connections are compared.
RECOVERY_S = 10.0
# Limits: the neighbour's p99 during an attack, or this multiple of its p99 before, and what remains afterwards.
MAX_P99_MS, MAX_P99_GROWTH = 250.0, 4.0
MAX_LEFT_MB = 30.0


@dataclass(frozen=True, slots=True)
class Pings:
    """Times in milliseconds in which a neighbour's pings were answered."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Pings":
        p50, p99 = (1000 * np.percentile(seconds, (50, 99))).tolist()
        return cls(round(p50, 2), round(p99, 2))


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect of one attack on the gateway and on a neighbour."""

    before: Pings
    during: Pings
    memory_before_mb: float
    memory_after_mb: float
    # Connections to the gateway after the recovery.
    left: int

    def excesses(self) -> list[str]:
        """The limits that were exceeded."""
        limit_ms = max(MAX_P99_MS, MAX_P99_GROWTH * self.before.p99)
        grown_mb = self.memory_after_mb - self.memory_before_mb
        found = {
            f"p99 of a neighbour is {self.during.p99:.0f} ms, above {limit_ms:.0f} ms": self.during.p99 > limit_ms,
            f"{grown_mb:.0f} MB are not returned": grown_mb > MAX_LEFT_MB,
            f"{self.left} connections are left": self.left > 0,
        }
        return [text for text, exceeded in found.items() if exceeded]


@dataclass(slots=True)
class Report:
    """The effects by attack."""

    effects: dict[str, Effect] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


async def neighbour(url: str, seconds: float) -> Pings:
    """Measure how fast the pings of a session are answered."""
    took: list[float] = []
    loop = asyncio.get_running_loop()
    async with connect(stream_url(url), open_timeout=60) as socket:
        await socket.send('{"type":"start"}')
        until = loop.time() + seconds
        while loop.time() < until:
            took.append(await (await socket.ping()))
            await asyncio.sleep(PING_EVERY_S)
    return Pings.of(took)


async def measure(system: System, attack: Attack, seconds: float) -> Effect:
    """Run one attack for some seconds."""
    url, pid = system.urls[0], system.processes[GATEWAY]
    target, memory_mb = Target.of(url), resident_mb(pid)
    before = await neighbour(url, seconds / 2)
    async with TaskGroup() as tasks:
        attacking = tasks.create_task(attack(target))
        await asyncio.sleep(0.2)
        during = await neighbour(url, seconds)
        attacking.cancel()
    await asyncio.sleep(RECOVERY_S)
    return Effect(before, during, memory_mb, resident_mb(pid), connections(target.port))


async def attack_all(attacks: Mapping[str, Attack], seconds: float, logs: Path, progress: cli.Progress) -> Report:
    """Run the attacks one after the other against one system."""
    raise_open_file_limit()
    report = Report()
    async with running(system_plan(logs, environment=NO_LIMITS), progress) as system:
        await neighbour(system.urls[0], 1.0)  # loads everything before the first measurement
        for name, attack in attacks.items():
            effect = await measure(system, attack, seconds)
            report.effects[name] = effect
            report.wrong += [f"{name}: {excess}" for excess in effect.excesses()]
            progress(f"{name}: p99 {effect.before.p99:.0f} ms before, {effect.during.p99:.0f} ms during")
    return report


def describe(report: Report) -> str:
    """The report as a table."""
    rows: list[cli.Row] = [
        {
            "attack": name,
            "p50 before, ms": effect.before.p50,
            "p50 during": effect.during.p50,
            "p99 before": effect.before.p99,
            "p99 during": effect.during.p99,
            "memory before, MB": f"{effect.memory_before_mb:.0f}",
            "10 s after": f"{effect.memory_after_mb:.0f}",
            "connections left": effect.left,
        }
        for name, effect in report.effects.items()
    ]
    return cli.with_problems([cli.table(rows)], report.wrong)


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Length of each attack.")
@click.option("--attack", "names", multiple=True, type=click.Choice(list(ATTACKS)), help="Default: all.")
@cli.json_option
@cli.logs_option("attack")
def main(seconds: float, names: tuple[str, ...], json_file: Path | None, logs: Path) -> None:
    """Attack a gateway. Exits with 1 if a neighbour waits too long, or if memory or connections are not returned."""
    attacks = {name: ATTACKS[name] for name in names or ATTACKS}
    report = asyncio.run(attack_all(attacks, seconds, logs, cli.progress()))
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
