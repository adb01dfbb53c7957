"""Measure how much of the model's speed the pipeline keeps: `python -m tests.bench.efficiency --rounds 3`.

The same weights decode the same utterances in four ways: offline in batches ("bare"), by the worker's recognizer with
its guards and second decodes, through the whole system (from the first byte of a file to its last final), and one by
one in windows of 30 s, as users of faster-whisper do.
The ways alternate, and the results are medians over the rounds, because other processes disturb single rounds. Seconds
of audio are those of the utterances. The silence between them, which only the pipeline processes, does not count.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import cpu_count, getpid
from pathlib import Path
from statistics import median

import click
import httpx
from prometheus_client.parser import text_string_to_metric_families

from backend import models
from backend.engines.loading import Hardware
from backend.load.usage import usage, usage_between
from backend.local.processes import free_port
from backend.local.system import System, running
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings
from tests.bench.encoder_windows import Decoded, decode
from tests.bench.support.offline_whisper import OfflineWhisper
from tests.bench.support.utterances import BenchClip, bench_clips, error_percent, join_utterances
from tests.testkit import cli
from tests.testkit.session import speak_all
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

WAYS = ("bare", "recognizer", "pipeline", "one by one")


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure."""

    rounds: int
    at_once: int  # sessions of the pipeline
    threads: int  # 0: all cores


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over all clips in one way."""

    seconds: float
    cpu_s: float
    texts: tuple[str, ...]  # one per clip
    second_decodes: int = 0  # of the recognizer
    # Of the pipeline:
    finals: int = 0
    model_s: float = 0.0  # time in the model
    batches: float = 0.0  # calls of the model
    cpu_of: tuple[tuple[str, float], ...] = ()  # seconds by process; "client" is not part of `cpu_s`


@dataclass(frozen=True, slots=True)
class Report:
    """Medians over the rounds. Ratios above 1 mean that the pipeline is faster."""

    options: Options
    audio_s: float
    rows: tuple[cli.Row, ...]
    to_bare: float
    to_one_by_one: float
    to_bare_by_cpu: float
    recognizer_to_bare_by_cpu: float  # the part of the recognizer: guards, second decodes, batches as they come
    second_decodes: int
    decoding: float  # concurrent batches in the pipeline's model, on average
    batch: float  # utterances per call of the pipeline's model
    cpu_s_of: dict[str, float]  # by process of the pipeline
    wrong: tuple[str, ...]


async def measure(
    model: Path, clips: Sequence[BenchClip], options: Options, logs: Path, progress: cli.Progress
) -> Report:
    """Measure all ways in turn, `rounds` times."""
    settings, threads = SttSettings(), options.threads or cpu_count() or 1
    bare = await asyncio.to_thread(OfflineWhisper, model, threads=threads, beam_size=settings.beam_size)
    recognizer = FasterWhisper(model, model=model.name, hardware=Hardware("cpu", threads=threads))
    utterances = [samples for clip in clips for samples in clip.utterances]
    port = free_port()
    environment = {**NO_LOAD_LIMIT, "STT_METRICS_PORT": str(port), "STT_DEVICE": "cpu"}
    plan = system_plan(logs, stt_model=str(model), quick_claims=False, environment=environment)
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    async with running(plan, cli.silent) as system:
        for _ in range(options.rounds):
            for way in WAYS:
                match way:
                    case "bare":
                        run = await _run_offline(clips, lambda: bare.in_batches(utterances, settings.batch))
                    case "recognizer":
                        run = _recognizer_run(await asyncio.to_thread(decode, recognizer, clips))
                    case "pipeline":
                        run = await _run_pipeline(system, clips, options.at_once, f"http://127.0.0.1:{port}/metrics")
                    case _:
                        run = await _run_offline(clips, lambda: bare.one_by_one(utterances))
                runs[way].append(run)
                progress(f"{way}: {run.seconds:.1f} s, {run.cpu_s:.1f} CPU s")
    return _report(options, clips, runs)


def without_second_decodes(model: Path, clips: Sequence[BenchClip]) -> list[BenchClip]:
    """Return the clips that have no utterance with a second decode."""
    recognizer = FasterWhisper(model, model=model.name, hardware=Hardware("cpu"))
    return [clip for clip in clips if not decode(recognizer, [clip]).second_decodes]


async def _run_offline(clips: Sequence[BenchClip], decode: Callable[[], list[str]]) -> Run:
    began, cpu_s = time.perf_counter(), time.process_time()
    texts = await asyncio.to_thread(decode)
    return Run(time.perf_counter() - began, time.process_time() - cpu_s, tuple(join_utterances(clips, texts)))


def _recognizer_run(decoded: Decoded) -> Run:
    return Run(decoded.seconds, decoded.cpu_s, decoded.texts, len(decoded.second_decodes))


async def _run_pipeline(system: System, clips: Sequence[BenchClip], at_once: int, metrics: str) -> Run:
    processes = {**system.processes, "client": getpid()}
    before, model_before, began = usage(processes), await _model_work(metrics), time.perf_counter()
    ledgers = await speak_all(system.urls[0], [clip.pcm for clip in clips], at_once, language="en", partials=False)
    seconds, after, model = time.perf_counter() - began, usage(processes), await _model_work(metrics)
    cpu = {name: taken.cpu_s for name, taken in usage_between(before, after).items()}
    return Run(
        seconds,
        sum(cpu.values()) - cpu["client"],
        tuple(ledger.text() for ledger in ledgers),
        finals=sum(len(ledger.finals) for ledger in ledgers),
        model_s=model[0] - model_before[0],
        batches=model[1] - model_before[1],
        cpu_of=tuple(cpu.items()),
    )


async def _model_work(url: str) -> tuple[float, float]:
    """Seconds that the worker's model has spent on finals, and the number of calls."""
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


