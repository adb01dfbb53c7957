"""`nova status`: whether a system is well, and how each part of it is."""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import httpx
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from backend.cli.options import key_option
from backend.local.server import DEFAULT, http_url, stream_url

TIMEOUT_S = 5.0
"""Longer than a gateway ever takes."""
EVERY_S = 1.0
WIDE = 100
"""Columns of a table that no terminal limits."""
EXIT = {"healthy": 0, "degraded": 1, "unhealthy": 2}
COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}

Body = Mapping[str, Any]
"""What `/health/full` answers."""


@click.command()
@click.option("--url", envvar="NOVA_SERVER", default=DEFAULT, show_default=True, help="Any gateway of the system.")
@key_option
@click.option("--watch", is_flag=True, help="Show it anew every second, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the gateway's answer as it is.")
def status(url: str, key: str, watch: bool, as_json: bool) -> None:
    """How a running system is: Redis, lanes, gateways, workers.

    Ends with 0 when it is healthy, with 1 when it is degraded, with 2 when it is unhealthy or does not answer.
    """
    if watch and as_json:
        raise click.UsageError("--watch is to look at; programs call --json again and again")
    address, headers = http_url(stream_url(url), "/health/full"), {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(headers=headers, timeout=TIMEOUT_S) as http:
        if watch:
            body = _watch(http, address)
        else:
            body = _ask(http, address)
            click.echo(json.dumps(body, ensure_ascii=False)) if as_json else _console().print(table(body, time.time()))
    sys.exit(EXIT[body["status"]])


def _watch(http: httpx.Client, address: str) -> Body:
    """The last answer."""
    body = _ask(http, address)
    try:
        with Live(table(body, time.time()), console=_console(), auto_refresh=False, screen=sys.stdout.isatty()) as live:
            while True:
                time.sleep(EVERY_S)
                body = _ask(http, address)
                live.update(table(body, time.time()), refresh=True)
    except KeyboardInterrupt:
        return body


def _ask(http: httpx.Client, address: str) -> Body:
    """What the gateway says; that there is none, in the same form."""
    try:
        answer = http.get(address)
        body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return _unknown(f"{address} does not answer: {error or type(error).__name__}")
    if isinstance(body, dict) and body.get("status") in EXIT:
        return body
    refused = isinstance(body, dict) and body.get("detail")
    return _unknown(f"{address}: {refused or 'this is no gateway of Nova Voice'}")


def _unknown(reason: str) -> Body:
    return {"status": "unhealthy", "reasons": [reason], "redis": {"ok": False}, "lanes": {}, "workers": []}


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, soft_wrap=False)


def table(body: Body, now: float) -> RenderableType:
    """All of it, readable in 80 columns; `now` is Unix time."""
    parts: list[RenderableType] = [Text(body["status"], f"bold {COLOURS[body['status']]}")]
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


def _redis(redis: Body) -> Text:
    limit = f" of {_size(redis['memory_limit_bytes'])}" if redis["memory_limit_bytes"] else ""
    memory = f"{_size(redis['memory_bytes'])}{limit}"
    return Text(
        f"\nRedis {redis['version']}: answers in {redis['round_trip_ms']:.1f} ms, uses {memory}, "
        f"on disk: {redis['persistence']}\n"
    )


def _streams(streams: Body) -> Table:
    """One row for a lane of all shards."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for name, lane in streams.items():
        row = sums[name.partition("}:")[2]]
        row[0] += lane["length"]
        row[1] += lane["pending"]
        row[2] = max(row[2], lane["oldest_s"])
    rows = ((name, f"{length:.0f}", f"{pending:.0f}", _age(oldest)) for name, (length, pending, oldest) in sums.items())
    return _table((("lane", "left"), ("entries", "right"), ("in hand", "right"), ("oldest waits", "right")), rows)


def _processes(processes: Sequence[Body], now: float) -> Table:
    columns = [(name, "left") for name in ("kind", "name", "release", "does")]
    columns += [(name, "right") for name in ("load", "last")]
    rows = (
        (one["kind"], one["name"], str(one.get("version", "")), _does(one), _load(one), _last(one, now))
        for one in processes
    )
    return _table(columns, rows)


def _does(process: Body) -> str:
    if process["kind"] == "gateway":
        return f"{process.get('sessions', 0)} sessions" + (", drains" if process.get("draining") else "")
    place = process.get("gpu") or process.get("device")
    arithmetic = f" {process['compute_type']}" if process.get("compute_type") else ""
    return f"{process.get('model')} on {place}{arithmetic}, batch {process.get('last_batch')}/{process.get('batch')}"


def _load(process: Body) -> str:
    """The share of its time that goes to finals, and for speech the seconds of work for one of audio."""
    if "load" not in process:
        return ""
    factor = f" x{process['real_time_factor']:.2f}" if process.get("real_time_factor") else ""
    return f"{process['load']:.0%}{factor}"


def _last(process: Body, now: float) -> str:
    return _age(now - process["last_inference"]) if process.get("last_inference") else ""


def _table(columns: Iterable[tuple[str, Any]], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in columns:
        gives_way = name in ("name", "does")
        table.add_column(name, justify=justify, overflow="fold", no_wrap=not gives_way)
    for row in rows:
        table.add_row(*row)
    table.add_row()
    return table


def _age(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _size(size: float) -> str:
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
