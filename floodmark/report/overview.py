"""The report on the terminal: a table of verdicts for each workload."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from floodmark.report import cells
from floodmark.report.cells import WORDS, Cell
from floodmark.report.markdown import measured_with
from floodmark.report.runs import Collection, Workload


def show(console: Console, found: Collection) -> None:
    """Print all of it."""
    for load in found.workloads:
        console.print()
        console.print(f"[bold]workload {escape(load.name)}[/bold]", highlight=False)
        console.print(_table(load))
        for one in load.subjects:
            for visit in one.run.visits:
                if not visit.valid:
                    said = f"{one.name}, visit {visit.number} ({visit.phase}, {visit.users} users)"
                    console.print(f" [yellow]![/yellow] {escape(f'{said} left out: {visit.reason}')}", highlight=False)
        if any(one.place and one.place.tied for one in load.subjects):
            console.print(" • who shares a range of places is tied: intervals do not tell them apart", highlight=False)
    console.print(f" • {escape(measured_with([one.run for one in found.subjects]))}", highlight=False)


def _table(load: Workload) -> Table:
    shown = cells.columns(one.run for one in load.subjects)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("place", "name", *shown):
        table.add_column(name, justify="left" if name in WORDS else "right", overflow="fold")
    for one in load.subjects:
        status = one.record.status
        name = one.name if status == "complete" else f"{one.name}\n{status}"
        texts = [_text(cell(one.run)) for cell in shown.values()]
        table.add_row(str(one.place or cells.UNKNOWN), escape(name), *texts)
    return table


def _text(cell: Cell) -> str:
    first, *others = map(escape, cell.lines)
    return "\n".join([f"[bold]{first}[/bold]" if cell.strong else first, *others])
