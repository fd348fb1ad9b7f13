"""Tables on stdout, wide enough for pipes."""

from __future__ import annotations

import sys

from rich import box
from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 200


def table(*columns: str) -> Table:
    """An empty table whose first column is never broken."""
    made = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        made.add_column(column, no_wrap=number == 0, overflow="fold")
    return made


def stdout() -> Console:
    """The console for results; a pipe gets wide lines instead of broken ones."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
