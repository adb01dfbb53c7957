"""More speech than the workers can serve: who is let in, who is refused, how long finals take, and whether any is lost.

`python -m tests.chaos.overload --minutes 5`. The recognizer is `null` with a cost, so that it is known what the one
worker can serve: 1 / cost seconds of speech a second. A quarter of the sessions begins, for a calm while; the others
come one after the other until the offered load is `--factor` times that. Who is refused comes back when the server says
so. In the end the quarter is left alone again.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
import numpy as np

from backend.client.client import Client, ServerError
from backend.local.system import running
from backend.messages.protocol import Notice, Partial, Start
from gateway.session.segmenter import Rules
from tests.chaos.ledger import FRAME, RATE, Account, missing, reference
from tests.chaos.speakers import voices
from tests.testkit.session import stream_url
from tests.testkit.system.plans import null_plan

RULES = Rules(pause_ms=200)
"""As a gateway has them by default."""
SETTLED_S = 10.0
"""From the beginning, and from the end of the overload, until all should be as ever."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How much too much."""

    minutes: float = 5.0
    factor: float = 2.0
    cost: float = 0.05
    """Seconds that the one worker takes for a second of audio, previews and finals alike."""
    calm_s: float = 40.0
    """How long is looked at what comes before, and after."""
    every_s: float = 1.0
    """A session comes every so often until all are there."""
    seed: int = 0

    def sessions(self, share_of_speech: float) -> int:
        """How many sessions offer `factor` times as many finals as the worker can serve."""
        return round(self.factor / self.cost / share_of_speech)


