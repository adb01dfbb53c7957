"""`nova load`: sessions of real speech in real time, and what becomes of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.options import key_option, language_option, targets_option
from backend.errors import SetupError
from backend.local.models import speech_model, translation_models
from backend.local.server import stream_url
from backend.local.system import Plan, running
from backend.messages.protocol import Start
from backend.service import lifecycle

if TYPE_CHECKING:
    from backend.load.monologue import Take
    from backend.load.run import Load, Outcome
    from backend.load.score import Score

WARM_UP_S = 5.0
"""Of each step in the search for the capacity."""
INTERRUPTED, LATE = 130, 3
"""Exit statuses, beside 0 and 1."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured."""

    urls: tuple[str, ...]
    """Of the gateways' WebSockets."""
    processes: Callable[[], Mapping[str, int]]
    """Ids by name, of those that run here and are ours."""
    key: str = field(default="", repr=False)


def _seconds(_: click.Context, __: click.Parameter, given: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|)", given)
    if not found:
        raise click.BadParameter(f"{given} is no time: give 2s or 800ms")
    return float(found[1]) / (1000 if found[2] == "ms" else 1)


def _windows(_: click.Context, __: click.Parameter, given: int) -> int:
    if given % 20:
        raise click.BadParameter("frames are multiples of 20 ms")
    return given


@click.command()
@click.option("--url", "urls", multiple=True, metavar="WS_URL", help="A system's address; else one is started.")
@key_option
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What is said: JSON lines with audio_filepath, text and lang.",
)
@click.option("--sessions", type=click.IntRange(1), default=4, show_default=True, help="At the same time.")
@click.option("--seconds", type=click.FloatRange(1), default=60.0, show_default=True, help="For how long all speak.")
@click.option("--silence", "silence_s", type=click.FloatRange(0), default=1.5, show_default=True, help="Between clips.")
@click.option(
    "--stagger",
    "stagger_s",
    type=click.FloatRange(0),
    default=0.5,
    show_default=True,
    help="Seconds from one session's beginning to the next; before all are there, nothing counts.",
)
@click.option(
    "--frame-ms",
    type=click.IntRange(20, 1000),
    callback=_windows,
    default=100,
    show_default=True,
    help="Audio sent at once.",
)
@language_option
@targets_option
@click.option("--no-partials", is_flag=True, help="Ask for finals only.")
@click.option("--model", metavar="NAME|DIR", help="Speech model of the system to start (auto); null: none.")
@click.option("--stt-workers", type=click.IntRange(1), default=1, show_default=True)
@click.option("--gateways", type=click.IntRange(1), default=1, show_default=True)
@click.option("--find-capacity", is_flag=True, help="Find the most sessions within --p95, from --sessions on.")
@click.option("--p95", "p95_s", default="2s", show_default=True, callback=_seconds, help="Limit of final latency.")
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write everything here as well.")
@click.option("--seed", default=0, show_default=True, help="The same seed, the same speech.")
def load(
    urls: tuple[str, ...],
    key: str,
    manifest: Path | None,
    language: str,
    targets: tuple[str, ...],
    no_partials: bool,
    model: str | None,
    stt_workers: int,
    gateways: int,
    frame_ms: int,
    find_capacity: bool,
    p95_s: float,
    file: Path | None,
    **asked: Any,
) -> None:
    """Let sessions speak in real time, and measure.

    Starts a system of its own for that, unless --url names one. Ends with status 1 when a final is missing, an error
    came, or a session was refused; with 3 when this machine was too slow to send in time, so that the figures count
    for nothing. See docs/howto/load-test.md.
    """
    from backend.load.run import Load

    if urls and model:
        raise click.UsageError("--model is the system's choice: give --url or --model")
    if file and not file.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no directory {file.parent}", param_hint="--json")
    start = Start(language=language, translate_to=targets, partials=not no_partials)
    wanted = Load(start, **asked, texts=model != "null")
    said = _takes(manifest, language, frame_ms)
    plan = None if urls else _plan(model or "auto", bool(targets), stt_workers, gateways)
    options = {
        "url": urls,
        "manifest": manifest and str(manifest),
        "model": model,
        "stt_workers": stt_workers,
        "gateways": gateways,
        "frame_ms": frame_ms,
        "find_capacity": find_capacity,
        "p95_s": p95_s,
    }
    status = INTERRUPTED

    async def measure() -> None:
        nonlocal status
        async with _target(urls, key, plan) as target:
            lifecycle.freeze_startup_objects()
            if find_capacity:
                answer, status = await _search(wanted, target, said, p95_s)
            else:
                answer, status = await _once(wanted, target, said)
        if file:
            _write(file, options, answer)

    lifecycle.run_until_signalled(lambda stop: _unless(stop, measure()))
    sys.exit(status)


