"""`nova keys`: who may come in."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.errors import SetupError
from backend.service.settings import ServiceSettings
from backend.streams.access.api_keys import DAY_S, SCOPES, ApiKey, ApiKeys, KeyUsage, QuotaLimits, Scope
from backend.streams.redis.connection import REDIS_ERRORS, connect

T = TypeVar("T")

WIDE = 160
"""Columns of a table that no terminal limits."""

_redis = click.option("--redis-url", metavar="URL", help="Redis or Valkey; else REDIS_URL, as the services read it.")


@click.group("keys")
def keys() -> None:
    """Create, list and revoke API keys. See docs/howto/manage-api-keys.md."""


def _name(_: click.Context, __: click.Parameter, given: str) -> str:
    if not given.isprintable():
        raise click.BadParameter("a name is printable")
    return given


@keys.command()
@click.option("--name", required=True, callback=_name, help="Whose it is, or what for; shown in lists.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("stream",),
    show_default=True,
    help="stream: hold sessions; read: metrics and health; admin: everything. May be given more than once.",
)
@click.option("--sessions", type=click.IntRange(0), default=0, help="At the same time; 0: as the gateways have it.")
@click.option("--minutes-a-day", type=click.IntRange(0), default=0, help="Of audio; 0: as the gateways have it.")
@click.option("--new-a-minute", type=click.IntRange(0), default=0, help="Sessions; 0: as the gateways have it.")
@click.option("--days", type=click.IntRange(1), help="For how long it is good; else until it is revoked.")
@_redis
def create(
    name: str,
    scopes: tuple[Scope, ...],
    sessions: int,
    minutes_a_day: int,
    new_a_minute: int,
    days: int | None,
    redis_url: str | None,
) -> None:
    """Make a key. It is printed once, and kept nowhere."""
    limits = QuotaLimits(sessions, minutes_a_day, new_a_minute)
    expires = int(time.time()) + days * DAY_S if days else 0
    key = _run(redis_url, lambda keys: keys.create(name, scopes, limits, expires=expires))
    click.echo(key)
    if sys.stdout.isatty():
        click.echo("Write it down now: it cannot be shown again.", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of objects.")
@_redis
def list_keys(as_json: bool, redis_url: str | None) -> None:
    """Show every key, without its secret, and what it uses now."""

    async def look(keys: ApiKeys) -> list[tuple[ApiKey, KeyUsage]]:
        return [(key, await keys.usage(key.id)) for key in await keys.all()]

    rows = [_row(key, usage) for key, usage in _run(redis_url, look)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif rows:
        _print(rows)
    else:
        click.echo("No keys.")


def _id(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for one in given:
        if not re.fullmatch("[0-9a-f]{12}", one):
            raise click.BadParameter("give a key's id, the 12 characters between the underscores, not the key")
    return given


@keys.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...", callback=_id)
@_redis
def revoke(ids: tuple[str, ...], redis_url: str | None) -> None:
    """Make keys good for nothing, by their ids. Sessions that they hold end within seconds.

    Ends with status 1 when there is no such key.
    """

    async def revoke_all(keys: ApiKeys) -> list[str]:
        return [key_id for key_id in ids if not await keys.revoke(key_id)]

    unknown = _run(redis_url, revoke_all)
    for key_id in unknown:
        click.echo(f"{key_id}: no such key", err=True)
    click.echo(f"{len(ids) - len(unknown)} revoked.")
    if unknown:
        raise click.exceptions.Exit(1)


def _run(redis_url: str | None, work: Callable[[ApiKeys], Awaitable[T]]) -> T:
    settings = ServiceSettings(REDIS_URL=SecretStr(redis_url)) if redis_url else ServiceSettings()

    async def connected() -> T:
        redis = connect(settings)
        try:
            return await work(ApiKeys(redis))
        except REDIS_ERRORS as error:
            raise SetupError(f"Redis does not answer as it should: {error or 'no answer'}; see --redis-url") from None
        finally:
            await redis.aclose()

    return asyncio.run(connected())


def _row(key: ApiKey, usage: KeyUsage) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        **asdict(key.limits),
        "sessions_now": usage.sessions,
        "minutes_today": round(usage.minutes_today, 1),
        "created": _date(key.created),
        "expires": _date(key.expires) if key.expires else None,
    }


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("id", "name", "scopes", "sessions", "minutes today", "new a minute", "created", "expires"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for row in rows:
        table.add_row(
            row["id"],
            Text(row["name"]),
            " ".join(row["scopes"]),
            _of(row["sessions_now"], row["sessions"]),
            _of(row["minutes_today"], row["minutes_a_day"]),
            str(row["new_a_minute"] or "-"),
            row["created"],
            row["expires"] or "-",
        )
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _of(used: float, limit: int) -> str:
    return f"{used:g} of {limit}" if limit else f"{used:g}"


def _date(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).date().isoformat()
