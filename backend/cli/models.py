"""`nova models`: which models there are, which are here; and getting the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from backend import models
from backend.errors import ModelError


@click.group("models")
def group() -> None:
    """List the models that Nova Voice knows, and download them."""


@group.command("list")
def list_models() -> None:
    """Show every model: what it is, its licence, and whether it is on this machine."""
    here = {found.name: found for found in reversed(models.installed())}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "kind", "size", "licence", "installed", "where"):
        table.add_column(heading, justify="right" if heading == "size" else "left", overflow="fold")
    for model in models.CATALOGUE:
        found = here.pop(model.name, None)
        where = str(found.path) if found else ""
        table.add_row(model.name, model.kind, decimal(model.size), model.licence, "yes" if found else "no", where)
    for found in here.values():
        table.add_row(found.name, found.kind, decimal(found.size), "", "yes", str(found.path))
    Console().print(table)


@group.command("pull")
@click.argument("names", nargs=-1, required=True)
def pull(names: tuple[str, ...]) -> None:
    """Download models, each from the first source that serves, and verify them."""
    for name in names:
        known = models.find(name)
        if known is not None:
            click.echo(f"{known.name}: {decimal(known.size)}, licence: {known.licence}")
        try:
            with progress() as show:
                path = models.fetch(name, show)
        except ModelError as error:
            raise click.ClickException(error.message) from error
        click.echo(f"{known.name if known else name} is in {path}")


@contextmanager
def progress() -> Iterator[models.Progress]:
    """A bar for each file on a terminal; elsewhere a line at each file's end."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name)
            bars.update(tasks[name], completed=done, total=total)

        yield show


def _line(name: str, done: int, total: int) -> None:
    if done == total:
        click.echo(f"  {name}: {decimal(total)}", err=True)
