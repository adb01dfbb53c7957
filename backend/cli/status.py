"""`nova status`: show the health of a running system."""

import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import httpx
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from backend.cli.options import key_option, server_option
from backend.cli.terminal.streams import echo_json
from backend.cli.terminal.tables import console
from backend.errors import SetupError
from backend.local.certificate_problems import certificate_problem
from backend.local.discovery import find_server, http_url
from backend.service.http_clients import http_client

# Longer than a gateway takes, which answers within a second.
TIMEOUT_S = 5.0
REFRESH_S = 1.0
# Columns of the tables if stdout is not a terminal.
WIDTH = 100
EXIT_STATUS = {"healthy": 0, "degraded": 1, "unhealthy": 2}
COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}

NOT_A_GATEWAY = "not a Nova Voice gateway. Is the port right?"

# The answer of `/health/full`.
Health = Mapping[str, Any]


@click.command()
@server_option("Any gateway of the system. Default: NOVA_SERVER, or the system that `nova up` runs, or port 8080.")
@key_option
@click.option("--watch", is_flag=True, help="Refresh every second, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print the gateway's answer as JSON.")
def status(server: str | None, key: str, watch: bool, as_json: bool) -> None:
    """Show the health of a running system: Redis, streams, gateways and workers.

    Exit status 0: healthy; 1: degraded; 2: unhealthy, no answer, or the key is missing or wrong.
    """
    if watch and as_json:
        raise click.UsageError("use either --watch or --json")
    found = find_server(server)
    found.print_origin()
    address, key = http_url(found.url, "/health/full"), key or found.key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with http_client(address, tls=found.tls, headers=headers, timeout=TIMEOUT_S) as http:
        if watch:
            body = _watch(http, address)
        else:
            body = _ask(http, address)
            echo_json(json.dumps(body, ensure_ascii=False)) if as_json else console(WIDTH).print(
                table(body, time.time())
            )
    sys.exit(EXIT_STATUS[body["status"]])


def _watch(http: httpx.Client, address: str) -> Health:
    """Show the health until Ctrl-C, and return the last answer."""
    body = _ask(http, address)
    try:
        with Live(
            table(body, time.time()), console=console(WIDTH), auto_refresh=False, screen=sys.stdout.isatty()
        ) as live:
            while True:
                time.sleep(REFRESH_S)
                body = _ask(http, address)
                live.update(table(body, time.time()), refresh=True)
    except KeyboardInterrupt:
        return body


def _ask(http: httpx.Client, address: str) -> Health:
    """The answer of the gateway, or an answer in the same form that reports why there is none.

    Raises SetupError if the gateway refuses the caller, because this says nothing about its health.
    """
    try:
        answer = http.get(address)
        body = answer.json()
    except httpx.HTTPError as error:
        return _unknown(certificate_problem(address, error) or _silent(address, error))
    except ValueError:
        return _unknown(f"{address}: {NOT_A_GATEWAY}")
    if isinstance(body, dict) and body.get("status") in EXIT_STATUS:
        return body
    reason = isinstance(body, dict) and body.get("detail")
    if reason and answer.status_code in (401, 403):
        advice = ": use --key or NOVA_KEY, with a key that has the scope read" if answer.status_code == 401 else ""
        raise SetupError(f"{address}: {reason}{advice}")
    return _unknown(f"{address}: {reason or NOT_A_GATEWAY}")


def _silent(address: str, error: httpx.HTTPError) -> str:
    reason = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
    return f"{address} does not answer: {reason}. Start a system with `nova up`, or name one with --server"


def _unknown(reason: str) -> Health:
    empty: Health = {"redis": {"ok": False}, "lanes": {}, "workers": []}
    return {"status": "unhealthy", "answered": False, "reasons": [reason], **empty}


def table(body: Health, now: float) -> RenderableType:
    """The health as tables that fit into 80 columns. `now` is Unix time."""
    heading = body["status"] if body.get("answered", True) else "no answer"
    parts: list[RenderableType] = [Text(heading, f"bold {COLOURS[body['status']]}")]
    parts += [Text(f"  {reason}", COLOURS[body["status"]]) for reason in body["reasons"]]
    parts += [Text(f"  {note}", "dim") for note in body.get("notes", ())]
    if body["redis"].get("ok"):
        parts += [_redis(body["redis"])]
    if body["lanes"]:
        parts += [_streams(body["lanes"])]
    if body["workers"]:
        parts += [_processes(body["workers"], now)]
    if pairs := body.get("pairs"):
        parts += [Text(f"translates {', '.join(pairs)}")]
    return Group(*parts)


def _redis(redis: Health) -> Text:
    limit = f" of {_size(redis['memory_limit_bytes'])}" if redis["memory_limit_bytes"] else ""
    memory = f"{_size(redis['memory_bytes'])}{limit}"
    return Text(
        f"\nRedis {redis['version']}: answers in {redis['round_trip_ms']:.1f} ms, uses {memory}, "
        f"persistence: {redis['persistence']}\n"
    )


def _streams(streams: Health) -> Table:
    """One row per stream, summed over all shards."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for name, stream in streams.items():
        row = sums[name.partition("}:")[2]]
        row[0] += stream["length"]
        row[1] += stream["pending"]
        row[2] = max(row[2], stream["oldest_s"])
    rows = ((name, f"{length:.0f}", f"{pending:.0f}", _age(oldest)) for name, (length, pending, oldest) in sums.items())
    return _table((("stream", "left"), ("entries", "right"), ("in flight", "right"), ("oldest waits", "right")), rows)


def _processes(processes: Sequence[Health], now: float) -> Table:
    columns = [(name, "left") for name in ("kind", "name", "release", "activity")]
    columns += [(name, "right") for name in ("load", "last")]
    rows = (
        (one["kind"], one["name"], str(one.get("version", "")), _activity(one), _load(one), _last(one, now))
        for one in processes
    )
    return _table(columns, rows)


def _activity(process: Health) -> str:
    if process["kind"] == "gateway":
        return f"{process.get('sessions', 0)} sessions" + (", draining" if process.get("draining") else "")
    device = process.get("gpu") or process.get("device")
    compute_type = f" {process['compute_type']}" if process.get("compute_type") else ""
    models = " + ".join(map(_model, process.get("recognizers") or [process]))
    return f"{models} on {device}{compute_type}, batch {process.get('last_batch')}/{process.get('batch')}"


def _model(recognizer: Health) -> str:
    failing = " (failing)" if recognizer.get("state") == "failing" else ""
    return f"{recognizer.get('model')}{failing}"


def _load(process: Health) -> str:
    """The share of its time spent on finals, and for STT workers the real-time factor."""
    if "load" not in process:
        return ""
    factor = f" x{process['real_time_factor']:.2f}" if process.get("real_time_factor") else ""
    return f"{process['load']:.0%}{factor}"


def _last(process: Health, now: float) -> str:
    return _age(now - process["last_inference"]) if process.get("last_inference") else ""


def _table(columns: Iterable[tuple[str, Any]], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in columns:
        can_wrap = name in ("name", "activity")
        table.add_column(name, justify=justify, overflow="fold", no_wrap=not can_wrap)
    for row in rows:
        table.add_row(*row)
    table.add_row()
    return table


def _age(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _size(size: float) -> str:
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
