"""`nova keys`: create, list and revoke API keys."""

import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO, TypeVar

import click
from rich.text import Text

from backend.cli.redis_access import RedisAccess, run_with_redis, with_redis
from backend.cli.terminal.streams import echo_json
from backend.cli.terminal.tables import console, new_table
from backend.messages.options import MAX_HOTWORDS
from backend.streams.access.api_keys import DAY_S, SCOPES, ApiKey, ApiKeys, KeyUsage, QuotaLimits, Scope
from backend.text.vocabulary import join_hotwords

T = TypeVar("T")

# Characters of a file of hotwords that are read. Spaces and empty lines do not count as hotwords.
LONGEST_FILE = 100_000
# Columns of the table if stdout is not a terminal.
WIDTH = 160


@click.group("keys")
def keys() -> None:
    """Create, list and revoke API keys. See docs/howto/manage-api-keys.md."""


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    if not value.isprintable():
        raise click.BadParameter("the name must be printable")
    return value


@keys.command()
@click.option("--name", required=True, callback=_name, help="Owner or purpose of the key. Shown in lists.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("stream",),
    show_default=True,
    help="stream: open sessions; read: metrics and health; admin: everything. Can be repeated.",
)
@click.option("--sessions", type=click.IntRange(0), default=0, help="Concurrent sessions. 0: the gateways' limit.")
@click.option("--minutes-a-day", type=click.IntRange(0), default=0, help="Minutes of audio. 0: the gateways' limit.")
@click.option("--new-a-minute", type=click.IntRange(0), default=0, help="New sessions. 0: the gateways' limit.")
@click.option("--days", type=click.IntRange(1), help="Days until the key expires. Default: it does not expire.")
@with_redis
def create(
    name: str,
    scopes: tuple[Scope, ...],
    sessions: int,
    minutes_a_day: int,
    new_a_minute: int,
    days: int | None,
    redis: RedisAccess,
) -> None:
    """Create a key and print it. It is stored only as a hash, so it cannot be printed again."""
    limits = QuotaLimits(sessions, minutes_a_day, new_a_minute)
    expires = int(time.time()) + days * DAY_S if days else 0
    key = _run(redis, lambda keys: keys.create(name, scopes, limits, expires=expires))
    click.echo(key)
    if sys.stdout.isatty():
        click.echo("Save it now: it cannot be shown again.", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_redis
def list_keys(as_json: bool, redis: RedisAccess) -> None:
    """List all keys, without their secrets, and their current usage."""

    async def load(keys: ApiKeys) -> list[tuple[ApiKey, KeyUsage]]:
        return [(key, await keys.usage(key.id)) for key in await keys.all()]

    rows = [_row(key, usage) for key, usage in _run(redis, load)]
    if as_json:
        echo_json(json.dumps(rows, ensure_ascii=False, indent=2))
    elif rows:
        _print(rows)
    else:
        click.echo("No keys.")


def _id(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch("[0-9a-f]{12}", value):
            raise click.BadParameter("give the id of the key, the 12 characters between the underscores, not the key")
    return values


def _one_id(context: click.Context, parameter: click.Parameter, value: str) -> str:
    return _id(context, parameter, (value,))[0]


def _hotwords(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> str:
    return _checked_hotwords(values)


def _hotwords_of_file(_: click.Context, __: click.Parameter, file: TextIO | None) -> str | None:
    if file is None:
        return None
    try:
        with file:
            return _checked_hotwords([file.read(LONGEST_FILE)])
    except UnicodeDecodeError as error:
        raise click.BadParameter("the file must be text in UTF-8") from error


def _checked_hotwords(texts: Iterable[str]) -> str:
    joined = join_hotwords(texts)
    if not joined.isprintable():
        raise click.BadParameter("the words must be printable")
    if len(joined) > MAX_HOTWORDS:
        raise click.BadParameter(f"at most {MAX_HOTWORDS:,} characters, these are {len(joined):,}")
    return joined


@keys.command()
@click.argument("id", metavar="ID", callback=_one_id)
@click.argument("words", nargs=-1, metavar="[WORD...]", callback=_hotwords)
@click.option(
    "--file",
    "listed",
    type=click.File(encoding="utf-8"),
    callback=_hotwords_of_file,
    help="Set those of a file, one on each line. -: standard input.",
)
@click.option("--clear", is_flag=True, help="Remove all hotwords of the key.")
@with_redis
def hotwords(id: str, words: str, listed: str | None, clear: bool, redis: RedisAccess) -> None:
    """Set the names and terms that all new sessions of a key expect, or print them.

    They follow the hotwords of the session itself. Separate them by spaces, and use quotes or commas for terms of
    several words. Exit status 1: the key does not exist.
    """
    if sum((bool(words), listed is not None, clear)) > 1:
        raise click.UsageError("give either words, --file or --clear")
    if listed == "":
        raise click.UsageError("the file has no words: remove those of the key with --clear")
    wanted = listed or words

    async def load_or_set(keys: ApiKeys) -> str | None:
        if wanted or clear:
            return wanted if await keys.set_hotwords(id, wanted) else None
        key = await keys.by_id(id)
        return key.hotwords if key else None

    stored = _run(redis, load_or_set)
    if stored is None:
        click.echo(f"{id}: no such key", err=True)
        raise click.exceptions.Exit(1)
    click.echo(stored or "No hotwords.")


@keys.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...", callback=_id)
@with_redis
def revoke(ids: tuple[str, ...], redis: RedisAccess) -> None:
    """Revoke keys by their ids. Their sessions end within seconds.

    Exit status 1: a key does not exist.
    """

    async def revoke_all(keys: ApiKeys) -> list[str]:
        return [key_id for key_id in ids if not await keys.revoke(key_id)]

    unknown = _run(redis, revoke_all)
    for key_id in unknown:
        click.echo(f"{key_id}: no such key", err=True)
    click.echo(f"{len(ids) - len(unknown)} revoked.")
    if unknown:
        raise click.exceptions.Exit(1)


def _run(redis: RedisAccess, work: Callable[[ApiKeys], Awaitable[T]]) -> T:
    return run_with_redis(redis, lambda connection, _: work(ApiKeys(connection)))


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
        "hotwords": key.hotwords,
    }


def _print(rows: list[dict[str, Any]]) -> None:
    table = new_table()
    for heading in ("id", "name", "scopes", "sessions", "minutes today", "new per minute", "created", "expires"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for row in rows:
        table.add_row(
            row["id"],
            Text(row["name"]),
            " ".join(row["scopes"]),
            _used_of(row["sessions_now"], row["sessions"]),
            _used_of(row["minutes_today"], row["minutes_a_day"]),
            str(row["new_a_minute"] or "-"),
            row["created"],
            row["expires"] or "-",
        )
    console(WIDTH).print(table)


def _used_of(used: float, limit: int) -> str:
    return f"{used:g} of {limit}" if limit else f"{used:g}"


def _date(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).date().isoformat()
