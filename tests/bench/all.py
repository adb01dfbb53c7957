"""Run all benchmarks and print a summary: `make bench`, or `python -m tests.bench.all --capacity`.

Each benchmark runs in its own process and writes its results to a file.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from tests.bench.peers.servers import ENVIRONMENT, INSTALL
from tests.paths import SHARED
from tests.testkit import cli
from tests.testkit.audio.clips import shared_clips, write_manifest
from tests.testkit.system.command import NOVA

# The comparison with other systems, which are not installed by default.
PEERS = "peers"
# Modules in this package, and their options.
BENCHES: Mapping[str, tuple[str, ...]] = {
    "overhead": ("--sessions", "100", "--seconds", "20", "--previews", "both"),
    "latency": ("--seconds", "60"),
    "recordings": ("--rounds", "1"),
    "doors": ("--clips", "12"),
    "efficiency": (),
    "encoder_windows": ("--seconds", "120", "--english"),
    "translation": (),
    "fanout": (),
    PEERS: ("--seconds", "60"),
}
TINY = SHARED / "models" / "whisper-tiny-int8"
# Models, and the number of sessions to start with.
CAPACITIES: Mapping[str, tuple[str, int]] = {"null": ("null", 50), "tiny": (str(TINY), 8), "base": ("whisper-base", 4)}


def commands(out: Path, capacity: bool) -> dict[str, list[str]]:
    """Commands by name. Each writes a file NAME.json."""
    commands = {name: [sys.executable, "-m", f"tests.bench.{name}", *options] for name, options in BENCHES.items()}
    if capacity:
        speech = ("--language", "en", *_manifest(out))
        for name, (model, first) in CAPACITIES.items():
            if name != "tiny" or TINY.is_dir():
                options = ("--model", model, "--sessions", str(first), "--seconds", "20", "--stagger", "0.2", *speech)
                commands[f"capacity-{name}"] = [*NOVA, "load", "--find-capacity", *options]
    return {name: [*command, "--json", str(out / f"{name}.json")] for name, command in commands.items()}


def _manifest(out: Path) -> tuple[str, ...]:
    """Use the clips of ../shared if they exist."""
    if not SHARED.is_dir():
        return ()
    return "--manifest", str(write_manifest(shared_clips(), out / "manifest.jsonl"))


def summary(results: Mapping[str, Any]) -> list[cli.Row]:
    """The main values of each result."""
    return [
        {"benchmark": name, "quantity": quantity, "value": value}
        for name, result in results.items()
        for quantity, value in _HEADLINES[name.partition("-")[0]](result)
    ]


def _overhead(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for one in report["runs"]:
        what = f"{one['sessions']} sessions, previews {'on' if one['previews'] else 'off'}"
        cpu, overhead = one["cpu_s_per_session_minute"], one["overhead_ms"]
        spent = f"{sum(cpu.values()) - cpu['generator']:.2f} CPU s per session-minute"
        yield what, f"p50 {overhead['p50']:.1f} ms, p99 {overhead['p99']:.1f} ms, {spent}"
        memory = f"{one['gateway_kb_per_session']:.0f} KB per session"
        yield "", f"{memory}; gateway waited for a core {one['gateway_waited']:.0%} of the time"


def _latency(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"{report['clips']} clips", f"word error rate of faster-whisper {report['difficulty_percent']:.1f} %"
    for row in report["rows"]:
        final, first = (f"p50 {row[f'{name} p50']:.2f} s, p95 {row[f'{name} p95']:.2f} s" for name in _LATENCIES)
        errors = f"WER {row['WER %']:.1f} %, faster-whisper {row['faster-whisper %']:.1f} %"
        yield row["run"], f"{row['finals']} finals {final}; first partial {first}; {errors}"


def _peers(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"{report['clips']} clips", f"word error rate of faster-whisper {report['difficulty_percent']:.1f} %"
    for row in report["rows"]:
        spreads = [
            f"{name} p50 {_seconds(row[f'{name} p50'])}, p95 {_seconds(row[f'{name} p95'])}" for name in _LATENCIES
        ]
        finals = f"{row['finals']} finals, {row['missing']} missing"
        yield (
            f"{row['system']}, sessions: {row['sessions']}",
            f"{finals}; {'; '.join(spreads)}; WER {row['WER %']:.1f} %",
        )


def _seconds(value: float | str) -> str:
    """A system without finals has no latency."""
    return f"{value:.2f} s" if isinstance(value, float) else "-"


_LATENCIES = ("final", "first partial")


def _recordings(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    sessions = f"{report['options']['sessions']} live sessions"
    for name in ("without", "during"):
        if spread := report[name]:
            latency = f"{spread['count']} finals p50 {spread['p50']:.2f} s, p95 {spread['p95']:.2f} s"
            yield f"{sessions}, {name} a recording", latency
    yield "the recording next to them", f"{report['recording_speed']:.1f} s of audio per second"
    for workers, speed in report["by_workers"].items():
        yield f"the recording alone, {workers} workers", f"{speed:.1f} s of audio per second"


def _doors(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"{report['clips']} clips", f"{len(report['differences'])} texts differ from the native protocol's"
    for row in report["rows"]:
        error = f"WER {row['WER %']:.1f} % ({row['- native']:+.1f})"
        final = f"final p50 {row['final p50 s']:.2f} s ({row['final - native ms']:+.0f} ms)"
        yield row["protocol"], f"{error}, {final}"


def _efficiency(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "pipeline / bare model", f"{report['to_bare']:.2f} ({report['to_bare_by_cpu']:.2f} by CPU time)"
    yield "pipeline / one by one", f"{report['to_one_by_one']:.2f}"
    for row in report["rows"]:
        yield row["way"], f"{row['audio s / s']:.1f} s of audio per second, WER {row['WER %']:.1f} %"


def _encoder_windows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for row in report["rows"]:
        yield row["windows"], f"WER {row['WER %']:.1f} %, {row['CPU s / audio s']:.3f} CPU s per second of audio"


def _translation(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for row in report["rows"]:
        yield row["way"], f"{row['sentences / s']:.1f} sentences per second"


def _fanout(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    latency = report["latency_ms"]
    yield f"{report['readers']} subscribers", f"p50 {latency['p50']:.1f} ms, p99 {latency['p99']:.1f} ms to the last"
    yield "", f"{report['deliveries_per_s']:,} deliveries per second"


def _capacity(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"p95 within {report['options']['p95_s']:g} s", f"{report['capacity']} sessions"


_HEADLINES: Mapping[str, Callable[[Any], Iterator[tuple[str, str]]]] = {
    "overhead": _overhead,
    "latency": _latency,
    "recordings": _recordings,
    "doors": _doors,
    "efficiency": _efficiency,
    "encoder_windows": _encoder_windows,
    "translation": _translation,
    "fanout": _fanout,
    "peers": _peers,
    "capacity": _capacity,
}


def run(commands: Mapping[str, list[str]], out: Path) -> tuple[dict[str, Any], list[str]]:
    """Run the commands. Returns their results, and a line for each that failed."""
    results: dict[str, Any] = {}
    failed = []
    for name, command in commands.items():
        click.secho(f"\n{name}", bold=True)
        file = out / f"{name}.json"
        file.unlink(missing_ok=True)
        if status := subprocess.run(command, check=False).returncode:
            failed.append(f"{name} exited with status {status}")
        if file.exists():
            results[name] = json.loads(file.read_text(encoding="utf-8"))
    return results, failed


@click.command()
@click.option("--out", type=cli.FOLDER, default=Path("artifacts/bench"), show_default=True, help="Folder for results.")
@click.option("--capacity", is_flag=True, help="Also search for the maximum number of sessions (slow).")
@click.option("--only", multiple=True, metavar="NAME", help="Run only this benchmark. May be repeated.")
def main(out: Path, capacity: bool, only: tuple[str, ...]) -> None:
    """Run all benchmarks. Exits with 1 if one of them failed."""
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    chosen = {name: command for name, command in commands(out, capacity).items() if not only or name in only}
    if PEERS in chosen and not ENVIRONMENT.is_dir() and not only:
        del chosen[PEERS]
        click.echo(f"Other systems are not installed, and so not compared. To install them: {INSTALL}")
    results, failed = run(chosen, out)
    environment, rows = cli.environment(), summary(results)
    click.secho(
        f"\n{environment['date']}, {_machine(environment['machine'])}; {time.monotonic() - began:.0f} s\n", bold=True
    )
    if rows:
        click.echo(cli.table(rows))
    for line in failed:
        click.secho(line, fg="red", err=True)
    cli.write_json(out / "summary.json", rows=rows, failed=failed)
    sys.exit(bool(failed))


def _machine(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number)
    return f"{machine['cpus']} cores ({machine['cpu']}), Python {machine['python']}, {versions}"


if __name__ == "__main__":
    main()