@dataclass(slots=True)
class Guest:
    """One who wants a session, and what became of it."""

    accounts: list[Account] = field(default_factory=list)
    began: list[float] = field(default_factory=list)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of it."""

    options: Options
    offered: int
    most_held: int
    """Sessions at once."""
    refused: int
    """Attempts that were turned away."""
    finals: int
    missing: int
    phases: dict[str, dict[str, float]]
    """Before, during and after (from ten seconds after its end): seconds from an utterance's last sample to its final
    (p50, p95, max; the endpoint's 0.6 s included), and partials an utterance."""
    notices: dict[str, int]
    wrong: list[str] = field(default_factory=list)


async def overload(options: Options, logs: Path, tell: Tell) -> Report:
    """Raise a system with one worker, and ask too much of it."""
    busy_s = 60 * options.minutes
    (sample,) = voices(1, 60, "en", options.seed)
    share = sum(end - start for start, end in reference(sample, RULES, 600).utterances) / len(sample)
    count = options.sessions(share)
    tell(f"{share:.0%} of a session is speech; {count} sessions offer {options.factor:g} times what there is")
    said = voices(count, busy_s + 2 * options.calm_s, "en", options.seed)
    plan = null_plan(logs, stt_workers=1, environment={"STT_NULL_COST": str(options.cost)})
    guests = [Guest() for _ in said]
    held = Counter[str]()
    async with running(plan, tell) as system, asyncio.TaskGroup() as tasks:
        clock = time.monotonic()
        for number, (guest, sent) in enumerate(zip(guests, said, strict=True)):
            steady = number % 4 == 0
            after_s = number * 0.1 if steady else options.calm_s + number * options.every_s
            until = clock + options.calm_s + busy_s + (options.calm_s if steady else 0.0)
            tasks.create_task(_visit(guest, stream_url(system.urls[0]), sent, until, after_s, clock, held))
    return _reckon(options, guests, busy_s, held["most"])


async def _visit(
    guest: Guest,
    url: str,
    sent: np.ndarray[tuple[int], np.dtype[np.int16]],
    until: float,
    after_s: float,
    clock: float,
    held: Counter[str],
) -> None:
    """Speak from when one is let in until the time is over."""
    await asyncio.sleep(after_s)
    while (left_s := until - time.monotonic()) > 5:
        piece = sent[: round(left_s * RATE)]
        account = Account(piece)
        try:
            async with Client.connect(url, Start(language="en")) as client, asyncio.TaskGroup() as tasks:
                held["now"] += 1
                held["most"] = max(held["most"], held["now"])
                guest.accounts.append(account)
                guest.began.append(time.monotonic() - clock)
                tasks.create_task(_talk(client, account))
                began = time.monotonic()
                async for event in client:
                    account.events.append((time.monotonic() - began, event))
            held["now"] -= 1
            return
        except ServerError as refusal:
            if refusal.code != "overloaded":
                guest.wrong.append(f"refused with {refusal.code}")
                return
            guest.refused += 1
            await asyncio.sleep(refusal.retry_after_s or 1.0)


async def _talk(client: Client, account: Account) -> None:
    began = time.monotonic()
    for at in range(0, len(account.sent), FRAME):
        await asyncio.sleep(began + at / RATE - time.monotonic())
        await client.send(account.sent[at : at + FRAME].tobytes())
        account.sent_at.append(time.monotonic() - began)
    await client.stop()


def _reckon(options: Options, guests: list[Guest], busy_s: float, most: int) -> Report:
    visits = [(began, account) for guest in guests for began, account in zip(guest.began, guest.accounts, strict=True)]
    over = options.calm_s + busy_s
    phases = {
        "before": _phase(visits, SETTLED_S, options.calm_s),
        "overloaded": _phase(visits, options.calm_s, over),
        "after": _phase(visits, over + SETTLED_S, np.inf),
    }
    notices = Counter(event.code for _, account in visits for _, event in account.events if isinstance(event, Notice))
    lost = sum(len(missing(account.numbers)) for _, account in visits)
    unheard = sum(
        max(0, len(reference(account.sent, RULES, 600).utterances) - len(account.finals)) for _, account in visits
    )
    wrong = [what for guest in guests for what in guest.wrong]
    if lost or unheard:
        wrong.append(f"{lost} finals are missing in their session's order, {unheard} at its end")
    if phases["after"]["p50"] > 1.5 * phases["before"]["p50"] + 0.5:  # a few dozen finals: their p95 is one of them
        wrong.append("ten seconds after the overload finals still take longer than before it")
    return Report(
        options,
        len(guests),
        most,
        sum(guest.refused for guest in guests),
        sum(len(account.finals) for _, account in visits),
        lost + unheard,
        phases,
        dict(notices),
        wrong,
    )


def _phase(visits: list[tuple[float, Account]], start: float, end: float) -> dict[str, float]:
    """Of the finals that come between two times."""
    latencies = [
        latency
        for began, account in visits
        for (at, _), latency in zip(account.finals, account.latencies(), strict=True)
        if start <= began + at < end
    ]
    shown = [began + at for began, account in visits for at, event in account.events if isinstance(event, Partial)]
    partials = sum(1 for at in shown if start <= at < end)
    p50, p95, most = np.percentile(latencies or [np.nan], (50, 95, 100))
    figures = {"p50": p50, "p95": p95, "max": most, "partials": partials / max(1, len(latencies))}
    return {name: round(float(figure), 2) for name, figure in figures.items()} | {"finals": len(latencies)}


def describe(report: Report) -> str:
    """The report for people."""
    lines = [
        f"sessions    {report.offered} offered, at most {report.most_held} held; {report.refused} times refused",
        f"finals      {report.finals}, missing {report.missing}",
        *(
            f"{name:11} final latency p50 {phase['p50']:.2f} s, p95 {phase['p95']:.2f} s, max {phase['max']:.2f} s "
            f"({phase['finals']} finals); {phase['partials']:.2f} partials an utterance"
            for name, phase in report.phases.items()
        ),
        f"notices     {report.notices}",
    ]
    return "\n".join([*lines, *(f"WRONG       {what}" for what in report.wrong)])


@click.command()
@click.option("--minutes", default=5.0, show_default=True, help="Of overload.")
@click.option("--factor", default=2.0, show_default=True, help="Offered load, in what the worker can serve.")
@click.option("--cost", default=0.05, show_default=True, help="Seconds the worker takes for each of audio.")
@click.option("--every", "every_s", default=1.0, show_default=True, help="Seconds between two sessions' beginnings.")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here as well.")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("artifacts/overload"),
    show_default=True,
    help="Where the logs of all services stay.",
)
def main(file: Path | None, logs: Path, **options: float) -> None:
    """Ask too much of a system; exit with 1 when a final is lost, or it does not recover."""
    asked = Options(**options)  # type: ignore[arg-type]
    report = asyncio.run(overload(asked, logs, lambda line: click.echo(line, err=True)))
    click.echo(describe(report))
    if file:
        file.write_text(json.dumps(asdict(report), indent=2) + "\n")
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
