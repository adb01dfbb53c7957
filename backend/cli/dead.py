"""`nova dead`: work that no worker could do; to look at, to try once more, to throw away."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import wave
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.errors import SetupError
from backend.messages.jobs import SAMPLE_RATE, Transcript
from backend.service.settings import ServiceSettings
from backend.streams.dead_letters import DeadLetter, DeadLetterId, DeadLetters, ReplayResult, StreamName
from backend.streams.redis.connection import REDIS_ERRORS, connect

T = TypeVar("T")

LONGEST = 2_000
"""Characters shown of a field that cannot be read."""
WIDE = 200
"""Columns of a table that no terminal limits."""
REFUSALS: dict[ReplayResult, str] = {
    "gone": "it is gone: someone else has replayed or dropped it",
    "unreadable": "it cannot be read and would only come back; `nova dead show` says why, --force tries all the same",
    "answered": "its utterance has its final, which another attempt gave; `nova dead drop` removes it",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which letters a command is about: some by id, or all that match."""

    places: tuple[DeadLetterId, ...] = ()
    lane: StreamName | None = None
    session: str | None = None
    reason: str | None = None

    async def letters(self, dead: DeadLetters) -> list[DeadLetter]:
        """They themselves, oldest first. Raises ClickException when one that is named does not exist."""
        if self.places:
            return [await _existing(dead, place) for place in dict.fromkeys(self.places)]
        found = [letter async for letter in dead.scan(self.lane) if self._match(letter)]
        return sorted(found, key=lambda letter: letter.id.time_ms)

    def _match(self, letter: DeadLetter) -> bool:
        session = letter.job.session if letter.job else None
        return self.session in (None, session) and self.reason in (None, letter.failure.reason)


@click.group("dead")
def dead() -> None:
    """Look at work that failed for good, replay it or drop it."""


def _id(_: click.Context, __: click.Parameter, given: str | Sequence[str]) -> DeadLetterId | tuple[DeadLetterId, ...]:
    try:
        return DeadLetterId.parse(given) if isinstance(given, str) else tuple(map(DeadLetterId.parse, given))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_redis = click.option("--redis-url", metavar="URL", help="Redis or Valkey; else REDIS_URL, as the services read it.")
_filters = (
    click.option("--lane", type=click.Choice(get_args(StreamName)), help="Only letters of this lane."),
    click.option("--session", metavar="ID", help="Only letters of this session."),
    click.option("--reason", metavar="CODE", help="Only letters with this reason."),
)


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    """A command over all letters, or some: its first argument is what was `Chosen`."""

    @wraps(command)
    def run(lane: StreamName | None, session: str | None, reason: str | None, **others: Any) -> None:
        command(Chosen((), lane, session, reason), **others)

    for option in reversed(_filters):
        option(run)
    return run


def _choosing(command: Callable[..., None]) -> Callable[..., None]:
    """A command over letters named by id, or with --all over those that match."""

    @wraps(command)
    def run(chosen: Chosen, ids: tuple[DeadLetterId, ...], everything: bool, **others: Any) -> None:
        if bool(ids) == everything:
            raise click.UsageError("give the ids of dead letters, or --all")
        if ids and chosen != Chosen():
            raise click.UsageError("--lane, --session and --reason go with --all")
        command(Chosen(ids) if ids else chosen, **others)

    click.argument("ids", nargs=-1, callback=_id, metavar="[ID]...")(run)
    click.option("--all", "everything", is_flag=True, help="All letters, or all that match.")(run)
    return _filtered(run)


@dead.command("list")
@_filtered
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of objects.")
@_redis
def list_letters(chosen: Chosen, limit: int, as_json: bool, redis_url: str | None) -> None:
    """Show dead letters, the newest first."""
    letters = _run(redis_url, chosen.letters)[::-1]
    if as_json:
        click.echo(json.dumps([_summary(letter) for letter in letters[:limit]], ensure_ascii=False, indent=2))
    elif letters:
        _print(letters[:limit])
    else:
        click.echo("No dead letters.")
    if len(letters) > limit:
        click.echo(f"{len(letters) - limit} older ones are not shown (--limit)", err=True)


