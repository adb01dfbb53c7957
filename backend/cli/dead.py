"""`nova dead`: list, show, replay and drop dead letters."""

import json
import wave
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from rich.text import Text

from backend.cli.redis_access import RedisAccess, run_with_redis, with_redis
from backend.cli.terminal.streams import echo_json
from backend.cli.terminal.tables import console, new_table
from backend.messages.jobs import SAMPLE_RATE, Transcript
from backend.streams.dead_letters import DeadLetter, DeadLetterId, DeadLetters, ReplayResult, StreamName
from backend.text.printable import printable

T = TypeVar("T")

# Characters shown of each field of an undecodable entry.
MAX_FIELD_LENGTH = 2_000
REFUSALS: dict[ReplayResult, str] = {
    "gone": "not found: it was replayed or dropped meanwhile",
    "unreadable": "it cannot be decoded and would fail again; see `nova dead show`, or replay it with --force",
    "answered": "its utterance already has a final from another attempt; remove it with `nova dead drop`",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """The dead letters that a command applies to: those with the given ids, or all that match the filters."""

    ids: tuple[DeadLetterId, ...] = ()
    stream: StreamName | None = None
    session: str | None = None
    reason: str | None = None

    async def load(self, dead: DeadLetters) -> list[DeadLetter]:
        """Load them, oldest first. Raises ClickException if an id does not exist."""
        if self.ids:
            return [await _load(dead, letter_id) for letter_id in dict.fromkeys(self.ids)]
        found = [letter async for letter in dead.scan(self.stream) if self._matches(letter)]
        return sorted(found, key=lambda letter: letter.id.time_ms)

    def _matches(self, letter: DeadLetter) -> bool:
        session = letter.job.session if letter.job else None
        return self.session in (None, session) and self.reason in (None, letter.failure.reason)


@click.group("dead")
def dead() -> None:
    """List, show, replay and drop dead letters: jobs that failed permanently."""


def _id(_: click.Context, __: click.Parameter, value: str | Sequence[str]) -> DeadLetterId | tuple[DeadLetterId, ...]:
    try:
        return DeadLetterId.parse(value) if isinstance(value, str) else tuple(map(DeadLetterId.parse, value))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_filters = (
    # --lane is the name of this option in release 0.1.
    click.option(
        "--stream", "--lane", "stream", type=click.Choice(get_args(StreamName)), help="Only jobs of this stream."
    ),
    click.option("--session", metavar="ID", help="Only jobs of this session."),
    click.option("--reason", metavar="CODE", help="Only jobs that failed for this reason."),
)


def _with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add the filter options. The command receives a Selection as its first argument."""

    @wraps(command)
    def run(stream: StreamName | None, session: str | None, reason: str | None, **others: Any) -> None:
        command(Selection((), stream, session, reason), **others)

    for option in reversed(_filters):
        option(run)
    return run


def _with_ids_or_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add ids, --all and the filter options. The command receives a Selection as its first argument."""

    @wraps(command)
    def run(selection: Selection, ids: tuple[DeadLetterId, ...], everything: bool, **others: Any) -> None:
        if bool(ids) == everything:
            raise click.UsageError("give the ids of dead letters, or --all")
        if ids and selection != Selection():
            raise click.UsageError("--stream, --session and --reason require --all")
        command(Selection(ids) if ids else selection, **others)

    click.argument("ids", nargs=-1, callback=_id, metavar="[ID]...")(run)
    click.option("--all", "everything", is_flag=True, help="All dead letters, or all that match the filters.")(run)
    return _with_filters(run)


@dead.command("list")
@_with_filters
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show only the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_redis
def list_letters(selection: Selection, limit: int, as_json: bool, redis: RedisAccess) -> None:
    """List dead letters, newest first."""
    letters = _run(redis, selection.load)[::-1]
    if as_json:
        echo_json(json.dumps([_summary(letter) for letter in letters[:limit]], ensure_ascii=False, indent=2))
    elif letters:
        _print(letters[:limit])
    else:
        click.echo("No dead letters.")
    if len(letters) > limit:
        click.echo(f"{len(letters) - limit} older ones are not shown (--limit)", err=True)


@dead.command()
@click.argument("letter_id", metavar="ID", callback=_id)
@click.option("--wav", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Save its audio here.")
@with_redis
def show(letter_id: DeadLetterId, wav: Path | None, redis: RedisAccess) -> None:
    """Show all fields of a dead letter, including the text of its speech."""

    async def load(dead: DeadLetters) -> tuple[DeadLetter, bytes]:
        return await _load(dead, letter_id), await dead.audio(letter_id) if wav else b""

    letter, pcm = _run(redis, load)
    fields = _fields(letter)
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {printable(value)}")
    if wav:
        if not pcm:
            raise click.ClickException(f"{letter_id} has no audio")
        try:
            _write_wav(wav, pcm)
        except OSError as error:
            raise click.FileError(str(wav), error.strerror) from None


@dead.command()
@_with_ids_or_filters
@click.option("--force", is_flag=True, help="Also replay entries that cannot be decoded.")
@with_redis
def replay(selection: Selection, force: bool, redis: RedisAccess) -> None:
    """Return dead letters to their streams, to be processed again.

    The client receives the result late, after the error that it has already received. Exit status 1: a dead letter was
    not replayed.
    """

    async def replay_all(dead: DeadLetters) -> list[tuple[DeadLetter, ReplayResult]]:
        return [(letter, await dead.replay(letter, force=force)) for letter in await selection.load(dead)]

    results = _run(redis, replay_all)
    refused = [(letter, result) for letter, result in results if result != "replayed"]
    for letter, result in refused:
        click.echo(f"{letter.id}: {REFUSALS[result]}", err=True)
    click.echo(f"{_count(len(results) - len(refused))} replayed.")
    if refused:
        raise click.exceptions.Exit(1)


@dead.command()
@_with_ids_or_filters
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@with_redis
def drop(selection: Selection, yes: bool, redis: RedisAccess) -> None:
    """Delete dead letters permanently, including their audio."""
    letters = _run(redis, selection.load)
    if letters and not yes:
        click.confirm(f"Delete {_count(len(letters))} permanently?", abort=True)

    async def drop_all(dead: DeadLetters) -> int:
        return sum([await dead.drop(letter.id) for letter in letters])

    click.echo(f"{_count(_run(redis, drop_all))} dropped.")


def _run(redis: RedisAccess, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    return run_with_redis(redis, lambda connection, settings: work(DeadLetters(connection, settings)))


async def _load(dead: DeadLetters, letter_id: DeadLetterId) -> DeadLetter:
    if letter_id.shard not in dead.shards:
        raise click.ClickException(f"{letter_id}: there are only {len(dead.shards)} shards (NOVA_SHARDS), from 0")
    letter = await dead.find(letter_id)
    if letter is None:
        raise click.ClickException(f"{letter_id}: no such dead letter")
    return letter


def _summary(letter: DeadLetter) -> dict[str, object]:
    job = letter.job
    return {
        "id": str(letter.id),
        "stream": letter.id.stream_name,
        "lane": letter.id.stream_name,  # the name of this field in release 0.1
        "session": job.session if job else None,
        "utterance": job.utterance if job else None,
        "seconds": round(letter.audio_s, 3) if letter.id.stream_name == "audio" else None,
        "characters": len(job.text) if isinstance(job, Transcript) else None,
        "reason": letter.failure.reason,
        "error": letter.failure.error,
        "attempts": letter.failure.attempts,
        "worker": letter.failure.worker,
        "when": _local_time(letter.id.time_ms / 1000),
    }


def _print(letters: Sequence[DeadLetter]) -> None:
    table = new_table()
    table.add_column("id", no_wrap=True)
    for heading in ("stream", "session", "utterance", "size", "reason", "attempts", "worker", "when"):
        table.add_column(heading, justify="right" if heading in ("utterance", "size") else "left", overflow="fold")
    for letter in letters:
        row = _summary(letter)
        row["size"] = f"{letter.audio_s:.1f} s" if row["characters"] is None else f"{row['characters']} chars"
        cells = (row[str(column.header)] for column in table.columns)
        table.add_row(*(Text("?" if cell is None else printable(str(cell))) for cell in cells))
    console().print(table)


def _fields(letter: DeadLetter) -> dict[str, str]:
    """All fields of a dead letter, by the name that is printed."""
    fields = {
        "id": str(letter.id),
        "stream": f"{letter.id.stream_name}, shard {letter.id.shard.number}",
        "when": _local_time(letter.id.time_ms / 1000),
    }
    fields |= {name: value for name, value in asdict(letter.failure).items() if name != "time"}
    if letter.audio_bytes:
        fields["audio"] = f"{letter.audio_s:.2f} s, {letter.audio_bytes} bytes"
    if letter.job is None:
        return fields | {"cannot be decoded": letter.problem} | _raw_fields(letter)
    # Voices are personal data.
    shown = letter.job.model_dump(mode="json", exclude_defaults=True, exclude={"target": {"embedding"}})
    job = shown | {"sent_at": _local_time(letter.job.sent_at)}
    return fields | {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in job.items()
    }


def _raw_fields(letter: DeadLetter) -> dict[str, str]:
    """The fields of an entry that cannot be decoded. The field `p` is left out, because it is audio."""
    return {
        f"field {name.decode(errors='backslashreplace')}": value.decode(errors="backslashreplace")[:MAX_FIELD_LENGTH]
        for name, value in letter.entry.items()
        if name != b"p"
    }


def _local_time(unix_s: float) -> str:
    """A time as ISO 8601 in the local time zone, to the second."""
    return datetime.fromtimestamp(unix_s, UTC).astimezone().isoformat(timespec="seconds")


def _write_wav(path: Path, pcm: bytes) -> None:
    with path.open("wb") as stream, wave.open(stream, "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, len(pcm) // 2, "NONE", ""))
        file.writeframes(pcm[: len(pcm) // 2 * 2])


def _count(number: int) -> str:
    return f"{number} dead letter{'' if number == 1 else 's'}"
