"""`nova doctor`: what is here, what is missing, and what to do about it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from backend.cli.terminal.diagnostics import Check, examine
from backend.local.processes import python


@click.command()
@click.option("--host", envvar="GATEWAY_HOST", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", envvar="GATEWAY_PORT", default=8080, show_default=True, help="Port to listen on.")
@click.option("--calibrate", is_flag=True, help="Instead, measure which threads and batches are best here; 2 minutes.")
@click.option("--model", help="With --calibrate: a model's name or directory, instead of STT_MODEL.")
@click.option("--quick", is_flag=True, help="With --calibrate: a few trials only.")
@click.option("--force", is_flag=True, help="With --calibrate: keep it though other programs were busy meanwhile.")
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of objects, or the calibration.")
def doctor(host: str, port: int, calibrate: bool, model: str | None, quick: bool, force: bool, as_json: bool) -> None:
    """Look at this machine, and say what is missing and what to do.

    Ends with status 1 when something is amiss without which nothing works.
    """
    if calibrate:
        flags = {"--quick": quick, "--force": force, "--json": as_json}
        sys.exit(_calibrate(model, [flag for flag, given in flags.items() if given]))
    if model or quick or force:
        raise click.UsageError("--model, --quick and --force go with --calibrate")
    checks = examine(host, port)
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], ensure_ascii=False, indent=2))
    else:
        _print(checks)
    if any(check.essential and check.ok is False for check in checks):
        sys.exit(1)


def _calibrate(model: str | None, flags: Sequence[str]) -> int:
    """Let the recognizer's own package measure, in a process of its own; what it prints is the answer."""
    chosen = ("--model", model) if model else ()
    return subprocess.run([*python("stt_worker.calibration"), *chosen, *flags], check=False).returncode


def _print(checks: Sequence[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(f"{_mark(check)} {check.name:<{width}}  {check.found}")
        if check.advice:
            click.secho(f"  {'':<{width}}  {check.advice}", dim=True)


def _mark(check: Check) -> str:
    if check.ok is None:
        return click.style("–", dim=True)
    return click.style("✓", fg="green") if check.ok else click.style("✗", fg="red")
