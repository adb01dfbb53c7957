"""How much of the model's speed the pipeline leaves: `python -m tests.bench.efficiency --seconds 120 --rounds 3`.

The same weights decode the same utterances in four ways: by themselves in batches, offline; by the worker's recognizer,
with its guards and second looks; behind the whole system, from the first byte of a file to its last final; and as
faster-whisper's users do, one by one in windows of 30 s.
The ways take turns, and what counts are medians over the rounds: a machine is seldom quiet. Seconds of audio are
those of the utterances; the silence between them, which only the pipeline has to hear, does not count for it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click
import httpx
from prometheus_client.parser import text_string_to_metric_families

from backend import models
from backend.engines.loading import Hardware
from backend.load.usage import usage, usage_between
from backend.local.processes import free_port
from backend.local.system import Plan, System, running
from backend.messages.protocol import Final
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings
from tests.bench.support import results
from tests.bench.support.offline_whisper import Bare
from tests.bench.support.utterances import Spoken, errors, joined, spoken
from tests.bench.windows import Heard, decode
from tests.testkit.session import speak_all
from tests.testkit.system.plans import HOSPITABLE

WORKER = "stt_worker-1"
WAYS = ("bare", "recognizer", "pipeline", "one by one")


@dataclass(frozen=True, slots=True)
class Run:
    """One way through all clips."""

    seconds: float
    cpu_s: float
    texts: tuple[str, ...]
    """Of each clip."""
    finals: int = 0
    second_looks: int = 0
    """Recognizer: utterances that a guard had decoded again."""
    model_s: float = 0.0
    """Pipeline: how long the model worked."""
    batches: float = 0.0
    """Pipeline: how often it was called."""
    cpu_of: tuple[tuple[str, float], ...] = ()
    """Pipeline: seconds by process; what "client" took is not in `cpu_s`."""


@dataclass(frozen=True, slots=True)
class Report:
    """Medians over the rounds."""

    audio_s: float
    rows: tuple[results.Row, ...]
    to_bare: float
    """The pipeline's speed, in that of the bare model."""
    to_one_by_one: float
    to_bare_by_cpu: float
    """The same as `to_bare` by seconds of processor time."""
    recognizer_to_bare_by_cpu: float
    """What of that is the recognizer's: guards, second looks, batches as they come."""
    second_looks: int
    decoding: float
    """Batches that the pipeline's model decoded at a time, on average."""
    batch: float
    """Utterances in one call of the pipeline's model."""
    cpu_s_of: dict[str, float]
    """The pipeline's processes."""
    wrong: tuple[str, ...]


async def measure(
    model: Path,
    said: Sequence[Spoken],
    *,
    rounds: int,
    at_once: int,
    threads: int,
    logs: Path,
    tell: Callable[[str], None],
) -> Report:
    """All ways, `rounds` times."""
    settings = SttSettings()
    bare = await asyncio.to_thread(Bare, model, threads=threads, beam_size=settings.beam_size)
    recognizer = FasterWhisper(model, model=model.name, hardware=Hardware("cpu", threads=threads))
    utterances = [samples for one in said for samples in one.utterances]
    port = free_port()
    environment = {**HOSPITABLE, "STT_METRICS_PORT": str(port), "STT_DEVICE": "cpu"}
    plan = Plan(str(model), "", port=0, translation_workers=0, logs=logs, environment=environment)
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    async with running(plan, lambda line: None) as system:
        for _ in range(rounds):
            for way in WAYS:
                match way:
                    case "bare":
                        run = await _alone(said, lambda: bare.in_batches(utterances, settings.batch))
                    case "recognizer":
                        run = _recognized(await asyncio.to_thread(decode, recognizer, said))
                    case "pipeline":
                        run = await _through(system, said, at_once, f"http://127.0.0.1:{port}/metrics")
                    case _:
                        run = await _alone(said, lambda: bare.one_by_one(utterances))
                runs[way].append(run)
                tell(f"{way}: {run.seconds:.1f} s, {run.cpu_s:.1f} CPU s")
    return _report(said, runs)


def heard_at_once(model: Path, said: Sequence[Spoken]) -> list[Spoken]:
    """Those clips of which no utterance needs a second look."""
    recognizer = FasterWhisper(model, model=model.name, hardware=Hardware("cpu"))
    return [one for one in said if not decode(recognizer, [one]).objections]


async def _alone(said: Sequence[Spoken], decode: Callable[[], list[str]]) -> Run:
    began, cpu_s = time.perf_counter(), time.process_time()
    texts = await asyncio.to_thread(decode)
    return Run(time.perf_counter() - began, time.process_time() - cpu_s, tuple(joined(said, texts)))


def _recognized(heard: Heard) -> Run:
    return Run(heard.seconds, heard.cpu_s, heard.texts, second_looks=len(heard.objections))