def _report(options: Options, clips: Sequence[BenchClip], runs: dict[str, list[Run]]) -> Report:
    audio_s, utterances = sum(clip.seconds for clip in clips), sum(len(clip.utterances) for clip in clips)
    bare, recognizer, pipeline, one_by_one = (runs[way] for way in WAYS)
    rows: tuple[cli.Row, ...] = tuple(
        {
            "way": way,
            "audio s / s": median(audio_s / run.seconds for run in some),
            "audio s / CPU s": median(audio_s / run.cpu_s for run in some),
            "WER %": median(error_percent(clips, run.texts, "en") for run in some),
        }
        for way, some in runs.items()
    )
    names = [name for name, _ in pipeline[0].cpu_of]
    return Report(
        options,
        audio_s,
        rows,
        to_bare=median(a.seconds / b.seconds for a, b in zip(bare, pipeline, strict=True)),
        to_one_by_one=median(c.seconds / b.seconds for c, b in zip(one_by_one, pipeline, strict=True)),
        to_bare_by_cpu=median(a.cpu_s / b.cpu_s for a, b in zip(bare, pipeline, strict=True)),
        recognizer_to_bare_by_cpu=median(a.cpu_s / r.cpu_s for a, r in zip(bare, recognizer, strict=True)),
        second_decodes=recognizer[0].second_decodes,
        decoding=median(run.model_s / run.seconds for run in pipeline),
        batch=median(run.finals / run.batches for run in pipeline),
        cpu_s_of={name: median(dict(run.cpu_of)[name] for run in pipeline) for name in names},
        wrong=tuple(f"{run.finals} finals for {utterances} utterances" for run in pipeline if run.finals != utterances),
    )


def describe(report: Report) -> str:
    """The report as text."""
    processes = ", ".join(f"{name} {cpu_s:.2f}" for name, cpu_s in report.cpu_s_of.items())
    lines = [
        cli.table(report.rows),
        f"pipeline / bare: {report.to_bare:.2f} ({report.to_bare_by_cpu:.2f} by CPU time); "
        f"pipeline / one by one: {report.to_one_by_one:.2f}",
        f"recognizer / bare: {report.recognizer_to_bare_by_cpu:.2f} by CPU time, with {report.second_decodes} "
        "second decodes",
        f"pipeline: {report.decoding:.2f} concurrent batches of {report.batch:.1f} utterances",
        f"CPU s: {processes}",
    ]
    return cli.with_problems(lines, report.wrong)


@click.command()
@cli.model_option("whisper-base")
@click.option("--seconds", default=120.0, show_default=True, help="About how much audio.")
@cli.rounds_option
@click.option("--at-once", type=click.IntRange(1), default=8, show_default=True, help="Sessions of the pipeline.")
@click.option("--plain", is_flag=True, help="Skip clips with second decodes, which the bare model does not do.")
@cli.threads_option
@cli.json_option
def main(model: str, seconds: float, plain: bool, json_file: Path | None, **options: int) -> None:
    """Measure all ways. Exits with 1 if the pipeline finds another number of utterances than the segmenter."""
    cli.log_errors_only()
    directory, clips = models.fetch(model), bench_clips(["en"], seconds)
    if plain:
        clips = without_second_decodes(directory, clips)
    with tempfile.TemporaryDirectory(prefix="nova-") as logs:
        report = asyncio.run(measure(directory, clips, Options(**options), Path(logs), cli.progress()))
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
