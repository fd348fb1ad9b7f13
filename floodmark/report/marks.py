"""Marks in front of a line of the summary."""

GOOD, BAD, NOTE, WARN = "[green]✓[/green]", "[red]✗[/red]", "•", "[yellow]![/yellow]"
