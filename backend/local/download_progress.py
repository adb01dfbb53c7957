"""The progress of a model download on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from backend import models


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
