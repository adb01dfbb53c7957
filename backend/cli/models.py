"""`nova models`: list the known models and download them."""

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
    """List the known models and download them."""


@group.command("list")
def list_models() -> None:
    """List every known model with its licence and where it is installed."""
    here = {found.name: found for found in reversed(models.installed())}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "kind", "size", "licence", "installed", "where"):
        table.add_column(heading, justify="right" if heading == "size" else "left", overflow="fold")
    for model in models.CATALOGUE:
        found = here.pop(model.name, None)
        where = str(found.path) if found else ""
        table.add_row(model.name, model.kind, decimal(model.size), model.licence, "yes" if found else "no", where)
    for found in here.values():  # models of the user's own
        table.add_row(found.name, found.kind, decimal(found.size), "", "yes", str(found.path))
    Console().print(table)


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


@contextmanager
def download_progress() -> Iterator[models.ProgressCallback]:
    """Show a progress bar for each file on a terminal; elsewhere print one line when a file is complete."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _print_when_complete
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def update(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name)
            bars.update(tasks[name], completed=done, total=total)

        yield update


def _print_when_complete(name: str, done: int, total: int) -> None:
    if done == total:
        click.echo(f"  {name}: {decimal(total)}", err=True)
