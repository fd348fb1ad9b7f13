"""Prints errors, with the end of the target's log, and warnings."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from floodmark.errors import FloodmarkError, TargetError


def show_error(console: Console, error: FloodmarkError) -> None:
    """Print an error."""
    console.print(f"[red]floodmark:[/red] {escape(str(error))}", highlight=False)
    if isinstance(error, TargetError) and error.log:
        console.print("[dim]last lines of the target's log:[/dim]")
        for line in error.log.splitlines():
            console.print(f"  {escape(line)}", highlight=False)


def show_warning(console: Console, text: str) -> None:
    """Print a warning."""
    console.print(f" [yellow]![/yellow] {escape(text)}", highlight=False)
