"""Use a system steadily and check that nothing grows: `make soak`, or `python -m tests.chaos.soak --minutes 30`.

Sessions come, speak and go. Memory and open files of each process and the size of Redis are read every few seconds.
After a warm-up, their slope must be flat. See docs/howto/test-reliability.md.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from backend.load.driver import drive_session
from backend.local.discovery import stream_url
from backend.local.models import speech_model
from backend.local.system import System, running
from backend.messages.protocol import Start
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from tests.testkit import cli
from tests.testkit.audio.voices import voices
from tests.testkit.session import ClientLedger
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan
from tests.testkit.system.processes import open_files, resident_mb

READ_EVERY_S = 5.0
LOG_EVERY = 24  # readings
WARM_UP = 0.3  # share of the run in which caches fill; not counted
SPANS = 10
TTL_S = 60  # Redis keeps an hour of session data by default, too long to see that it expires
# Allowed growth over the counted part of a run. Allocators keep and return memory, so a few MB mean nothing.
LIMITS = {"MB": 4.0, "redis MB": 2.0, "files": 1.0, "keys": 20.0}
Reading = dict[str, float]  # by name: "gateway-1 MB", "gateway-1 files", "redis MB", "redis keys"


@dataclass(frozen=True, slots=True)
class Options:
    """Duration and load."""

    minutes: float = 30.0
    sessions: int = 6  # at the same time
    seconds: float = 45.0  # length of a session, before the next one replaces it
    model: str = "null"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trend:
    """One reading over the counted part of a run."""

    first: float
    last: float
    slope_per_hour: float  # least squares over medians
    growth: float  # slope times duration


@dataclass(frozen=True, slots=True)
class Report:
    """Number of sessions, and a trend for each reading."""

    options: Options
    sessions: int
    finals: int
    trends: dict[str, Trend]
    wrong: list[str] = field(default_factory=list)


async def soak(options: Options, logs: Path, progress: cli.Progress) -> Report:
    """Start a system, use it steadily, and watch its processes."""
    audio = voices(options.sessions, options.seconds, seed=options.seed)
    environment = {"NOVA_SESSION_TTL_S": str(TTL_S), **NO_LOAD_LIMIT}
    plan = system_plan(
        logs, stt_model=speech_model(options.model), translation_workers=1, quick_claims=False, environment=environment
    )
    readings: list[tuple[float, Reading]] = []
    ledgers: list[ClientLedger] = []

    async def speak_again_and_again(pcm: NDArray[np.int16], url: str, until: float) -> None:
        while time.monotonic() < until:
            ledger = ClientLedger.for_audio(pcm)
            ledgers.append(await drive_session(url, Start(language="en", translate_to=("en",)), ledger))

    async with running(plan, progress) as system, asyncio.TaskGroup() as tasks:
        began = time.monotonic()
        until = began + 60 * options.minutes - options.seconds
        watching = tasks.create_task(_watch(system, readings, began, progress))
        async with asyncio.TaskGroup() as clients:
            for pcm in audio:
                clients.create_task(speak_again_and_again(pcm, stream_url(system.urls[0]), until))
        watching.cancel()
    trends = _trends([reading for reading in readings if reading[0] >= WARM_UP * 60 * options.minutes])
    failed = [ledger.ended for ledger in ledgers if ledger.error]
    finals = sum(len(ledger.finals) for ledger in ledgers)
    return Report(options, len(ledgers), finals, trends, [*failed, *_growth_problems(trends)])


async def _watch(system: System, readings: list[tuple[float, Reading]], began: float, progress: cli.Progress) -> None:
    async with connect(ServiceSettings(REDIS_URL=system.redis_url)) as redis:
        for number in count():
            await asyncio.sleep(began + READ_EVERY_S * (number + 1) - time.monotonic())
            reading: Reading = {}
            for name, pid in system.processes.items():
                if name != "redis":
                    reading |= {f"{name} MB": resident_mb(pid), f"{name} files": float(open_files(pid))}
            memory = await redis.info("memory")
            reading |= {"redis MB": memory["used_memory"] / 1e6, "redis keys": float(await redis.dbsize())}
            readings.append((time.monotonic() - began, reading))
            if number % LOG_EVERY == 0:
                progress(", ".join(f"{name} {value:.1f}" for name, value in reading.items()))


def _trends(readings: Sequence[tuple[float, Reading]]) -> dict[str, Trend]:
    times = np.array([at for at, _ in readings])
    return {name: _trend(times, np.array([reading[name] for _, reading in readings])) for name in readings[0][1]}


def _trend(times: NDArray[np.float64], values: NDArray[np.float64]) -> Trend:
    """The trend over the medians of ten spans. Medians ignore memory that is taken and returned at once."""
    at, level = (np.array([np.median(part) for part in np.array_split(all_, SPANS)]) for all_ in (times, values))
    slope = float(np.polyfit(at, level, 1)[0])
    figures = (float(level[0]), float(level[-1]), 3600 * slope, slope * float(at[-1] - at[0]))
    return Trend(*(round(figure, 2) for figure in figures))


def _growth_problems(trends: Mapping[str, Trend]) -> list[str]:
    wrong = []
    for name, trend in trends.items():
        limit = LIMITS[name] if name in LIMITS else LIMITS[name.split()[-1]]
        if min(trend.growth, trend.last - trend.first) > limit:
            wrong.append(f"{name} grew from {trend.first} to {trend.last}")
    return wrong


def describe(report: Report) -> str:
    """The report as text."""
    lines = [f"{report.sessions} sessions of {report.options.seconds:g} s, {report.finals} finals"]
    lines += [
        f"{name:26} {trend.first:8.1f} -> {trend.last:8.1f}   slope {trend.slope_per_hour:+8.2f} per hour"
        for name, trend in report.trends.items()
    ]
    return cli.with_problems(lines, report.wrong)


@click.command()
@cli.minutes_option(30.0)
@cli.sessions_option(6)
@click.option("--seconds", default=45.0, show_default=True, help="Length of each session.")
@cli.model_option("null")
@cli.seed_option
@cli.json_option
@cli.logs_option("soak")
def main(json_file: Path | None, logs: Path, **options: object) -> None:
    """Use a system steadily. Exits with 1 if memory, open files or Redis grow."""
    report = asyncio.run(soak(Options(**options), logs, cli.progress()))  # type: ignore[arg-type]
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
