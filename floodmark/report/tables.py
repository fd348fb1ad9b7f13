"""Tables on stdout, which are wide if it is a pipe."""

from __future__ import annotations

import sys

from rich import box
from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 200


def table(*columns: str) -> Table:
    """An empty table whose first column is not wrapped."""
    empty = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        empty.add_column(column, no_wrap=number == 0, overflow="fold")
    return empty


def stdout() -> Console:
    """The console for results. In a pipe, lines are wide rather than wrapped."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
