"""A kill storm: real processes, sessions in real time, random kill -9, then a check of every final.

See docs/howto/test-reliability.md.
`python -m tests.chaos.storm --minutes 10`, or `make storm`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import click
import numpy as np
from numpy.typing import NDArray

from backend.local.models import speech_model, translation_models
from backend.local.system import Plan, running
from backend.messages.protocol import Start
from gateway.session.segmenter import Rules
from gateway.settings import GatewaySettings
from tests.chaos.ledger import RATE, Account, differences, disordered, doubled, missing, reference, uncovered
from tests.chaos.process_killer import AWAY_S, SHARDS, Tell, kill, process, store
from tests.chaos.speakers import converse, logged, voices
from tests.testkit.session import stream_url

STAGGER_S = 5.0
"""Within which the sessions begin."""
PATIENT = {
    "STT_CLAIM_AFTER_MS": "1500",
    "TRANSLATION_CLAIM_AFTER_MS": "1500",
    "STT_MAX_ATTEMPTS": "100",
    "TRANSLATION_MAX_ATTEMPTS": "100",
    "GATEWAY_REFUSE_S": "1e6",
    "GATEWAY_REFUSE_LOAD": "1e6",
}
"""What a killed worker held is taken over quickly, so that a short storm ends; it is not the entry's fault, so none is
set aside; and nobody is refused while workers are away."""


@dataclass(frozen=True, slots=True)
class Options:
    """How hard it blows."""

    minutes: float = 10.0
    sessions: int = 20
    gateways: int = 2
    stt_workers: int = 3
    translation_workers: int = 2
    kill_every_s: float = 5.0
    """On average."""
    model: str = "null"
    cost: float = 0.05
    """Seconds that the null recognizer takes for a second of audio: workers should die with work in their hands."""
    redis: Literal["private", "aof", "memory", "sentinel", "cluster"] = "private"
    translate: bool = False
    """From Chinese into English, by a real model; else every text is "translated" into its own language, which takes
    the same way through the lanes and needs no model."""
    seed: int = 0

    @property
    def start(self) -> Start:
        """What each session asks for."""
        language = "zh" if self.translate else "en"
        return Start(language=language, translate_to=("en",) if self.translation_workers else ())


@dataclass(frozen=True, slots=True)
class Report:
    """What became of it."""

    options: Options
    audio_s: float
    utterances: int
    """Such as an undisturbed run hears."""
    finals: int
    alike: int
    """Finals with the very bounds that an undisturbed run gives."""
    missing: int
    doubled: int
    out_of_order: int
    translations: int
    resumes: int
    kills: dict[str, int]
    latency_s: dict[str, float]
    """From the sending of an utterance's last sample to its final: p50, p95, max."""
    stall_s: float
    """The longest time for which any session waited for its next final."""
    uncovered_ms: int
    uncovered_edge_ms: int
    """Of it, at utterances' edges, by less than 100 ms each."""
    wrong: list[str] = field(default_factory=list)
    """Everything that differs from what should be, in words."""


async def storm(options: Options, logs: Path, tell: Tell) -> Report:
    """Raise a system, let the sessions speak while its processes are killed, and reckon."""
    said = voices(options.sessions, 60 * options.minutes, options.start.language, options.seed)
    dice, kills = random.Random(options.seed), Counter[str]()
    async with (
        store(options.redis, logs, random.Random(options.seed)) as (victims, redis_url),
        running(_plan(options, logs, redis_url), tell) as system,
        asyncio.TaskGroup() as tasks,
    ):
        victims += [process(service) for service in system.services if service.name != "redis"]
        urls = [stream_url(url) for url in system.urls]

        async def session(number: int, sent: NDArray[np.int16]) -> Account:
            await asyncio.sleep(STAGGER_S * number / options.sessions)
            first = number % len(urls)
            return await converse(urls[first:] + urls[:first], sent, options.start)

        killer = tasks.create_task(kill(victims, options.kill_every_s, dice, kills, tell))
        accounts = await asyncio.gather(*(session(number, sent) for number, sent in enumerate(said)))
        killer.cancel()
        for account in accounts:
            account.logged = await logged(system.redis_url, account, SHARDS[options.redis])
    tell("all have ended; reckoning")
    for number, account in enumerate(accounts):
        (logs / f"session-{number}.jsonl").write_text(account.protocol())
    return reckon(options, accounts, kills)


