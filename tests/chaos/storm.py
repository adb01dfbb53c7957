"""Kill processes with SIGKILL while sessions speak in real time, then check every final: `make storm`.

See docs/howto/test-reliability.md.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import click
import numpy as np
from numpy.typing import NDArray

from backend.load.driver import drive_session
from backend.load.score import Spread
from backend.local.discovery import stream_url
from backend.local.models import speech_model, translation_models
from backend.local.system import Plan, running
from backend.messages.protocol import Start
from gateway.session.segmenter import Rules
from gateway.settings import GatewaySettings
from tests.chaos.checks import Checks, differences, duplicated, missing, out_of_order, uncovered
from tests.chaos.features import (
    count_features,
    enrol,
    feature_settings,
    feature_start,
    has_own_text,
    ignored_errors,
    room_errors,
)
from tests.chaos.process_killer import MAX_DOWNTIME_S, SHARDS, kill_at_random, service_target, start_redis
from tests.testkit import cli
from tests.testkit.audio.reference import Reference, segment
from tests.testkit.audio.voices import voices
from tests.testkit.session import RATE, SAMPLES_PER_MS, ClientLedger, read_session_log
from tests.testkit.system.plans import system_plan

STAGGER_S = 5.0  # sessions begin within this time
RECONNECT_S = 150.0  # clients do not give up while a busy machine starts a gateway
# Short claim times keep a short storm short. Entries are not dead-lettered for crashes that the storm caused, and no
# session is refused while workers are down.
STORM_SETTINGS = {
    "STT_CLAIM_AFTER_MS": "1500",
    "TRANSLATION_CLAIM_AFTER_MS": "1500",
    "STT_MAX_ATTEMPTS": "100",
    "TRANSLATION_MAX_ATTEMPTS": "100",
    "GATEWAY_REFUSE_S": "1e6",
    "GATEWAY_REFUSE_LOAD": "1e6",
}


@dataclass(frozen=True, slots=True)
class Options:
    """Size of the system, number of sessions, and how often a process is killed."""

    minutes: float = 10.0
    sessions: int = 20
    gateways: int = 2
    stt_workers: int = 3
    translation_workers: int = 2
    kill_every_s: float = 5.0  # mean of an exponential distribution
    model: str = "null"
    # Seconds that the null recognizer takes per second of audio. It must be above zero: workers should be killed while
    # jobs are in flight.
    cost: float = 0.05
    redis: Literal["private", "aof", "memory", "sentinel", "cluster"] = "private"
    # Translate Chinese to English with a real model. Otherwise each text is "translated" to its own language, which
    # uses the same streams and needs no model.
    translate: bool = False
    # Sessions use the options for conversations, with real models of turns, voices and noise.
    features: bool = False
    seed: int = 0
    stagger_s: float = STAGGER_S

    @property
    def language(self) -> str:
        """The language that sessions speak."""
        return "zh" if self.translate else "en"

    def start(self, number: int) -> Start:
        """The `start` message of a session."""
        plain = Start(language=self.language, translate_to=("en",) if self.translation_workers else ())
        return feature_start(number, plain) if self.features else plain


@dataclass(frozen=True, slots=True)
class Report:
    """Sums over all sessions."""

    options: Options
    audio_s: float
    expected: int  # utterances that an undisturbed run finds
    finals: int
    identical: int  # finals with exactly the bounds of an undisturbed run
    missing: int
    duplicated: int
    out_of_order: int
    translations: int
    reconnects: int
    kills: dict[str, int]
    latency_s: Spread | None  # from sending the last sample of an utterance to its final
    longest_wait_s: float  # for the next final, over all sessions
    uncovered_ms: int
    uncovered_edge_ms: int  # part of `uncovered_ms`: less than 100 ms at an edge of an utterance, after a resume
    features: dict[str, int] = field(default_factory=dict)  # results of the options for conversations
    wrong: list[str] = field(default_factory=list)


async def storm(options: Options, logs: Path, progress: cli.Progress) -> Report:
    """Start a system, kill its processes while sessions speak, and compare what was sent and received."""
    audio = voices(options.sessions, 60 * options.minutes, options.language, options.seed)
    kills = Counter[str]()
    async with (
        start_redis(options.redis, logs, random.Random(options.seed)) as (targets, redis_url),
        running(_plan(options, logs, redis_url), progress) as system,
        asyncio.TaskGroup() as tasks,
    ):
        if options.features:
            await enrol(stream_url(system.urls[0]))
        targets += [service_target(service) for service in system.services if service.name != "redis"]
        random_kills = kill_at_random(targets, options.kill_every_s, random.Random(options.seed), kills, progress)
        killer = tasks.create_task(random_kills)
        ledgers = await speak_in_parallel(
            [stream_url(url) for url in system.urls], audio, options.start, options.stagger_s
        )
        killer.cancel()
        shards = SHARDS[options.redis]
        for ledger in ledgers:
            ledger.logged = await read_session_log(system.redis_url, ledger.session, shards)
        wrong = await room_errors(system.redis_url, shards, ledgers) if options.features else []
    progress("all sessions have ended; comparing")
    for number, ledger in enumerate(ledgers):
        (logs / f"session-{number}.jsonl").write_text(ledger.event_log())
    report = compare(options, ledgers, kills)
    return replace(report, wrong=[*report.wrong, *wrong])


async def speak_in_parallel(
    urls: Sequence[str], audio: Sequence[NDArray[np.int16]], start: Callable[[int], Start], stagger_s: float
) -> list[ClientLedger]:
    """Drive one session for each piece of audio in real time. Sessions connect to the gateways in turn.

    `start` returns the message of a session by its number.
    """
    clock = time.monotonic()

    async def drive(number: int) -> ClientLedger:
        first = number % len(urls)
        order, begin_s = [*urls[first:], *urls[:first]], stagger_s * number / len(audio)
        ledger = ClientLedger.for_audio(audio[number])
        return await drive_session(
            order, start(number), ledger, clock=clock, begin_s=begin_s, reconnect_timeout_s=RECONNECT_S
        )

    return list(await asyncio.gather(*map(drive, range(len(audio)))))


def compare(options: Options, ledgers: Sequence[ClientLedger], kills: Counter[str]) -> Report:
    """Compare each session with an undisturbed segmentation of its audio."""
    starts = [options.start(number) for number in range(len(ledgers))]
    rules = _rules()
    expected = [segment(ledger.pcm, rules, start.endpoint_ms) for ledger, start in zip(ledgers, starts, strict=True)]
    pairs = list(zip(ledgers, expected, strict=True))
    open_speech = [stretch for ledger, reference in pairs for stretch in uncovered(ledger, reference)]
    return Report(
        options=options,
        audio_s=sum(len(ledger.pcm) for ledger in ledgers) / RATE,
        expected=sum(len(reference.utterances) for reference in expected),
        finals=sum(len(ledger.finals) for ledger in ledgers),
        identical=sum(len(ledger.bounds & set(reference.utterances)) for ledger, reference in pairs),
        missing=sum(len(missing(ledger.utterances)) for ledger in ledgers),
        duplicated=sum(len(duplicated(ledger.logged)) for ledger in ledgers),
        out_of_order=sum(len(out_of_order(ledger.utterances)) for ledger in ledgers),
        translations=sum(len(ledger.final_translations) for ledger in ledgers),
        reconnects=sum(ledger.reconnects for ledger in ledgers),
        kills=dict(sorted(kills.items())),
        latency_s=Spread.of([latency for ledger in ledgers for latency in ledger.latencies()]),
        longest_wait_s=max(ledger.longest_wait() for ledger in ledgers),
        uncovered_ms=sum(end - start for start, end, _ in open_speech) // SAMPLES_PER_MS,
        uncovered_edge_ms=sum(end - start for start, end, explained in open_speech if explained) // SAMPLES_PER_MS,
        features=count_features(ledgers) if options.features else {},
        wrong=[
            f"session {number} ({ledger.session}): {difference}"
            for number, (ledger, reference) in enumerate(pairs)
            for difference in _differences(options, starts[number], ledger, reference)
        ],
    )


def _differences(options: Options, start: Start, ledger: ClientLedger, expected: Reference) -> list[str]:
    checks = Checks(
        checksums=options.model == "null" and has_own_text(start),
        stable=start.finals == "stable",
        translations=options.translation_workers > 0,
        log=options.redis in ("private", "aof"),  # the others may lose writes that they acknowledged
    )
    unexplained = ignored_errors(ledger) if start.only_speaker else []
    return [*differences(ledger, expected, checks), *unexplained]


def _rules() -> Rules:
    """The segmentation rules of the gateways, which read the same environment."""
    settings = GatewaySettings()
    return Rules(pre_roll_ms=settings.pre_roll_ms, pause_ms=settings.early_final_ms, max_ms=settings.max_utterance_ms)


def _plan(options: Options, logs: Path, redis_url: str | None) -> Plan:
    environment = {"STT_NULL_COST": str(options.cost), "STT_NULL_BASE_S": str(options.cost)}
    environment |= feature_settings() if options.features else {}
    return system_plan(
        logs,
        stt_model=speech_model(options.model),
        translation_models=translation_models("opus-zh-en") if options.translate else "",
        gateways=options.gateways,
        stt_workers=options.stt_workers,
        translation_workers=options.translation_workers,
        redis_url=redis_url,
        max_restart_delay_s=MAX_DOWNTIME_S,
        environment={**environment, "NOVA_SHARDS": str(SHARDS[options.redis]), **STORM_SETTINGS},
    )


def describe(report: Report) -> str:
    """The report as text."""
    kills = ", ".join(f"{count} {kind}" for kind, count in report.kills.items()) or "none"
    lines = [
        f"sessions         {report.options.sessions}, {report.audio_s:.0f} s of audio",
        f"kills            {kills}; {report.reconnects} reconnects",
        f"finals           {report.finals} (expected {report.expected}, {report.identical} with identical bounds); "
        f"missing {report.missing}, duplicated {report.duplicated}, out of order {report.out_of_order}",
        f"translations     {report.translations}",
        f"uncovered speech {report.uncovered_ms} ms, {report.uncovered_edge_ms} ms of it at edges of utterances",
        f"final latency    {cli.spread(report.latency_s)}",
        f"longest wait     {report.longest_wait_s:.2f} s for the next final of a session",
    ]
    if report.features:
        lines.append(f"features         {', '.join(f'{count} {name}' for name, count in report.features.items())}")
    return cli.with_problems(lines, report.wrong)


@click.command()
@cli.minutes_option(10.0)
@cli.sessions_option(20)
@click.option("--gateways", default=2, show_default=True, help="Gateway processes.")
@click.option("--stt-workers", default=3, show_default=True, help="STT worker processes.")
@click.option("--translation-workers", default=2, show_default=True, help="Translation worker processes.")
@click.option(
    "--kill-every", "kill_every_s", default=5.0, type=click.FloatRange(0.1), help="Mean seconds between kills."
)
@cli.model_option("null")
@cli.null_cost_option
@click.option("--redis", default="private", show_default=True, type=click.Choice(list(SHARDS)), help="Kind of Redis.")
@click.option("--translate", is_flag=True, help="Translate Chinese to English with opus-zh-en.")
@click.option("--features", is_flag=True, help="Sessions use all options for conversations (needs ../shared).")
@cli.seed_option
@cli.json_option
@cli.logs_option("storm")
def main(json_file: Path | None, logs: Path, **options: object) -> None:
    """Kill processes while sessions speak. Exits with 1 if a result is lost, duplicated or mixed up."""
    report = asyncio.run(storm(Options(**options), logs, cli.progress()))  # type: ignore[arg-type]
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
