"""Hours of steady use in minutes: sessions come, speak and go, and nothing may grow (docs/howto/test-reliability.md).

`make soak`, or `python -m tests.chaos.soak --minutes 30`. Memory and open files of every process, and what Redis
holds, are read every few seconds; what counts is their slope once everything is warm.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from backend.local.models import speech_model
from backend.local.system import Plan, System, running
from backend.messages.protocol import Start
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from tests.chaos.speakers import converse, voices
from tests.testkit.session import stream_url
from tests.testkit.system.plans import HOSPITABLE
from tests.testkit.system.processes import open_files, resident_mb

EVERY_S = 5.0
WARM = 0.3
"""The share of the run in which caches fill, and which does not count."""
SPANS = 10
TTL_S = 60
"""What sessions leave in Redis goes after this time; by default an hour, too long to see that it does."""
GROWTH_MB = 4.0
"""By so much a process may seem to grow over what counts of the run: allocators breathe."""
REDIS_GROWTH_MB = 2.0

Tell = Callable[[str], None]
Reading = dict[str, float]
"""What was read at one moment, by name: "gateway-1 MB", "gateway-1 files", "redis MB", "redis keys"."""


@dataclass(frozen=True, slots=True)
class Options:
    """How long, and how much."""

    minutes: float = 30.0
    sessions: int = 6
    """At the same time."""
    seconds: float = 45.0
    """How long each speaks before another takes its place."""
    model: str = "null"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trend:
    """How one figure went, once warm."""

    first: float
    last: float
    slope_per_hour: float
    """By least squares over medians."""
    growth: float
    """What the slope makes over the time that counts."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of it."""

    options: Options
    sessions: int
    """That came and went."""
    finals: int
    trends: dict[str, Trend]
    wrong: list[str] = field(default_factory=list)


async def soak(options: Options, logs: Path, tell: Tell) -> Report:
    """Raise a system, use it steadily, and watch what it takes."""
    said = voices(options.sessions, options.seconds, "en", options.seed)
    plan = Plan(
        stt_model=speech_model(options.model),
        translation_models="",
        port=0,
        logs=logs,
        environment={"NOVA_SESSION_TTL_S": str(TTL_S), **HOSPITABLE},
    )
    readings: list[tuple[float, Reading]] = []
    done, finals, failed = count(), 0, list[str]()
    sessions = 0

    async def visitors(number: int, url: str, until: float) -> None:
        nonlocal finals, sessions
        while time.monotonic() < until:
            account = await converse([url], said[number], Start(language="en", translate_to=("en",)))
            sessions, finals = next(done) + 1, finals + len(account.finals)
            if account.ended:
                failed.append(account.ended)

    async with running(plan, tell) as system, asyncio.TaskGroup() as tasks:
        began = time.monotonic()
        until = began + 60 * options.minutes
        watching = tasks.create_task(_watch(system, readings, began, tell))
        async with asyncio.TaskGroup() as guests:
            for number in range(options.sessions):
                guests.create_task(visitors(number, stream_url(system.urls[0]), until - options.seconds))
        watching.cancel()
    trends = _trends([reading for reading in readings if reading[0] >= WARM * 60 * options.minutes])
    return Report(options, sessions, finals, trends, [*failed, *_grown(trends)])


async def _watch(system: System, readings: list[tuple[float, Reading]], began: float, tell: Tell) -> None:
    settings = ServiceSettings(REDIS_URL=system.redis_url)
    async with connect(settings) as redis:
        for turn in count():
            await asyncio.sleep(began + EVERY_S * (turn + 1) - time.monotonic())
            reading: Reading = {}
            for name, pid in system.processes.items():
                if name != "redis":
                    reading |= {f"{name} MB": resident_mb(pid), f"{name} files": float(open_files(pid))}
            memory = await redis.info("memory")
            reading["redis MB"] = memory["used_memory"] / 1e6
            reading["redis keys"] = float(await redis.dbsize())
            readings.append((time.monotonic() - began, reading))
            if turn % 24 == 0:
                tell(", ".join(f"{name} {value:.1f}" for name, value in reading.items()))


def _trends(readings: list[tuple[float, Reading]]) -> dict[str, Trend]:
    times = np.array([at for at, _ in readings])
    names = readings[0][1].keys()
    return {name: _trend(times, np.array([reading[name] for _, reading in readings])) for name in names}


def _trend(times: NDArray[np.float64], values: NDArray[np.float64]) -> Trend:
    """Over the medians of ten spans: what a process takes for a moment and gives back is no growth."""
    at = np.array([np.median(part) for part in np.array_split(times, SPANS)])
    level = np.array([np.median(part) for part in np.array_split(values, SPANS)])
    slope = float(np.polyfit(at, level, 1)[0])
    figures = (float(level[0]), float(level[-1]), 3600 * slope, slope * float(at[-1] - at[0]))
    return Trend(*(round(figure, 2) for figure in figures))


def _grown(trends: Mapping[str, Trend]) -> list[str]:
    limits = {"files": 1.0, "keys": 20.0}
    wrong = []
    for name, trend in trends.items():
        limit = REDIS_GROWTH_MB if name == "redis MB" else limits.get(name.split()[-1], GROWTH_MB)
        if min(trend.growth, trend.last - trend.first) > limit:
            wrong.append(f"{name} grew from {trend.first} to {trend.last}")
    return wrong


def describe(report: Report) -> str:
    """The report for people."""
    lines = [f"{report.sessions} sessions of {report.options.seconds:g} s, {report.finals} finals"]
    lines += [
        f"{name:26} {trend.first:8.1f} -> {trend.last:8.1f}   slope {trend.slope_per_hour:+8.2f} an hour"
        for name, trend in report.trends.items()
    ]
    return "\n".join([*lines, *(f"WRONG {what}" for what in report.wrong)])


@click.command()
@click.option("--minutes", default=30.0, show_default=True)
@click.option("--sessions", default=6, show_default=True, help="At the same time.")
@click.option("--seconds", default=45.0, show_default=True, help="How long each session speaks.")
@click.option("--model", default="null", show_default=True, help="null, or a speech model: a name or directory.")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here as well.")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("artifacts/soak"),
    show_default=True,
    help="Where the logs of all services stay.",
)
def main(file: Path | None, logs: Path, **options: object) -> None:
    """Use a system steadily; exit with 1 when anything grows."""
    asked = Options(**options)  # type: ignore[arg-type]
    report = asyncio.run(soak(asked, logs, lambda line: click.echo(line, err=True)))
    click.echo(describe(report))
    if file:
        file.write_text(json.dumps(asdict(report), indent=2) + "\n")
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