def _takes(manifest: Path | None, language: str, frame_ms: int) -> list[Take]:
    """What can be said: of a manifest, what is in the language, or all when that is to be detected."""
    from backend.load import clips
    from backend.load.run import takes

    if manifest is None:
        with tempfile.TemporaryDirectory(prefix="nova-") as folder:
            return takes(clips.spoken(Path(folder)), frame_ms)
    found = [clip for clip in clips.read(manifest) if language == "auto" or clip.language in ("", language)]
    if not found:
        raise SetupError(f"{manifest} has nothing in {language}")
    return takes(found, frame_ms)


def _plan(model: str, translate: bool, stt_workers: int, gateways: int) -> Plan:
    return Plan(
        stt_model=speech_model(model),
        translation_models=translation_models("auto") if translate else "",
        port=0,
        gateways=gateways,
        stt_workers=stt_workers,
        translation_workers=int(translate),
    )


@contextlib.asynccontextmanager
async def _target(urls: tuple[str, ...], key: str, plan: Plan | None) -> AsyncIterator[Target]:
    """The system that is named, else one of our own for as long as it takes."""
    if plan is None:
        yield Target(urls, dict, key)
        return
    async with running(plan, lambda line: click.echo(f"  {line}", err=True)) as system:
        yield Target(tuple(map(stream_url, system.urls)), lambda: system.processes)


async def _once(load: Load, target: Target, said: list[Take]) -> tuple[dict[str, Any], int]:
    from backend.load.report import as_dict, describe, verdict
    from backend.load.run import put

    click.echo(f"  {load.sessions} sessions speak, together for {load.seconds:g} s", err=True)
    outcome = await put(load, target.urls, said, target.processes, target.key)
    click.echo(describe(load, outcome))
    for wrong in verdict(outcome.score):
        click.secho(wrong, fg="red", err=True)
    return as_dict(load, outcome), _status(outcome.score)


def _status(score: Score) -> int:
    if not score.sound:
        return 1
    return LATE if score.late else 0


async def _search(load: Load, target: Target, said: list[Take], p95_s: float) -> tuple[dict[str, Any], int]:
    """Runs of more and fewer sessions, one line each, and the answer; status 1 when it holds none."""
    from backend.load.capacity import capacity, objections
    from backend.load.report import as_dict
    from backend.load.run import put

    steps: list[dict[str, Any]] = []

    async def holds(sessions: int) -> bool:
        step = replace(load, sessions=sessions, warm_up_s=WARM_UP_S)
        outcome = await put(step, target.urls, said, target.processes, target.key)
        against = objections(outcome.score, p95_s)
        steps.append({**as_dict(step, outcome), "objections": against})
        click.echo(f"{sessions:5} sessions  {_latency(outcome)}  {'; '.join(against) or 'holds'}")
        return not against

    most = await capacity(holds, load.sessions)
    click.secho(f"{most} sessions hold a p95 of {p95_s:g} s", bold=True)
    return {"capacity": most, "steps": steps}, 0 if most else 1


def _latency(outcome: Outcome) -> str:
    spread = outcome.score.final_s
    return f"final p50 {spread.p50:.2f} s, p95 {spread.p95:.2f} s" if spread else "no final"


def _write(file: Path, options: dict[str, Any], answer: dict[str, Any]) -> None:
    from backend.load.report import machine

    everything = {"machine": machine(), "options": options, **answer}
    file.write_text(json.dumps(everything, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do the work; give it up, in good order, when asked to stop."""
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