@dead.command()
@click.argument("place", metavar="ID", callback=_id)
@click.option("--wav", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Write its audio there.")
@_redis
def show(place: DeadLetterId, wav: Path | None, redis_url: str | None) -> None:
    """Show everything of one dead letter, what was said included."""

    async def look(dead: DeadLetters) -> tuple[DeadLetter, bytes]:
        return await _existing(dead, place), await dead.audio(place) if wav else b""

    letter, pcm = _run(redis_url, look)
    about = _about(letter)
    width = max(map(len, about))
    for name, value in about.items():
        click.echo(f"{name:<{width}}  {_plain(value)}")
    if wav:
        if not pcm:
            raise click.ClickException(f"{place} holds no audio")
        try:
            wav.write_bytes(_wav(pcm))
        except OSError as error:
            raise click.FileError(str(wav), error.strerror) from None


@dead.command()
@_choosing
@click.option("--force", is_flag=True, help="Replay also what cannot be read.")
@_redis
def replay(chosen: Chosen, force: bool, redis_url: str | None) -> None:
    """Put dead letters back on their lanes, to be worked on once more.

    Each client gets the result late, behind the error that it was told. Ends with status 1 when a letter was refused.
    """

    async def put_back(dead: DeadLetters) -> list[tuple[DeadLetter, ReplayResult]]:
        return [(letter, await dead.replay(letter, force=force)) for letter in await chosen.letters(dead)]

    results = _run(redis_url, put_back)
    refused = [(letter, outcome) for letter, outcome in results if outcome != "replayed"]
    for letter, outcome in refused:
        click.echo(f"{letter.id}: {REFUSALS[outcome]}", err=True)
    click.echo(f"{_count(len(results) - len(refused))} replayed.")
    if refused:
        raise click.exceptions.Exit(1)


@dead.command()
@_choosing
@click.option("--yes", is_flag=True, help="Do not ask.")
@_redis
def drop(chosen: Chosen, yes: bool, redis_url: str | None) -> None:
    """Delete dead letters, audio and all, for good."""
    letters = _run(redis_url, chosen.letters)
    if letters and not yes:
        click.confirm(f"Delete {_count(len(letters))} for good?", abort=True)

    async def delete(dead: DeadLetters) -> int:
        return sum([await dead.drop(letter.id) for letter in letters])

    click.echo(f"{_count(_run(redis_url, delete))} dropped.")


def _run(redis_url: str | None, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    """What `work` gives. Raises SetupError when Redis does not answer, or its URL is none."""
    settings = ServiceSettings(REDIS_URL=SecretStr(redis_url)) if redis_url else ServiceSettings()
    try:
        return asyncio.run(_connected(settings, work))
    except REDIS_ERRORS as error:
        raise SetupError(f"Redis: {error or 'no answer'}") from None


async def _connected(settings: ServiceSettings, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    redis = connect(settings)
    try:
        return await work(DeadLetters(redis, settings))
    finally:
        await redis.aclose()


async def _existing(dead: DeadLetters, place: DeadLetterId) -> DeadLetter:
    if place.shard not in dead.shards:
        raise click.ClickException(f"{place}: there are {len(dead.shards)} shards (NOVA_SHARDS), counted from 0")
    letter = await dead.find(place)
    if letter is None:
        raise click.ClickException(f"{place}: no such dead letter (any more)")
    return letter


def _summary(letter: DeadLetter) -> dict[str, object]:
    job = letter.job
    return {
        "id": str(letter.id),
        "lane": letter.id.stream_name,
        "session": job.session if job else None,
        "utterance": job.utterance if job else None,
        "seconds": round(letter.audio_s, 3) if letter.id.stream_name == "audio" else None,
        "characters": len(job.text) if isinstance(job, Transcript) else None,
        "reason": letter.failure.reason,
        "error": letter.failure.error,
        "attempts": letter.failure.attempts,
        "worker": letter.failure.worker,
        "when": _time(letter.id.time_ms / 1000),
    }


def _print(letters: Sequence[DeadLetter]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("id", no_wrap=True)
    for heading in ("lane", "session", "utterance", "size", "reason", "attempts", "worker", "when"):
        table.add_column(heading, justify="right" if heading in ("utterance", "size") else "left", overflow="fold")
    for letter in letters:
        row = _summary(letter)
        row["size"] = f"{letter.audio_s:.1f} s" if row["characters"] is None else f"{row['characters']} chars"
        cells = (row[str(column.header)] for column in table.columns)
        table.add_row(*(Text("?" if cell is None else _plain(str(cell))) for cell in cells))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _about(letter: DeadLetter) -> dict[str, str]:
    place, job = letter.id, letter.job
    about = {"id": str(place), "lane": f"{place.stream_name}, shard {place.shard.number}"}
    about["when"] = _time(place.time_ms / 1000)
    about |= {field: value for field, value in asdict(letter.failure).items() if field != "time"}
    if letter.audio_bytes:
        about["audio"] = f"{letter.audio_s:.2f} s, {letter.audio_bytes} bytes"
    if job is None:
        raw = {name: value for name, value in letter.entry.items() if name != b"p"}
        return (
            about
            | {"cannot be read": letter.problem}
            | {
                f"field {name.decode(errors='backslashreplace')}": value.decode(errors="backslashreplace")[:LONGEST]
                for name, value in raw.items()
            }
        )
    fields = job.model_dump(mode="json", exclude_defaults=True) | {"sent_at": _time(job.sent_at)}
    return about | {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in fields.items()
    }


def _time(unix_s: float) -> str:
    """In this machine's time zone, to the second, as ISO 8601 has it."""
    return datetime.fromtimestamp(unix_s, UTC).astimezone().isoformat(timespec="seconds")


def _plain(text: str) -> str:
    """What a client wrote may do nothing to an operator's terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _wav(pcm: bytes) -> bytes:
    with io.BytesIO() as buffer:
        with wave.open(buffer, "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes(pcm[: len(pcm) // 2 * 2])
        return buffer.getvalue()


def _count(number: int) -> str:
    return f"{number} dead letter{'' if number == 1 else 's'}"
