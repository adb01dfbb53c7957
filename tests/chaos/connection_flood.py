"""What slow and many clients do to the others: `python -m tests.chaos.connection_flood --minutes 10`.

A few clients speak short utterances in real time to the null recognizer and note how long each final takes. Calm and
disturbed periods alternate, so that whatever else goes on in the machine falls on both. The burden comes from a process
of its own, with the lowest priority.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from backend.load.usage import usage
from backend.local.system import running
from backend.service.lifecycle import raise_open_file_limit
from stt_worker.recognizers.null import transcript
from tests.chaos.clients.noisy_clients import KINDS
from tests.chaos.ledger import RATE
from tests.chaos.speakers import voices
from tests.testkit.session import stream_url
from tests.testkit.system.plans import SPACIOUS, null_plan

GATEWAY = "gateway-1"
CLIENTS = 10
FRAME = 640
"""Samples sent at once: 40 ms."""
SPEECH_S, SILENCE_S = 0.9, 0.9
"""Of each utterance, and behind it."""
KEPT_MS, ENDPOINT_MS = 224, 608
"""Silence that is kept at an utterance's end, and silence that ends it, in whole windows of 32 ms."""
SETTLE_S = 2.0
"""After a burden is gone; what it left is cleared away meanwhile."""
PERIOD_S = 10.0
LAST_FINAL_S = 1.0
"""In which the finals come of what was spoken in a period, while the burden is still there."""
ALLOWED = 1.2
"""By so much the others' p99 may grow, at most."""

Tell = Callable[[str], None]
Said = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Sample:
    """One final."""

    spoken_at: float
    """When the last sample that is speech was sent; seconds of the monotonic clock."""
    latency_ms: float
    """From then to the final."""
    overhead_ms: float
    """From the sending of the sample that completes the silence behind it: what the system itself takes."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of the monotonic clock, and the time that the gateway computed in it."""

    began: float
    ended: float
    cpu_s: float


@dataclass(slots=True)
class Comparison:
    """What became of it."""

    calm: list[Sample] = field(default_factory=list)
    disturbed: dict[str, list[Sample]] = field(default_factory=dict)
    """By kind of burden."""
    busy: dict[str, float] = field(default_factory=dict)
    """The gateway's share of a core, calm ("calm") and by kind of burden."""
    wrong: list[str] = field(default_factory=list)
    """What measuring clients heard that is not theirs, or did not hear."""

    def growth(self, kind: str, percent: float) -> float:
        """A percentile of the latency under this burden, as a multiple of the calm one."""
        return percentile(self.disturbed[kind], percent) / percentile(self.calm, percent)


def percentile(samples: Sequence[Sample], percent: float) -> float:
    """Of the latency, in milliseconds."""
    return _percentiles(samples, percent)[0]


def _percentiles(samples: Sequence[Sample], percent: float) -> tuple[float, float]:
    """Of latency and overhead."""
    values = [(sample.latency_ms, sample.overhead_ms) for sample in samples] or [(np.nan, np.nan)]
    latency, overhead = np.percentile(values, percent, axis=0)
    return float(latency), float(overhead)


class Meter:
    """Clients that speak for as long as they are let, and keep all samples."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.wrong: list[str] = []
        self.enough = asyncio.Event()

    async def speak(self, url: str, said: Said, after_s: float) -> None:
        """One client, who says the same over and over."""
        await asyncio.sleep(after_s)
        sent_at: list[float] = []
        heard = 0
        async with connect(url, compression=None) as socket, asyncio.TaskGroup() as tasks:
            await socket.send('{"type":"start","language":"en"}')
            tasks.create_task(self._talk(socket, said, sent_at))
            async for frame in socket:
                event, now = json.loads(frame), time.monotonic()
                if event["type"] == "final":
                    heard += 1
                    self._take(event, now, heard, said, sent_at)
                elif event["type"] == "error":
                    self.wrong.append(f"error: {event}")

    async def _talk(self, socket: ClientConnection, said: Said, sent_at: list[float]) -> None:
        began = time.monotonic()
        while not self.enough.is_set():
            at = len(sent_at) * FRAME
            await asyncio.sleep(began + (at + FRAME) / RATE - time.monotonic())
            await socket.send(_heard(said, at, at + FRAME))
            sent_at.append(time.monotonic())
        await socket.send('{"type":"stop"}')

    def _take(self, final: Mapping[str, Any], now: float, number: int, said: Said, sent_at: Sequence[float]) -> None:
        start, end = final["start_ms"] * RATE // 1000, final["end_ms"] * RATE // 1000
        if end > len(sent_at) * FRAME:
            return  # cut off by `stop`
        if (final["utterance"], final["text"]) != (number, transcript(_heard(said, start, end))):
            self.wrong.append(f"final {number} is not of what was sent: {final}")
        speech_end_ms = final["end_ms"] - KEPT_MS
        spoken_at, ended_at = (
            sent_at[min((ms * RATE // 1000 - 1) // FRAME, len(sent_at) - 1)]
            for ms in (speech_end_ms, speech_end_ms + ENDPOINT_MS)
        )
        self.samples.append(Sample(spoken_at, 1000 * (now - spoken_at), 1000 * (now - ended_at)))


def _heard(said: Said, start: int, end: int) -> bytes:
    return said.take(range(start, end), mode="wrap").tobytes()


def utterances(count: int) -> list[Said]:
    """For each client a word or three, and silence, under a hiss of its own."""
    speech = voices(1, SPEECH_S + 1, "en", 0)[0][: round(SPEECH_S * RATE)].astype(np.int32)
    silence = np.zeros(round(SILENCE_S * RATE), np.int32)
    hiss = (np.random.default_rng(n).integers(-2, 3, len(speech) + len(silence)) for n in range(count))
    return [np.clip(np.concatenate([speech, silence]) + own, -32_768, 32_767).astype(np.int16) for own in hiss]


class Burden:
    """The process that disturbs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def begin(self, kind: str) -> None:
        """Returns once it is there."""
        await self._say(f"begin {kind}", "on")

    async def end(self) -> None:
        """Returns once it is gone."""
        await self._say("end", "off")

    async def _say(self, command: str, answer: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n".encode())
        async with asyncio.timeout(60):
            line = await self._process.stdout.readline()
        assert line.decode().strip() == answer, f"{command!r} was answered by {line!r}"


@asynccontextmanager
async def burden(http_url: str) -> AsyncIterator[Burden]:
    """The process, ready for commands."""
    host, port = http_url.removeprefix("http://").split(":")
    with tempfile.NamedTemporaryFile(prefix="nova-", suffix=".s16") as speech:
        speech.write(voices(1, 20, "en", 1)[0].tobytes())
        speech.flush()
        command = ("-m", "tests.chaos.clients.noisy_clients", host, port, speech.name)
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=PIPE, stdout=PIPE)
        try:
            yield Burden(process)
        finally:
            process.kill()
            await process.wait()


