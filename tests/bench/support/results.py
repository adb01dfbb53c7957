"""What a bench gives: a table for people, and everything, with machine, versions and date, for programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import structlog

from backend.load.report import machine
from stt_worker.calibration.machine import processor

Row = Mapping[str, str | float]
"""Figures by the names of their columns."""
MODELS = ("faster-whisper", "sentencepiece")
"""What benches use beside what `machine` names."""


def option(command: click.decorators.FC) -> click.decorators.FC:
    """`--json FILE`, as parameter `file`."""
    path = click.Path(path_type=Path, dir_okay=False)
    return click.option("--json", "file", type=path, help="Write everything here as well.")(command)


def quiet() -> None:
    """Nothing in the log but what goes wrong: what a bench prints is its figures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def table(rows: Sequence[Row]) -> str:
    """In Markdown, columns aligned."""
    lines = [list(rows[0]), *([_cell(row[name]) for name in rows[0]] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )


def write(file: Path | None, options: Mapping[str, Any], **figures: Any) -> None:
    """All of it, where it is wanted."""
    if file:
        everything = {**where(), "options": options, **figures}
        file.write_text(json.dumps(everything, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8")


def where() -> dict[str, Any]:
    """The day, the machine and the versions."""
    here = machine()
    versions = {**here["versions"], **{package: version(package) for package in MODELS}}
    return {"date": datetime.now(UTC).date().isoformat(), "machine": {**here, "cpu": processor(), "versions": versions}}


def _cell(value: str | float) -> str:
    match value:
        case float() if abs(value) < 1:
            return f"{value:.3f}"
        case float() if abs(value) < 100:
            return f"{value:.2f}"
        case float():
            return f"{value:,.0f}"
    return str(value)
