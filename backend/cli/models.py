"""`nova models`: list the known models and download them."""

import click
from rich.filesize import decimal

from backend import models
from backend.cli.terminal.tables import console, new_table
from backend.errors import ModelError
from backend.local.download_progress import download_progress


@click.group("models")
def group() -> None:
    """List the known models and download them."""


@group.command("list")
def list_models() -> None:
    """List every known model with its licence and where it is installed."""
    here = {found.name: found for found in reversed(models.installed())}
    table = new_table()
    # Names are copied into commands.
    table.add_column("name", no_wrap=True)
    for heading in ("kind", "size", "licence", "installed", "where"):
        table.add_column(heading, justify="right" if heading == "size" else "left", overflow="fold")
    for model in models.CATALOGUE:
        found = here.pop(model.name, None)
        where = str(found.path) if found else ""
        table.add_row(model.name, model.kind, decimal(model.size), model.licence, "yes" if found else "no", where)
    for found in here.values():  # models of the user's own
        table.add_row(found.name, found.kind, decimal(found.size), "", "yes", str(found.path))
    console().print(table)


@group.command("pull")
@click.argument("names", nargs=-1, required=True)
def pull(names: tuple[str, ...]) -> None:
    """Download and verify models. Installed models are not downloaded again."""
    for name in names:
        known = models.find(name)
        if known is not None:
            click.echo(f"{known.name}: {decimal(known.size)}, licence: {known.licence}")
        try:
            with download_progress() as report:
                path = models.fetch(name, report)
        except ModelError as error:
            raise click.ClickException(error.message) from error
        click.echo(f"{known.name if known else name} is in {path}")
