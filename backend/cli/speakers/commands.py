"""`nova speakers`: enrol a voice, and list, export and remove the voices of a key."""

import json
import time
from pathlib import Path
from typing import Any

import click

from backend.cli.options import key_option, server_option
from backend.cli.speakers.api import speakers_api
from backend.cli.speakers.recordings import joined_wav
from backend.cli.terminal.streams import echo_json
from backend.cli.terminal.tables import console, new_table
from backend.errors import NovaError
from backend.messages.voices.start import DEFAULT_DAYS, MAX_DAYS, checked_name
from backend.text.printable import printable

WIDTH = 100
to_server = server_option("Any gateway. Default: NOVA_SERVER, or the system that `nova up` runs, or port 8080.")


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        return checked_name(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group("speakers")
def speakers() -> None:
    """Enrol voices, so that sessions can name their speakers. See docs/howto/enrol-speakers.md."""


@speakers.command()
@click.argument("name", callback=_name)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE...")
@click.option("--consent", is_flag=True, help="The speaker has agreed that their voice is stored. Required.")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=DEFAULT_DAYS, show_default=True, help="Lifetime.")
@to_server
@key_option
def enrol(name: str, files: tuple[Path, ...], consent: bool, days: int, server: str | None, key: str) -> None:
    """Enrol a voice from recordings of one speaker, with at least three pieces of 2 s of speech."""
    if not consent:
        raise click.UsageError("a voice is stored only with the consent of its speaker: use --consent")
    with speakers_api(server, key) as api:
        result = api.enrol(joined_wav(files), name=name, consent="true", days=days)
    for sample in result["judged"]:
        if not sample["accepted"]:
            click.echo(f"sample {sample['utterance']} is not used: {printable(sample['message'])}", err=True)
    click.echo(f"{name} is enrolled with {result['samples']} samples, until {_date(result['expires'])}.")


@speakers.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@to_server
@key_option
def list_speakers(as_json: bool, server: str | None, key: str) -> None:
    """List the enrolled voices of your key."""
    with speakers_api(server, key) as api:
        found = api.all()
    if as_json:
        echo_json(json.dumps(found, ensure_ascii=False, indent=2))
    elif found:
        _print(found)
    else:
        click.echo("No speakers.")


@speakers.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@to_server
@key_option
def remove(names: tuple[str, ...], server: str | None, key: str) -> None:
    """Delete enrolled voices. Exit status 1: there is none under a name."""
    unknown = 0
    with speakers_api(server, key) as api:
        for name in names:
            try:
                api.remove(name)
            except NovaError as error:
                if error.code != "unknown_speaker":
                    raise
                unknown += 1
                click.echo(printable(error.message), err=True)
    click.echo(f"{len(names) - unknown} removed.")
    if unknown:
        raise click.exceptions.Exit(1)


@speakers.command()
@click.argument("name")
@to_server
@key_option
def export(name: str, server: str | None, key: str) -> None:
    """Print everything that is stored about a voice, as JSON."""
    with speakers_api(server, key) as api:
        echo_json(json.dumps(api.export(name), ensure_ascii=False, indent=2))


def _print(found: list[dict[str, Any]]) -> None:
    table = new_table()
    for column in ("name", "samples", "seconds", "similarity", "expires"):
        table.add_column(column)
    for one in found:
        figures = (str(one[field]) for field in ("samples", "seconds", "similarity"))
        table.add_row(printable(one["name"]), *figures, _date(one["expires"]))
    console(WIDTH).print(table)


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
