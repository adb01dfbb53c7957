"""What the pipeline takes beside the model: `python -m tests.bench.overhead --sessions 100 --seconds 30`.

N sessions speak real speech in real time to the null recognizer, which answers at once. Overhead is the time from the
sending of the frame that completes the silence behind an utterance to the arrival of its final at the client: what a
user waits for beside that silence, with both ways through the loopback and the client's own reading in it. Without
previews the final is decoded behind the endpoint; with them it has been decoded early, and the endpoint releases it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import click
import httpx
import numpy as np
import uvloop
from prometheus_client.parser import text_string_to_metric_families

from backend.load.usage import usage, usage_between
from backend.local.system import running
from backend.service.lifecycle import raise_open_file_limit
from gateway.session.segmenter import WINDOW
from stt_worker.recognizers.null import transcript
from tests.bench.support import results
from tests.bench.support.load_swarm import FRAME, FRAME_S, RATE, Singer, Track, assemble, dismiss, sing
from tests.testkit.session import stream_url
from tests.testkit.system.plans import SPACIOUS, null_plan
from tests.testkit.system.processes import resident_mb

KEPT, ENDPOINT = 7 * WINDOW, 19 * WINDOW
"""Samples of silence: kept at an utterance's end (224 ms), and ending it (608 ms); whole windows of the detector."""
LATENCY = "nova_gateway_final_latency_seconds"
GATEWAY = "gateway-1"
WARM_S = 3.0
"""Everybody begins at once; what is sent before this time does not count."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run gave. Milliseconds, except where a name says otherwise."""

    sessions: int
    seconds: float
    previews: bool
    finals: int
    p50: float
    p95: float
    p99: float
    worst: float
    cpu_s_per_session_minute: dict[str, float]
    """By process; "generator" is the one that measures."""
    cpu_share: float
    """Of one core, all processes together."""
    waited_share: float
    """Of the time, for which the gateway could have run but had no core: above a few percent, others are measured."""
    gateway_mb: float
    gateway_kb_per_session: float
    """Its growth since it stood ready without sessions."""
    gateway_within: dict[str, float]
    """The share of finals that the gateway itself sent within so many seconds of noticing the utterance's end."""
    wrong: tuple[str, ...]
    """Missing finals and whatever else is not as it should be."""


async def measure(sessions: int, seconds: float, *, previews: bool, logs: Path) -> Report:
    """One run on a fresh system of one gateway and one worker."""
    track = Track.of_speech()
    async with running(null_plan(logs, environment=SPACIOUS), lambda line: None) as system:
        processes = {**system.processes, "generator": os.getpid()}
        gateway = processes[GATEWAY]
        empty_mb = resident_mb(gateway)
        options = {"language": "en", "partials": previews}
        singers = await assemble(stream_url(system.urls[0]), track, sessions, options)
        sing(singers)
        await asyncio.sleep(WARM_S)
        before, waited_s = usage(processes), _waited_s(gateway)
        await asyncio.sleep(seconds)
        cpu_s = {name: taken.cpu_s for name, taken in usage_between(before, usage(processes)).items()}
        full_mb, waited_s = resident_mb(gateway), _waited_s(gateway) - waited_s
        within = await _within(system.urls[0])
        await dismiss(singers)
    overheads, wrong = _judged(singers)
    p50, p95, p99, worst = np.percentile(overheads or [np.nan], [50, 95, 99, 100]).round(2).tolist()
    return Report(
        sessions,
        seconds,
        previews,
        len(overheads),
        p50,
        p95,
        p99,
        worst,
        {name: round(60 * taken / sessions / seconds, 3) for name, taken in cpu_s.items()},
        round(sum(cpu_s.values()) / seconds, 2),
        round(waited_s / seconds, 3),
        round(full_mb, 1),
        round(1000 * (full_mb - empty_mb) / sessions),
        within,
        tuple(wrong),
    )


def _judged(singers: Sequence[Singer]) -> tuple[list[float], list[str]]:
    """Overheads of all finals whose silence was sent, and what is wrong."""
    overheads: list[float] = []
    wrong: list[str] = []
    for number, singer in enumerate(singers):
        events = [(at, json.loads(data)) for at, data in singer.came]
        finals = {event["utterance"]: (at, event) for at, event in events if event["type"] == "final"}
        started = {event["utterance"] for _, event in events if event["type"] == "speech_started"}
        wrong += [f"session {number}: no final of {lost}" for lost in sorted(started - finals.keys())]
        wrong += [f"session {number}: {event}" for _, event in events if event["type"] == "error"]
        wrong += [f"session {number}: out of order" for one, next_ in pairwise(finals) if next_ <= one]
        if not events or events[-1][1]["type"] != "done":
            wrong.append(f"session {number}: did not end with done")
        for at, final in finals.values():
            start, end = final["start_ms"] * RATE // 1000, final["end_ms"] * RATE // 1000
            if end <= len(singer.sent_at) * FRAME and final["text"] != transcript(singer.said(start, end)):
                wrong.append(f"session {number}: final {final['utterance']} is not of what was said")
            complete = -(-(end - KEPT + ENDPOINT) // FRAME) - 1
            if complete * FRAME_S >= WARM_S and complete < len(singer.sent_at):
                overheads.append(1000 * (at - singer.sent_at[complete]))
    return overheads, wrong


def _waited_s(pid: int) -> float:
    """How long the main thread has waited for a core so far (Linux, schedstat)."""
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
    """The figures for people."""
    lines = [
        "sessions previews finals    p50    p95    p99    max ms  wrong  CPU s a session-minute: "
        "gateway worker  redis generator    all  cores waited  KB a session"
    ]
    for one in reports:
        cpu = one.cpu_s_per_session_minute
        each = [cpu[name] for name in (GATEWAY, "stt_worker-1", "redis", "generator")]
        lines.append(
            f"{one.sessions:8} {'on' if one.previews else 'off':>8} {one.finals:6} "
            f"{one.p50:6.1f} {one.p95:6.1f} {one.p99:6.1f} {one.worst:6.1f}    {len(one.wrong):6}"
            f"{each[0]:33.3f} {each[1]:6.3f} {each[2]:6.3f} {each[3]:9.3f} {sum(each):6.3f} {one.cpu_share:6.2f} "
            f"{one.waited_share:6.1%}"
            f"{one.gateway_kb_per_session:13.0f}"
        )
    return "\n".join([*lines, *(f"WRONG {what}" for one in reports for what in one.wrong[:10])])


@click.command()
@click.option("--sessions", multiple=True, type=int, default=(100,), show_default=True, help="May be given repeatedly.")
@click.option("--seconds", default=30.0, show_default=True, help="How long they speak.")
@click.option("--previews", type=click.Choice(("on", "off", "both")), default="both", show_default=True)
@results.option
def main(sessions: tuple[int, ...], seconds: float, previews: str, file: Path | None) -> None:
    """Measure; exit with 1 when a final is missing or anything heard is wrong."""
    raise_open_file_limit()
    kinds = {"on": (True,), "off": (False,), "both": (False, True)}[previews]
    reports: list[Report] = []
    with (
        tempfile.TemporaryDirectory(prefix="nova-") as logs,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        for count in sessions:
            for on in kinds:
                report = runner.run(measure(count, seconds, previews=on, logs=Path(logs)))
                reports.append(report)
                click.echo(describe(reports[-1:]))
    results.write(file, {}, runs=[asdict(report) for report in reports])
    sys.exit(any(report.wrong for report in reports))


if __name__ == "__main__":
    main()
