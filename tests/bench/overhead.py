"""Measure the overhead of the pipeline without a model: `python -m tests.bench.overhead --sessions 100 --seconds 30`.

Sessions speak real speech in real time to the null recognizer, which answers at once. Overhead is the time from sending
the frame that completes the endpoint silence to the arrival of the final: what a user waits for in addition to that
silence. It includes both ways over loopback and reading by the client. Without previews, a final is decoded after the
endpoint. With previews, it has been decoded early, and the endpoint releases it.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import click
import httpx
import uvloop
from prometheus_client.parser import text_string_to_metric_families

from backend.load.score import Spread
from backend.load.usage import usage, usage_between
from backend.local.discovery import stream_url
from backend.local.system import running
from backend.messages.protocol import Done, Error, SpeechStarted, Start
from backend.service.lifecycle import raise_open_file_limit
from gateway.session.segmenter import WINDOW
from stt_worker.recognizers.null import transcript
from tests.bench.support.load_swarm import FRAME_S, SwarmSession, Track, begin_all, open_sessions, stop_all
from tests.testkit import cli
from tests.testkit.session import FRAME, SAMPLES_PER_MS
from tests.testkit.system.plans import NO_LIMITS, system_plan
from tests.testkit.system.processes import resident_mb

# Samples of silence: kept at the end of an utterance (224 ms), and ending it (608 ms). Whole windows of the detector.
KEPT, ENDPOINT = 7 * WINDOW, 19 * WINDOW
LATENCY = "nova_gateway_final_latency_seconds"
GATEWAY = "gateway-1"
GENERATOR = "generator"  # this process
WARM_UP_S = 3.0  # all sessions begin at once; results before this time do not count


@dataclass(frozen=True, slots=True)
class Report:
    """Result of one run."""

    sessions: int
    seconds: float
    previews: bool
    overhead_ms: Spread | None
    cpu_s_per_session_minute: dict[str, float]  # by process
    cores: float  # CPU time of all processes per second
    # Share of the time in which the gateway was ready to run and had no core. Above a few percent, the run measures
    # the load of the machine.
    gateway_waited: float
    gateway_mb: float
    gateway_kb_per_session: float  # growth since it was ready without sessions
    # Share of finals that the gateway sent within this many seconds after the endpoint.
    gateway_within: dict[str, float]
    wrong: tuple[str, ...]


async def measure(sessions: int, seconds: float, *, previews: bool, logs: Path) -> Report:
    """One run on a new system with one gateway and one worker."""
    track = Track.of_speech()
    async with running(system_plan(logs, environment=NO_LIMITS), cli.silent) as system:
        processes = {**system.processes, GENERATOR: os.getpid()}
        gateway = processes[GATEWAY]
        empty_mb = resident_mb(gateway)
        start = Start(language="en", partials=previews, endpoint_ms=600)
        swarm = await open_sessions(stream_url(system.urls[0]), track, sessions, start)
        begin_all(swarm)
        await asyncio.sleep(WARM_UP_S)
        before, waited_s = usage(processes), _waited_s(gateway)
        await asyncio.sleep(seconds)
        cpu_s = {name: taken.cpu_s for name, taken in usage_between(before, usage(processes)).items()}
        full_mb, waited_s = resident_mb(gateway), _waited_s(gateway) - waited_s
        within = await _within(system.urls[0])
        await stop_all(swarm)
    overheads, wrong = _judge(swarm)
    return Report(
        sessions,
        seconds,
        previews,
        Spread.of(overheads),
        cpu_s_per_session_minute={name: round(60 * taken / sessions / seconds, 3) for name, taken in cpu_s.items()},
        cores=round(sum(cpu_s.values()) / seconds, 2),
        gateway_waited=round(waited_s / seconds, 3),
        gateway_mb=round(full_mb, 1),
        gateway_kb_per_session=round(1000 * (full_mb - empty_mb) / sessions),
        gateway_within=within,
        wrong=tuple(wrong),
    )


def _judge(swarm: Sequence[SwarmSession]) -> tuple[list[float], list[str]]:
    """Overheads in milliseconds of the finals whose endpoint silence was sent, and problems."""
    overheads: list[float] = []
    wrong: list[str] = []
    for number, session in enumerate(swarm):
        ledger = session.ledger()
        finals = {final.utterance: (at, final) for at, final in ledger.finals}
        started = {event.utterance for _, event in ledger.of(SpeechStarted)}
        problems = [f"no final of {lost}" for lost in sorted(started - finals.keys())]
        problems += [str(error) for _, error in ledger.of(Error)]
        problems += ["finals out of order" for one, following in pairwise(finals) if following <= one]
        if not ledger.of(Done):
            problems.append("did not end with done")
        for at, final in finals.values():
            start, end = final.start_ms * SAMPLES_PER_MS, final.end_ms * SAMPLES_PER_MS
            if end <= len(ledger.sent_at) * FRAME and final.text != transcript(session.audio(start, end)):
                problems.append(f"final {final.utterance} does not match the audio")
            endpoint = end - KEPT + ENDPOINT - 1
            sent = ledger.sent_time(endpoint)
            if sent is not None and endpoint // FRAME * FRAME_S >= WARM_UP_S:
                overheads.append(1000 * (at - sent))
        wrong += [f"session {number}: {problem}" for problem in problems]
    return overheads, wrong


def _waited_s(pid: int) -> float:
    """How long the main thread has waited for a core (Linux, /proc/PID/schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


async def _within(url: str) -> dict[str, float]:
    async with httpx.AsyncClient(timeout=10) as client:
        text = (await client.get(f"{url}/metrics")).text
    buckets: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        if family.name == LATENCY:
            buckets |= {one.labels["le"]: one.value for one in family.samples if one.name == f"{LATENCY}_bucket"}
    total = max(buckets.values(), default=0.0)
    return {limit: round(count / total, 4) for limit, count in buckets.items() if total and float(limit) <= 0.25}


def describe(reports: Sequence[Report]) -> str:
    """The reports as a table."""
    rows = []
    for one in reports:
        cpu = one.cpu_s_per_session_minute
        row: dict[str, str | float] = {"sessions": one.sessions, "previews": "on" if one.previews else "off"}
        if spread := one.overhead_ms:
            row |= {"finals": spread.count, "p50 ms": spread.p50, "p95 ms": spread.p95, "p99 ms": spread.p99}
            row |= {"max ms": spread.max}
        row |= {f"{name} CPU s / session-minute": taken for name, taken in cpu.items()}
        row |= {"cores": one.cores, "gateway waited": f"{one.gateway_waited:.1%}"}
        rows.append({**row, "KB / session": one.gateway_kb_per_session})
    return cli.with_problems([cli.table(rows)], [problem for one in reports for problem in one.wrong])


@click.command()
@click.option("--sessions", multiple=True, type=int, default=(100,), show_default=True, help="May be repeated.")
@click.option("--seconds", default=30.0, show_default=True, help="How long sessions speak.")
@click.option("--previews", type=click.Choice(("on", "off", "both")), default="both", show_default=True)
@cli.json_option
def main(sessions: tuple[int, ...], seconds: float, previews: str, json_file: Path | None) -> None:
    """Measure the overhead. Exits with 1 if a final is missing or wrong."""
    raise_open_file_limit()
    reports: list[Report] = []
    with (
        tempfile.TemporaryDirectory(prefix="nova-") as logs,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        for count in sessions:
            for on in {"on": (True,), "off": (False,), "both": (False, True)}[previews]:
                reports.append(runner.run(measure(count, seconds, previews=on, logs=Path(logs))))
    click.echo(describe(reports))
    cli.write_json(json_file, runs=[asdict(report) for report in reports])
    sys.exit(any(report.wrong for report in reports))


if __name__ == "__main__":
    main()
