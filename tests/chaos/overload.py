"""Offer more speech than the workers can serve, and count admitted sessions, final latencies and lost finals.

`make overload`, or `python -m tests.chaos.overload --minutes 5`. The null recognizer with a cost has a known capacity:
the single worker serves 1 / cost seconds of speech per second. A quarter of the sessions starts alone, the others join
one by one until the offered load is `--factor` times the capacity. A refused client retries when the server says so.
In the end the first quarter speaks alone again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import inf
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from backend.client.client import ServerError
from backend.load.driver import drive_session
from backend.load.score import Spread
from backend.local.discovery import stream_url
from backend.local.system import running
from backend.messages.protocol import Notice, Partial, Start
from tests.chaos.checks import missing
from tests.testkit import cli
from tests.testkit.audio.reference import segment
from tests.testkit.audio.voices import voices
from tests.testkit.session import RATE, ClientLedger
from tests.testkit.system.plans import system_plan

SETTLE_S = 10.0  # after the start and after the overload, until latency should be normal
MIN_SESSION_S = 5.0  # shorter sessions are not worth opening


@dataclass(frozen=True, slots=True)
class Options:
    """How much load is offered, and for how long."""

    minutes: float = 5.0
    factor: float = 2.0
    # Seconds that the worker takes per second of audio, for previews and finals.
    cost: float = 0.05
    # Length of the phases before and after the overload.
    calm_s: float = 40.0
    # Time between the starts of two sessions.
    every_s: float = 1.0
    seed: int = 0

    def sessions(self, speech_share: float) -> int:
        """How many sessions offer `factor` times the finals that the worker can serve."""
        return round(self.factor / self.cost / speech_share)


@dataclass(frozen=True, slots=True)
class Phase:
    """Results that arrived in one phase."""

    latency_s: Spread | None  # from the last sample of an utterance to its final; includes the endpoint
    partials_per_final: float

    @property
    def p50(self) -> float:
        """Median latency; infinite if no final arrived."""
        return self.latency_s.p50 if self.latency_s else inf


@dataclass(frozen=True, slots=True)
class Report:
    """Sums over all clients."""

    options: Options
    offered: int
    max_concurrent: int
    refused: int  # attempts
    finals: int
    missing: int
    phases: dict[str, Phase]  # "before", "overloaded" and "after"
    notices: dict[str, int]
    wrong: list[str] = field(default_factory=list)


async def overload(options: Options, logs: Path, progress: cli.Progress) -> Report:
    """Start a system with one worker and offer it too much speech."""
    overload_s = 60 * options.minutes
    (sample,) = voices(1, 60, seed=options.seed)
    share = sum(end - start for start, end in segment(sample).utterances) / len(sample)
    count = options.sessions(share)
    progress(f"{share:.0%} of a session is speech; {count} sessions offer {options.factor:g} times the capacity")
    audio = voices(count, overload_s + 2 * options.calm_s, seed=options.seed)
    plan = system_plan(logs, stt_workers=1, environment={"STT_NULL_COST": str(options.cost)})
    async with running(plan, progress) as system, asyncio.TaskGroup() as tasks:
        url, clock = stream_url(system.urls[0]), time.monotonic()
        clients = []
        for number, pcm in enumerate(audio):
            steady = number % 4 == 0
            begin_s = number * 0.1 if steady else options.calm_s + number * options.every_s
            end_s = options.calm_s + overload_s + (options.calm_s if steady else 0.0)
            clients.append(tasks.create_task(_speak_until(end_s, url, pcm, clock, begin_s)))
    return _report(options, [client.result() for client in clients], overload_s)


async def _speak_until(
    end_s: float, url: str, pcm: NDArray[np.int16], clock: float, begin_s: float
) -> list[ClientLedger]:
    """Speak from admission until `end_s` on the clock, and retry if refused. Returns a ledger for each attempt."""
    attempts: list[ClientLedger] = []
    while (left_s := end_s - begin_s) > MIN_SESSION_S:
        ledger = ClientLedger.for_audio(pcm[: round(left_s * RATE)])
        attempts.append(await drive_session(url, Start(language="en"), ledger, clock=clock, begin_s=begin_s))
        if not (isinstance(ledger.error, ServerError) and ledger.error.code == "overloaded"):
            break
        begin_s = time.monotonic() - clock + (ledger.error.retry_after_s or 1.0)
    return attempts


def _report(options: Options, clients: Sequence[Sequence[ClientLedger]], overload_s: float) -> Report:
    attempts = [ledger for client in clients for ledger in client]
    sessions = [ledger for ledger in attempts if ledger.session]
    overload_end_s = options.calm_s + overload_s
    phases = {
        "before": _phase(sessions, SETTLE_S, options.calm_s),
        "overloaded": _phase(sessions, options.calm_s, overload_end_s),
        "after": _phase(sessions, overload_end_s + SETTLE_S, inf),
    }
    gaps = sum(len(missing(ledger.utterances)) for ledger in sessions)
    cut_off = sum(max(0, len(segment(ledger.pcm).utterances) - len(ledger.finals)) for ledger in sessions)
    return Report(
        options,
        offered=len(clients),
        max_concurrent=_max_concurrent(sessions),
        refused=sum(ledger.ended == "overloaded" for ledger in attempts),
        finals=sum(len(ledger.finals) for ledger in sessions),
        missing=gaps + cut_off,
        phases=phases,
        notices=dict(Counter(notice.code for ledger in sessions for notice in ledger.received(Notice))),
        wrong=_problems(attempts, gaps, cut_off, phases),
    )


def _problems(attempts: Sequence[ClientLedger], gaps: int, cut_off: int, phases: dict[str, Phase]) -> list[str]:
    wrong = [f"a session ended with {ledger.ended}" for ledger in attempts if ledger.ended not in ("", "overloaded")]
    if gaps or cut_off:
        wrong.append(f"{gaps} finals are missing within sessions, {cut_off} at their end")
    # A phase has a few dozen finals, so its p95 is a single value; the median is more stable.
    if phases["after"].p50 > 1.5 * phases["before"].p50 + 0.5:
        wrong.append("finals are still slow ten seconds after the overload")
    return wrong


def _max_concurrent(sessions: Sequence[ClientLedger]) -> int:
    changes = [(ledger.sent_at[0], 1) for ledger in sessions if ledger.sent_at]
    changes += [(max(ledger.sent_at[-1], *(at for at, _ in ledger.events)), -1) for ledger in sessions if ledger.events]
    return max(accumulate(change for _, change in sorted(changes)), default=0)


def _phase(sessions: Sequence[ClientLedger], start: float, end: float) -> Phase:
    """The finals and partials that arrived between two times."""
    latencies = [
        latency
        for ledger in sessions
        for (at, _), latency in zip(ledger.finals, ledger.latencies(), strict=True)
        if start <= at < end
    ]
    partials = sum(start <= at < end for ledger in sessions for at, _ in ledger.of(Partial))
    return Phase(Spread.of(latencies), round(partials / max(1, len(latencies)), 2))


def describe(report: Report) -> str:
    """The report as text."""
    lines = [
        f"sessions    {report.offered} offered, at most {report.max_concurrent} at once; {report.refused} refusals",
        f"finals      {report.finals}, missing {report.missing}",
        *(
            f"{name:11} final latency {cli.spread(phase.latency_s)}; {phase.partials_per_final:.2f} partials per final"
            for name, phase in report.phases.items()
        ),
        f"notices     {report.notices}",
    ]
    return cli.with_problems(lines, report.wrong)


@click.command()
@cli.minutes_option(5.0, "Minutes of overload.")
@click.option("--factor", default=2.0, show_default=True, help="Offered load, as a multiple of the capacity.")
@cli.null_cost_option
@click.option("--every", "every_s", default=1.0, show_default=True, help="Seconds between the starts of two sessions.")
@cli.seed_option
@cli.json_option
@cli.logs_option("overload")
def main(json_file: Path | None, logs: Path, **options: float) -> None:
    """Offer a system more speech than it can serve. Exits with 1 if a final is lost or latency does not recover."""
    report = asyncio.run(overload(Options(**options), logs, cli.progress()))  # type: ignore[arg-type]
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
