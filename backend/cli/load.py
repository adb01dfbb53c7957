"""`nova load`: generate load with simulated speakers, and report latency, accuracy and resource usage."""

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from backend.cli.files.atomic_write import write_atomically
from backend.cli.options import key_option, language_option, server_option, targets_option
from backend.errors import ProtocolError, SetupError
from backend.load import clips
from backend.load.capacity import find_capacity, objections
from backend.load.monologue import WINDOW, PreparedClip
from backend.load.report import as_dict, describe, machine, verdict
from backend.load.run import LoadPlan, LoadResult, LoadTarget, prepare_clips, run_load
from backend.load.score import Score
from backend.local.discovery import stream_url
from backend.local.models import speech_model, translation_models
from backend.local.runtime_folder import runtime_folder
from backend.local.system import Plan, running
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.options import spoken_language
from backend.messages.protocol import Start, parse_client
from backend.service import lifecycle

# Warm-up of each step in the search for the capacity.
WARM_UP_S = 5.0
WINDOW_MS = 1000 * WINDOW // SAMPLE_RATE
# The endpoint of pipecat's stt-benchmark, so that times to the final segment can be compared.
TTFS_ENDPOINT_MS = 200
# Exit statuses in addition to 0 and 1. 130 means that Ctrl-C ended the program.
INTERRUPTED, LATE = 130, 3


def _seconds(_: click.Context, __: click.Parameter, value: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|)", value)
    if not found:
        raise click.BadParameter(f"{value} is not a duration: use 2s or 800ms")
    return float(found[1]) / (1000 if found[2] == "ms" else 1)


def _whole_windows(_: click.Context, __: click.Parameter, value: int) -> int:
    if value % WINDOW_MS:
        raise click.BadParameter(f"the frame length must be a multiple of {WINDOW_MS} ms")
    return value


def _start_options(_: click.Context, __: click.Parameter, value: str | None) -> dict[str, Any]:
    """The fields of a `start` message, from a JSON object. Misspelled ones are an error: a server ignores them."""
    if value is None:
        return {}
    try:
        fields = json.loads(value)
        if not isinstance(fields, dict):
            raise click.BadParameter("the options are no JSON object")
        if unknown := sorted(fields.keys() - Start.model_fields):
            raise click.BadParameter(f"`start` has no option {', '.join(unknown)}")
        parse_client(json.dumps({"type": "start", **fields}))
    except (json.JSONDecodeError, ProtocolError) as error:
        raise click.BadParameter(str(error)) from None
    return fields


@click.command()
@server_option(
    "A running system. Can be repeated, for several gateways. Default: start a private one.", name="urls", multiple=True
)
@key_option
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Recordings to send: JSON lines with audio_filepath, text and lang. Default: synthesized sentences.",
)
@click.option("--sessions", type=click.IntRange(1), default=4, show_default=True, help="Concurrent sessions.")
@click.option("--seconds", type=click.FloatRange(1), default=60.0, show_default=True, help="Measured time.")
@click.option(
    "--silence", "silence_s", type=click.FloatRange(0), default=1.5, show_default=True, help="Seconds between clips."
)
@click.option(
    "--stagger",
    "stagger_s",
    type=click.FloatRange(0),
    default=0.5,
    show_default=True,
    help="Seconds between session starts. The measured time begins when all sessions have started.",
)
@click.option(
    "--frame-ms",
    type=click.IntRange(20, 1000),
    callback=_whole_windows,
    default=100,
    show_default=True,
    help="Audio per WebSocket frame.",
)
@language_option
@targets_option
@click.option(
    "--endpoint-ms",
    type=click.IntRange(200, 5_000),
    default=Start.model_fields["endpoint_ms"].default,
    show_default=True,
    help="Silence that ends an utterance.",
)
@click.option("--ttfs", is_flag=True, help=f"Measure the time to the final segment: --endpoint-ms {TTFS_ENDPOINT_MS}.")
@click.option("--no-partials", is_flag=True, help="Request finals only.")
@click.option("--start", "more", callback=_start_options, help="More options of the sessions: '{\"speakers\": true}'.")
@click.option("--model", metavar="NAME|DIR", help="Speech model of the private system (auto), or null for none.")
@click.option("--stt-workers", type=click.IntRange(1), default=1, show_default=True, help="Of the private system.")
@click.option("--gateways", type=click.IntRange(1), default=1, show_default=True, help="Of the private system.")
@click.option("--find-capacity", "search", is_flag=True, help="Search for the most sessions that keep within --p95.")
@click.option("--p95", "p95_s", default="2s", show_default=True, callback=_seconds, help="Limit for final latency.")
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Also write a report as JSON.")
@click.option("--seed", default=0, show_default=True, help="Seed for the order of the clips.")
def load(
    urls: tuple[str, ...],
    key: str,
    manifest: Path | None,
    spoken: tuple[str, ...],
    targets: tuple[str, ...],
    endpoint_ms: int,
    ttfs: bool,
    no_partials: bool,
    more: dict[str, Any],
    model: str | None,
    stt_workers: int,
    gateways: int,
    frame_ms: int,
    search: bool,
    p95_s: float,
    file: Path | None,
    **plan_options: Any,
) -> None:
    """Let simulated speakers use a system in real time, and measure it.

    Starts a private system unless --server names a running one. Exit status 1: a final is missing, an error occurred or
    a session was refused. Exit status 3: this machine was too slow to send in real time, so the figures are invalid.
    See docs/howto/load-test.md.
    """
    if urls and model:
        raise click.UsageError("the server chooses the model: use either --server or --model")
    if file and not file.absolute().parent.is_dir():
        raise click.BadParameter(f"the directory {file.parent} does not exist", param_hint="--json")
    urls = tuple(map(stream_url, urls))
    fields = {
        **spoken_language(spoken),
        "translate_to": targets,
        "partials": not no_partials,
        "endpoint_ms": TTFS_ENDPOINT_MS if ttfs else endpoint_ms,
    }
    start = Start.model_validate({**fields, **more})
    plan = LoadPlan(start, **plan_options, texts=model != "null")
    prepared = _prepared_clips(manifest, spoken, frame_ms)
    system = None if urls else _system_plan(model or "auto", bool(targets), stt_workers, gateways)
    options = {
        "url": urls,
        "manifest": manifest and str(manifest),
        "model": model,
        "stt_workers": stt_workers,
        "gateways": gateways,
        "frame_ms": frame_ms,
        "find_capacity": search,
        "p95_s": p95_s,
    }
    status = INTERRUPTED

    async def measure() -> None:
        nonlocal status
        async with _target(urls, key, system) as target:
            lifecycle.freeze_startup_objects()
            if search:
                report, status = await _search_capacity(plan, target, prepared, p95_s)
            else:
                report, status = await _run_once(plan, target, prepared)
        if file:
            _write_report(file, options, report)

    lifecycle.run_until_signalled(lambda stop: _run_unless_stopped(stop, measure()))
    sys.exit(status)