async def _through(system: System, said: Sequence[Spoken], at_once: int, metrics: str) -> Run:
    processes = {**system.processes, "client": os.getpid()}
    before, model_before, began = usage(processes), await _model(metrics), time.perf_counter()
    heard = await speak_all(system.urls[0], [one.pcm for one in said], at_once, language="en", partials=False)
    seconds, after, model = time.perf_counter() - began, usage(processes), await _model(metrics)
    cpu = {name: taken.cpu_s for name, taken in usage_between(before, after).items()}
    return Run(
        seconds,
        sum(cpu.values()) - cpu["client"],
        tuple(one.text for one in heard),
        finals=sum(len(one.of(Final)) for one in heard),
        model_s=model[0] - model_before[0],
        batches=model[1] - model_before[1],
        cpu_of=tuple(cpu.items()),
    )


async def _model(url: str) -> tuple[float, float]:
    """For how many seconds the worker's model has decoded finals, and in how many calls."""
    async with httpx.AsyncClient(timeout=10) as client:
        text = (await client.get(url)).text
    name = "stt_processing_duration_seconds"
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("kind") == "final" and family.name == name
    }
    return found.get(f"{name}_sum", 0.0), found.get(f"{name}_count", 0.0)


def _report(said: Sequence[Spoken], runs: dict[str, list[Run]]) -> Report:
    audio_s, utterances = sum(one.seconds for one in said), sum(len(one.utterances) for one in said)
    bare, recognized, through, one_by_one = (runs[way] for way in WAYS)
    rows: tuple[results.Row, ...] = tuple(
        {
            "way": way,
            "audio s / s": median(audio_s / run.seconds for run in some),
            "audio s / CPU s": median(audio_s / run.cpu_s for run in some),
            "WER %": median(errors(said, run.texts, "en") for run in some),
        }
        for way, some in runs.items()
    )
    names = [name for name, _ in through[0].cpu_of]
    return Report(
        audio_s,
        rows,
        to_bare=median(a.seconds / b.seconds for a, b in zip(bare, through, strict=True)),
        to_one_by_one=median(c.seconds / b.seconds for c, b in zip(one_by_one, through, strict=True)),
        to_bare_by_cpu=median(a.cpu_s / b.cpu_s for a, b in zip(bare, through, strict=True)),
        recognizer_to_bare_by_cpu=median(a.cpu_s / r.cpu_s for a, r in zip(bare, recognized, strict=True)),
        second_looks=recognized[0].second_looks,
        decoding=median(run.model_s / run.seconds for run in through),
        batch=median(run.finals / run.batches for run in through),
        cpu_s_of={name: median(dict(run.cpu_of)[name] for run in through) for name in names},
        wrong=tuple(f"{run.finals} finals of {utterances} utterances" for run in through if run.finals != utterances),
    )


def describe(report: Report) -> str:
    """The figures for people."""
    processes = ", ".join(f"{name} {cpu_s:.2f}" for name, cpu_s in report.cpu_s_of.items())
    return "\n".join(
        [
            results.table(report.rows),
            f"pipeline / bare: {report.to_bare:.2f} ({report.to_bare_by_cpu:.2f} by CPU time); "
            f"pipeline / one by one: {report.to_one_by_one:.2f}",
            f"recognizer / bare: {report.recognizer_to_bare_by_cpu:.2f} by CPU time, with second looks at "
            f"{report.second_looks} utterances",
            f"in the pipeline {report.decoding:.2f} batches at a time, of {report.batch:.1f} utterances each",
            f"CPU s: {processes}",
            *(f"WRONG {what}" for what in report.wrong),
        ]
    )


@click.command()
@click.option(
    "--model", default="whisper-base", show_default=True, help="A name from `nova models list`, or a directory."
)
@click.option("--seconds", default=120.0, show_default=True, help="About how much audio.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--at-once", type=click.IntRange(1), default=8, show_default=True, help="Sessions of the pipeline.")
@click.option("--plain", is_flag=True, help="Leave out clips that need a second look: the bare model takes none.")
@click.option("--threads", type=click.IntRange(1), default=os.cpu_count(), show_default=True, help="Of the model.")
@results.option
def main(model: str, seconds: float, rounds: int, at_once: int, plain: bool, threads: int, file: Path | None) -> None:
    """Measure; exit with 1 when the pipeline did not hear as many utterances as there are."""
    results.quiet()
    said = spoken(["en"], seconds)
    if plain:
        said = heard_at_once(models.fetch(model), said)
    with tempfile.TemporaryDirectory(prefix="nova-") as logs:
        report = asyncio.run(
            measure(
                models.fetch(model),
                said,
                rounds=rounds,
                at_once=at_once,
                threads=threads,
                logs=Path(logs),
                tell=lambda line: click.echo(f"  {line}", err=True),
            )
        )
    click.echo(describe(report))
    options = {
        "model": model,
        "rounds": rounds,
        "at_once": at_once,
        "plain": plain,
        "threads": threads,
        "clips": len(said),
    }
    results.write(file, options, **asdict(report))
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
