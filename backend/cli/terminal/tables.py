"""Tables that fit the terminal, and are wide enough for `grep` when stdout is a file or a pipe."""

import sys

from rich.console import Console
from rich.table import Table

# Columns of a table whose width no terminal limits. Paths have at most 4,096 characters, and must not be wrapped.
UNLIMITED_WIDTH = 10_000


def console(width: int = UNLIMITED_WIDTH) -> Console:
    """A console as wide as the terminal, or `width` columns if stdout is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else width, highlight=False)


def new_table() -> Table:
    """A table without lines."""
    return Table(box=None, header_style="bold", pad_edge=False)