def _prepared_clips(manifest: Path | None, spoken: tuple[str, ...], frame_ms: int) -> list[PreparedClip]:
    """The clips of a manifest in these languages (all for "auto"), or synthesized sentences."""
    if manifest is None:
        with runtime_folder() as folder:
            return prepare_clips(clips.synthesize_clips(folder), frame_ms)
    found = [clip for clip in clips.read_manifest(manifest) if spoken == ("auto",) or clip.language in ("", *spoken)]
    if not found:
        raise SetupError(f"{manifest} contains no recording in the language {' or '.join(spoken)}")
    return prepare_clips(found, frame_ms)


def _system_plan(model: str, translate: bool, stt_workers: int, gateways: int) -> Plan:
    return Plan(
        stt_model=speech_model(model),
        translation_models=translation_models("auto") if translate else "",
        port=0,
        gateways=gateways,
        stt_workers=stt_workers,
        translation_workers=int(translate),
    )


@contextlib.asynccontextmanager
async def _target(urls: tuple[str, ...], key: str, system: Plan | None) -> AsyncIterator[LoadTarget]:
    """The running system at `urls`, or a private one that is stopped at the end."""
    if system is None:
        yield LoadTarget(urls, dict, key)
        return
    async with running(system, lambda line: click.echo(f"  {line}", err=True)) as started:
        yield LoadTarget(tuple(map(stream_url, started.urls)), lambda: started.processes)


async def _run_once(plan: LoadPlan, target: LoadTarget, prepared: list[PreparedClip]) -> tuple[dict[str, Any], int]:
    click.echo(f"  {plan.sessions} sessions, measured for {plan.seconds:g} s", err=True)
    result = await run_load(plan, target, prepared)
    click.echo(describe(plan, result))
    for problem in verdict(result.score):
        click.secho(problem, fg="red", err=True)
    return as_dict(plan, result), _exit_status(result.score)


def _exit_status(score: Score) -> int:
    if not score.sound:
        return 1
    return LATE if score.late else 0


async def _search_capacity(
    plan: LoadPlan, target: LoadTarget, prepared: list[PreparedClip], p95_s: float
) -> tuple[dict[str, Any], int]:
    """Print one line per step, then the capacity. The exit status is 1 if not even one session holds."""
    steps: list[dict[str, Any]] = []

    async def holds(sessions: int) -> bool:
        step = replace(plan, sessions=sessions, warm_up_s=WARM_UP_S)
        result = await run_load(step, target, prepared)
        against = objections(result.score, p95_s)
        steps.append({**as_dict(step, result), "objections": against})
        click.echo(f"{sessions:5} sessions  {_latency(result)}  {'; '.join(against) or 'holds'}")
        return not against

    capacity = await find_capacity(holds, plan.sessions)
    click.secho(f"capacity: {capacity} sessions with a p95 of at most {p95_s:g} s", bold=True)
    return {"capacity": capacity, "steps": steps}, 0 if capacity else 1


def _write_report(file: Path, options: dict[str, Any], report: dict[str, Any]) -> None:
    everything = {"machine": machine(), "options": options, **report}
    write_atomically(file, (json.dumps(everything, ensure_ascii=False, indent=2) + "\n").encode())


def _latency(result: LoadResult) -> str:
    spread = result.score.final_s
    return f"final p50 {spread.p50:.2f} s, p95 {spread.p95:.2f} s" if spread else "no final"


async def _run_unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run the work. Cancel it, and wait for its cleanup, when `stop` is set."""
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
