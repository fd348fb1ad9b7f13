"""The verdicts of several runs as a Markdown table, and their provenance as a line below it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from floodmark.report.cells import WORDS, Cell, columns, parts
from floodmark.results.record import Cores, Revision
from floodmark.results.run import Run
from floodmark.results.schema import Result

BREAK = "<br>"
_INTERVAL = re.compile(r"\[[\d.,]+, [\d.,]+\]")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def verdict_table(runs: Sequence[Run]) -> str:
    """A table with a row per run, in the given order."""
    cells_by_column = columns(runs)
    return rows(list(cells_by_column), [[cell(run) for cell in cells_by_column.values()] for run in runs])


def rows(names: Sequence[str], cells: Iterable[Sequence[Cell]]) -> str:
    """A Markdown table."""
    rule = ["---" if name in WORDS else "---:" for name in names]
    texts = [[_text(cell) for cell in row] for row in cells]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(names), rule, *texts])


def _text(cell: Cell) -> str:
    first, *others = (line if _INTERVAL.fullmatch(line) else escape(line) for line in cell.lines)
    return BREAK.join([f"**{first}**" if cell.strong else first, *others])


def provenance(runs: Sequence[Run]) -> str:
    """When and with what the runs were measured, with all values if they differ."""
    text = escape(measured_with(runs))
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def measured_with(runs: Sequence[Run]) -> str:
    """The same as a single plain line."""
    records = [run.record for run in runs]
    days = sorted({record.started[:10] for record in records})
    facts = [
        f"Measured {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else ""),
        f"workload {_all(r.scenario.workload for r in records)}",
        f"{_all(r.host.cpu_model for r in records)}, {_all(r.host.cpus for r in records)} CPUs",
        _all(_cores(r.cores) for r in records),
        f"backend {_all(r.backend for r in records)}",
        f"Linux {_all(r.host.kernel for r in records)}",
        f"Python {_all(r.python for r in records)}",
        f"Locust {_all(r.packages.get('locust') for r in records)}",
        f"floodmark {_all(_revision(r.floodmark) for r in records)}",
    ]
    return "; ".join(facts) + "."


def escape(text: str) -> str:
    """Escape text for Markdown, including table cells."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def interval(row: Result, digits: int, between: str = " ") -> str:
    """A confirmed value and its interval with the same precision, or its lower bound."""
    return between.join(parts(row, digits))


def _all(values: Iterable[object]) -> str:
    """Every distinct value once, in order of appearance."""
    return " and ".join(dict.fromkeys(str(value) for value in values))


def _cores(cores: Cores) -> str:
    if cores.shared:
        return "target and generator on the same CPUs"
    target, generator = (",".join(map(str, side)) for side in (cores.target, cores.generator))
    return f"target on CPU {target}, generator on CPU {generator}"


def _revision(revision: Revision) -> str:
    """The version and the commit."""
    commit = revision.git_sha
    suffix = f" ({commit[:7]}{', with changes' if revision.dirty else ''})" if commit else ""
    return f"{revision.version}{suffix}"
