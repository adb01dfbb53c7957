"""`nova doctor`: check this machine, or calibrate the recognizer on it."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial

import click

from backend.cli.diagnostics import hardware, servers, software
from backend.cli.diagnostics.finding import Finding
from backend.cli.terminal.streams import echo_json
from backend.local.discovery import DEFAULT_HOST, DEFAULT_PORT, find_server
from backend.local.processes import python
from backend.local.run_file import running_systems


@click.command()
@click.option("--host", envvar="GATEWAY_HOST", help="Address of the gateway. Default: 127.0.0.1.")
@click.option(
    "--port",
    envvar="GATEWAY_PORT",
    type=click.IntRange(1, 65535),
    help=f"Port of the gateway. Default: that of a running `nova up`, or {DEFAULT_PORT}.",
)
@click.option(
    "--calibrate", is_flag=True, help="Measure the best threads and batches for this machine instead (2 minutes)."
)
@click.option("--model", help="With --calibrate: model name or directory. Default: STT_MODEL.")
@click.option("--quick", is_flag=True, help="With --calibrate: run fewer trials.")
@click.option("--force", is_flag=True, help="With --calibrate: save the result even if other programs were busy.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings, or the calibration, as JSON.")
def doctor(
    host: str | None, port: int | None, calibrate: bool, model: str | None, quick: bool, force: bool, as_json: bool
) -> None:
    """Check this machine, and print what is missing and how to fix it.

    Exit status 1: something essential is missing.
    """
    if calibrate:
        flags = {"--quick": quick, "--force": force, "--json": as_json}
        sys.exit(_calibrate(model, [flag for flag, given in flags.items() if given]))
    if model or quick or force:
        raise click.UsageError("--model, --quick and --force require --calibrate")
    findings = _examine(host, port)
    if as_json:
        echo_json(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        _print(findings)
    if any(finding.essential and finding.ok is False for finding in findings):
        sys.exit(1)


def _examine(host: str | None, port: int | None) -> list[Finding]:
    """Run all checks. The order is that of the report."""
    running = running_systems() if host is None and port is None else []
    host, port = host or DEFAULT_HOST, DEFAULT_PORT if port is None else port
    server = find_server(running[0].urls[0] if running else servers.gateway_url(host, port))
    checks: tuple[Callable[[], Finding], ...] = (
        software.check_python,
        software.check_packages,
        servers.check_redis,
        hardware.check_gpu,
        hardware.check_speech_model,
        hardware.check_translation_model,
        hardware.check_hub,
        hardware.check_disk,
        software.check_node,
        software.check_page,
        software.check_microphone,
        partial(servers.check_port, host, port),
        partial(servers.check_server, server),
    )
    with ThreadPoolExecutor(4) as threads:
        return [answer.result() for answer in [threads.submit(check) for check in checks]]


def _calibrate(model: str | None, flags: Sequence[str]) -> int:
    """Run the calibration in a process of its own. It prints its result itself."""
    chosen = ("--model", model) if model else ()
    return subprocess.run([*python("stt_worker.calibration"), *chosen, *flags], check=False).returncode


def _print(findings: Sequence[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        click.echo(f"{_mark(finding)} {finding.name:<{width}}  {finding.found}")
        if finding.advice:
            click.secho(f"  {'':<{width}}  {finding.advice}", dim=True)


def _mark(finding: Finding) -> str:
    if finding.ok is None:
        return click.style("–", dim=True)
    return click.style("✓", fg="green") if finding.ok else click.style("✗", fg="red")
