"""The report on the terminal: a table of verdicts per workload."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from floodmark.report import cells
from floodmark.report.cells import WORDS, Cell
from floodmark.report.markdown import measured_with
from floodmark.report.runs import Collection, Workload


def show(console: Console, collection: Collection) -> None:
    """Print the whole report."""
    for load in collection.workloads:
        console.print()
        console.print(f"[bold]workload {escape(load.name)}[/bold]", highlight=False)
        console.print(_table(load))
        for subject in load.subjects:
            for visit in subject.run.visits:
                if not visit.valid:
                    text = f"{subject.name}, visit {visit.number} ({visit.phase}, {visit.users} users)"
                    console.print(f" [yellow]![/yellow] {escape(f'{text} left out: {visit.reason}')}", highlight=False)
        if any(subject.place and subject.place.tied for subject in load.subjects):
            console.print(" • servers that share a range of places are tied: they do not differ", highlight=False)
    console.print(f" • {escape(measured_with([subject.run for subject in collection.subjects]))}", highlight=False)


def _table(load: Workload) -> Table:
    columns = cells.columns(subject.run for subject in load.subjects)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("place", "name", *columns):
        table.add_column(name, justify="left" if name in WORDS else "right", overflow="fold")
    for subject in load.subjects:
        status = subject.record.status
        name = subject.name if status == "complete" else f"{subject.name}\n{status}"
        texts = [_text(cell(subject.run)) for cell in columns.values()]
        table.add_row(str(subject.place or cells.UNKNOWN), escape(name), *texts)
    return table


def _text(cell: Cell) -> str:
    first, *others = map(escape, cell.lines)
    return "\n".join([f"[bold]{first}[/bold]" if cell.strong else first, *others])