def reckon(options: Options, accounts: Sequence[Account], kills: Counter[str]) -> Report:
    """The sums of all sessions."""
    heard = [reference(account.sent, _rules(), options.start.endpoint_ms) for account in accounts]
    latencies = [latency for account in accounts for latency in account.latencies()] or [np.nan]
    p50, p95, worst = (round(float(s), 3) for s in np.percentile(latencies, (50, 95, 100)))
    holes = [hole for account, ears in zip(accounts, heard, strict=True) for hole in uncovered(account, ears)]
    checks = {
        "checksums": options.model == "null",
        "translated": options.translation_workers > 0,
        "logged": options.redis in ("private", "aof"),  # others may forget what they have acknowledged
    }
    return Report(
        options=options,
        audio_s=sum(len(account.sent) for account in accounts) / RATE,
        utterances=sum(len(ears.utterances) for ears in heard),
        finals=sum(len(account.finals) for account in accounts),
        alike=sum(len(account.bounds & set(ears.utterances)) for account, ears in zip(accounts, heard, strict=True)),
        missing=sum(len(missing(account.numbers)) for account in accounts),
        doubled=sum(len(doubled(account.logged)) for account in accounts),
        out_of_order=sum(len(disordered(account.numbers)) for account in accounts),
        translations=sum(len(account.translations) for account in accounts),
        resumes=sum(account.resumes for account in accounts),
        kills=dict(sorted(kills.items())),
        latency_s={"p50": p50, "p95": p95, "max": worst},
        stall_s=round(max(account.stall() for account in accounts), 3),
        uncovered_ms=sum(end - start for start, end, _ in holes) // 16,
        uncovered_edge_ms=sum(end - start for start, end, explained in holes if explained) // 16,
        wrong=[
            f"session {number} ({account.session}): {what}"
            for number, (account, ears) in enumerate(zip(accounts, heard, strict=True))
            for what in differences(account, ears, **checks)
        ],
    )


def _rules() -> Rules:
    """By which the gateways cut, that read the same environment."""
    chosen = GatewaySettings()
    return Rules(pre_roll_ms=chosen.pre_roll_ms, pause_ms=chosen.early_final_ms, max_ms=chosen.max_utterance_ms)


def _plan(options: Options, logs: Path, redis_url: str | None) -> Plan:
    return Plan(
        stt_model=speech_model(options.model),
        translation_models=translation_models("opus-zh-en") if options.translate else "",
        port=0,
        gateways=options.gateways,
        stt_workers=options.stt_workers,
        translation_workers=options.translation_workers,
        redis_url=redis_url,
        logs=logs,
        pause_s=AWAY_S,
        environment={
            "STT_NULL_COST": str(options.cost),
            "STT_NULL_BASE_S": str(options.cost),
            "NOVA_SHARDS": str(SHARDS[options.redis]),
            **PATIENT,
        },
    )


# --- the command


def describe(report: Report) -> str:
    """The report for people."""
    latency = report.latency_s
    kills = ", ".join(f"{count} {kind}" for kind, count in report.kills.items()) or "none"
    lines = [
        f"sessions        {report.options.sessions}, {report.audio_s:.0f} s of audio",
        f"kills           {kills}; sessions were resumed {report.resumes} times",
        f"finals          {report.finals} (undisturbed {report.utterances}, {report.alike} of them the very same); "
        f"missing {report.missing}, doubled {report.doubled}, out of order {report.out_of_order}",
        f"translations    {report.translations}",
        f"speech missed   {report.uncovered_ms} ms, {report.uncovered_edge_ms} ms of it at edges",
        f"final latency   p50 {latency['p50']:.2f} s, p95 {latency['p95']:.2f} s, max {latency['max']:.2f} s",
        f"longest wait    {report.stall_s:.2f} s for a session's next final",
    ]
    if report.wrong:
        lines += [f"WRONG           {len(report.wrong)} differences; the first:", *report.wrong[:10]]
    return "\n".join(lines)


@click.command()
@click.option("--minutes", default=10.0, show_default=True, help="How long each session speaks.")
@click.option("--sessions", default=20, show_default=True)
@click.option("--gateways", default=2, show_default=True)
@click.option("--stt-workers", default=3, show_default=True)
@click.option("--translation-workers", default=2, show_default=True)
@click.option(
    "--kill-every",
    "kill_every_s",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.1),
    help="Seconds, on average.",
)
@click.option("--model", default="null", show_default=True, help="null, or a speech model: a name or directory.")
@click.option("--cost", default=0.05, show_default=True, help="Seconds that `null` takes for each of audio.")
@click.option("--redis", default="private", show_default=True, type=click.Choice(list(SHARDS)))
@click.option("--translate", is_flag=True, help="Translate with opus-zh-en.")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here as well.")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("artifacts/storm"),
    show_default=True,
    help="Where the logs of all services stay.",
)
def main(file: Path | None, logs: Path, **options: object) -> None:
    """Kill processes while sessions speak; exit with 1 when anything is lost, doubled or mixed up."""
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:7.1f} s  {line}", err=True)

    report = asyncio.run(storm(Options(**options), logs, tell))  # type: ignore[arg-type]
    click.echo(describe(report))
    if file:
        file.write_text(json.dumps(asdict(report), indent=2) + "\n")
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
