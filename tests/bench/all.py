"""Every bench, one after the other, and one summary: `make bench`, or `python -m tests.bench.all --capacity`.

Each runs in a process of its own and leaves its figures in a file; a summary of them ends it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from tests.bench.support import results
from tests.paths import SHARED
from tests.testkit.audio.clips import shared_clips, write_manifest
from tests.testkit.system.command import NOVA

BENCHES: Mapping[str, tuple[str, ...]] = {
    "overhead": ("--sessions", "100", "--seconds", "20", "--previews", "both"),
    "efficiency": (),
    "windows": ("--seconds", "120", "--english"),
    "translation": (),
    "fanout": (),
}
"""Names of modules here, and what they are asked."""
TINY = SHARED / "models" / "whisper-tiny-int8"
CAPACITIES: Mapping[str, tuple[str, int]] = {"null": ("null", 50), "tiny": (str(TINY), 8), "base": ("whisper-base", 4)}
"""Models, and the sessions to begin with."""


def commands(out: Path, capacity: bool) -> dict[str, list[str]]:
    """What is to run, by name; each writes a file of that name."""
    wanted = {name: [sys.executable, "-m", f"tests.bench.{name}", *asked] for name, asked in BENCHES.items()}
    if capacity:
        said = ("--language", "en", *_manifest(out))
        for name, (model, first) in CAPACITIES.items():
            if name != "tiny" or TINY.is_dir():
                asked = ("--model", model, "--sessions", str(first), "--seconds", "20", "--stagger", "0.2", *said)
                wanted[f"capacity-{name}"] = [*NOVA, "load", "--find-capacity", *asked]
    return {name: [*command, "--json", str(out / f"{name}.json")] for name, command in wanted.items()}


def _manifest(out: Path) -> tuple[str, ...]:
    """Real speech where it is at hand."""
    if not SHARED.is_dir():
        return ()
    return "--manifest", str(write_manifest(shared_clips(SHARED), out / "manifest.jsonl"))


def summary(found: Mapping[str, Any]) -> list[results.Row]:
    """The headlines of what the benches wrote, by their names."""
    rows: list[results.Row] = []
    for name, figures_ in found.items():
        headlines = _HEADLINES[name.partition("-")[0]](figures_)
        rows += [{"bench": name, "what": what, "figure": figure} for what, figure in headlines]
    return rows


def _overhead(reports: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for one in reports:
        what = f"{one['sessions']} sessions, previews {'on' if one['previews'] else 'off'}"
        spent = sum(one["cpu_s_per_session_minute"].values()) - one["cpu_s_per_session_minute"]["generator"]
        yield what, f"p50 {one['p50']:.1f} ms, p99 {one['p99']:.1f} ms, {spent:.2f} CPU s a session-minute"
        yield (
            "",
            f"{one['gateway_kb_per_session']:.0f} KB a session; gateway waited {one['waited_share']:.0%} of the time",
        )


def _efficiency(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "pipeline / bare model", f"{report['to_bare']:.2f} ({report['to_bare_by_cpu']:.2f} by CPU time)"
    yield "pipeline / one by one", f"{report['to_one_by_one']:.2f}"
    for row in report["rows"]:
        yield row["way"], f"{row['audio s / s']:.1f} s of audio a second, WER {row['WER %']:.1f} %"


def _windows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for row in report["rows"]:
        yield row["windows"], f"WER {row['WER %']:.1f} %, {row['CPU s / audio s']:.3f} CPU s a second of audio"


def _translation(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for row in report["rows"]:
        yield row["way"], f"{row['sentences / s']:.1f} sentences a second"


def _fanout(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"{report['readers']} readers", f"p50 {report['p50']:.1f} ms, p99 {report['p99']:.1f} ms to the last"
    yield "", f"{report['delivered_a_second']:,} deliveries a second"


def _capacity(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"p95 within {report['options']['p95_s']:g} s", f"{report['capacity']} sessions"


_HEADLINES: Mapping[str, Callable[[Any], Iterator[tuple[str, str]]]] = {
    "overhead": _overhead,
    "efficiency": _efficiency,
    "windows": _windows,
    "translation": _translation,
    "fanout": _fanout,
    "capacity": _capacity,
}


def run(wanted: Mapping[str, list[str]], out: Path) -> tuple[dict[str, Any], list[str]]:
    """What each wrote, and the names of those that failed."""
    found: dict[str, Any] = {}
    failed = []
    for name, command in wanted.items():
        click.secho(f"\n{name}", bold=True)
        file = out / f"{name}.json"
        file.unlink(missing_ok=True)
        if status := subprocess.run(command, check=False).returncode:
            failed.append(f"{name} ended with {status}")
        if file.exists():
            found[name] = json.loads(file.read_text(encoding="utf-8"))
    return found, failed


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("artifacts/bench"),
    show_default=True,
    help="Where all figures go.",
)
@click.option("--capacity", is_flag=True, help="Search the most sessions as well; takes many minutes more.")
@click.option("--only", multiple=True, metavar="NAME", help="Only these, such as fanout; may be given repeatedly.")
def main(out: Path, capacity: bool, only: tuple[str, ...]) -> None:
    """Measure everything; exit with 1 when a bench found something wrong."""
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    wanted = {name: command for name, command in commands(out, capacity).items() if not only or name in only}
    found, failed = run(wanted, out)
    here = results.where()
    rows = summary(found)
    click.secho(f"\n{here['date']}, {_machine(here['machine'])}; {time.monotonic() - began:.0f} s\n", bold=True)
    if rows:
        click.echo(results.table(rows))
    for line in failed:
        click.secho(line, fg="red", err=True)
    (out / "summary.json").write_text(json.dumps({**here, "rows": rows, "failed": failed}, indent=2) + "\n")
    sys.exit(bool(failed))


def _machine(here: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in here["versions"].items() if number)
    return f"{here['cpus']} cores ({here['cpu']}), Python {here['python']}, {versions}"


if __name__ == "__main__":
    main()
