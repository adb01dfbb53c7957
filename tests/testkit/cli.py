"""The command line of chaos tools and benchmarks: shared options, progress lines, tables and result files."""

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Protocol

import click
import structlog

from backend.load.report import machine
from backend.load.score import Spread
from stt_worker.calibration.machine import processor

Progress = Callable[[str], None]
# Values by column name. The first row of a table decides the columns.
Row = Mapping[str, str | float]
ENGINES = ("faster-whisper", "sentencepiece")  # packages that benchmarks use in addition to those in `machine()`
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

json_option = click.option("--json", "json_file", type=FILE, help="Also write the full result to this file.")
seed_option = click.option("--seed", default=0, show_default=True, help="Seed of all random choices.")
rounds_option = click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Repetitions.")
threads_option = click.option("--threads", default=0, show_default=True, help="CPU threads; 0: all cores, up to 8.")
null_cost_option = click.option("--cost", default=0.05, show_default=True, help="`null`: seconds per second of audio.")


def sessions_option(default: int) -> Callable[[Any], Any]:
    return click.option("--sessions", default=default, show_default=True, help="Concurrent sessions.")


def minutes_option(default: float, text: str = "Minutes that sessions speak.") -> Callable[[Any], Any]:
    return click.option("--minutes", default=default, show_default=True, help=text)


def model_option(default: str) -> Callable[[Any], Any]:
    text = "`null`, a name from `nova models list`, or a directory."
    return click.option("--model", default=default, show_default=True, help=text)


def logs_option(tool: str) -> Callable[[Any], Any]:
    """`--logs FOLDER`, by default artifacts/TOOL."""
    default = Path("artifacts") / tool
    return click.option("--logs", type=FOLDER, default=default, show_default=True, help="Folder for service logs.")


class Report(Protocol):
    """The result of a tool: a dataclass. The run failed if `wrong` is not empty."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def wrong(self) -> Sequence[str]: ...


def silent(line: str) -> None:
    """A `Progress` that prints nothing."""


def progress() -> Progress:
    """A `Progress` that prints lines to stderr, with the seconds since this call."""
    began = time.monotonic()
    return lambda line: click.echo(f"{time.monotonic() - began:7.1f} s  {line}", err=True)


def finish(report: Report, text: str, json_file: Path | None) -> NoReturn:
    """Print the report, write it where `--json` says, and exit with 1 if anything is wrong."""
    click.echo(text)
    write_json(json_file, **asdict(report))
    sys.exit(bool(report.wrong))


def with_problems(lines: Sequence[str], wrong: Sequence[str], limit: int = 20) -> str:
    """The lines of a report, followed by up to `limit` problems."""
    found = [f"WRONG: {len(wrong)} problems, the first:", *wrong[:limit]] if wrong else []
    return "\n".join([*lines, *found])


def spread(values: Spread | None, unit: str = "s", scale: float = 1.0) -> str:
    """Percentiles as text, multiplied by `scale`."""
    if values is None:
        return "no values"
    p50, p95, p99, most = (scale * value for value in (values.p50, values.p95, values.p99, values.max))
    return f"p50 {p50:.2f} {unit}, p95 {p95:.2f} {unit}, p99 {p99:.2f} {unit}, max {most:.2f} {unit}"


def log_errors_only() -> None:
    """Set the log level to WARNING, so that a benchmark prints only its figures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def table(rows: Sequence[Row]) -> str:
    """An aligned Markdown table."""
    lines = [list(rows[0]), *([_cell(row[name]) for name in rows[0]] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )


def write_json(json_file: Path | None, **result: Any) -> None:
    """Write a result with the date, the machine and package versions. Does nothing without a file."""
    if json_file:
        text = json.dumps({**environment(), **result}, ensure_ascii=False, indent=2, default=str)
        json_file.write_text(f"{text}\n", encoding="utf-8")


def environment() -> dict[str, Any]:
    """The date, the machine and package versions."""
    here = machine()
    versions = {**here["versions"], **{package: version(package) for package in ENGINES}}
    return {"date": datetime.now(UTC).date().isoformat(), "machine": {**here, "cpu": processor(), "versions": versions}}


def _cell(value: str | float) -> str:
    """Three decimals below 1, two below 100, thousands separators above."""
    match value:
        case float() if abs(value) < 1:
            return f"{value:.3f}"
        case float() if abs(value) < 100:
            return f"{value:.2f}"
        case float():
            return f"{value:,.0f}"
    return str(value)