async def compare(rounds: int, period_s: float, kinds: Sequence[str], logs: Path, tell: Tell) -> Comparison:
    """Calm and disturbed in turn, for each kind of burden, so many times."""
    raise_open_file_limit()
    meter = Meter()
    periods: dict[str, list[Period]] = {kind: [] for kind in ("calm", *kinds)}
    async with running(null_plan(logs, environment=SPACIOUS), tell) as system, burden(system.urls[0]) as burdens:
        url = stream_url(system.urls[0])
        gateway = {GATEWAY: system.processes[GATEWAY]}
        async with asyncio.TaskGroup() as clients:
            for number, said in enumerate(utterances(CLIENTS)):
                clients.create_task(meter.speak(url, said, number * (SPEECH_S + SILENCE_S) / CLIENTS))
            await asyncio.sleep(SETTLE_S)
            for turn in range(rounds):
                for kind in kinds:
                    periods["calm"].append(await _pass(period_s, gateway))
                    await burdens.begin(kind)
                    periods[kind].append(await _pass(period_s, gateway))
                    await asyncio.sleep(LAST_FINAL_S)
                    await burdens.end()
                    await asyncio.sleep(SETTLE_S)
                tell(f"round {turn + 1} of {rounds}")
            meter.enough.set()
    disturbed = {kind: _of(some, meter.samples) for kind, some in periods.items()}
    busy = {
        kind: sum(one.cpu_s for one in some) / sum(one.ended - one.began for one in some)
        for kind, some in periods.items()
    }
    return Comparison(disturbed.pop("calm"), disturbed, busy, meter.wrong)


async def _pass(seconds: float, gateway: Mapping[str, int]) -> Period:
    """Let time pass."""
    began, before = time.monotonic(), usage(gateway)[GATEWAY]
    await asyncio.sleep(seconds)
    return Period(began, time.monotonic(), usage(gateway)[GATEWAY].since(before).cpu_s)


def _of(periods: Sequence[Period], samples: Sequence[Sample]) -> list[Sample]:
    """Those whose last word was spoken in one of the periods, whenever their final came."""
    return [sample for sample in samples if any(one.began <= sample.spoken_at < one.ended for one in periods)]


def describe(comparison: Comparison) -> str:
    """The figures for people."""
    lines = [
        "ms        finals  latency p50    p95    p99    max  overhead p50    p95    p99    max  gateway CPU  p99 grows"
    ]
    for kind, samples in {"calm": comparison.calm, **comparison.disturbed}.items():
        figures = [_percentiles(samples, percent) for percent in (50, 95, 99, 100)]
        latency, overhead = (" ".join(f"{pair[n]:6.0f}" for pair in figures) for n in (0, 1))
        growth = "" if kind == "calm" else f"{100 * (comparison.growth(kind, 99) - 1):+8.1f} %"
        busy = 100 * comparison.busy[kind]
        lines.append(f"{kind:8} {len(samples):7}      {latency}       {overhead} {busy:12.0f} % {growth}")
    return "\n".join([*lines, *(f"WRONG {what}" for what in comparison.wrong[:10])])


@click.command()
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--period", "period_s", default=PERIOD_S, show_default=True, help="Seconds, of calm as of burden.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="One burden; by default all.")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("artifacts/crowd"),
    show_default=True,
    help="Where the logs of all services stay.",
)
def main(minutes: float, period_s: float, kinds: tuple[str, ...], logs: Path) -> None:
    """Compare; exit with 1 when the others' p99 grows by more than a fifth, or anything heard is wrong."""
    kinds = kinds or tuple(KINDS)
    rounds = max(1, round(minutes * 60 / len(kinds) / (2 * period_s + SETTLE_S)))
    found = asyncio.run(compare(rounds, period_s, kinds, logs, lambda line: click.echo(line, err=True)))
    click.echo(describe(found))
    sys.exit(bool(found.wrong) or any(found.growth(kind, 99) > ALLOWED for kind in kinds))


if __name__ == "__main__":
    main()
