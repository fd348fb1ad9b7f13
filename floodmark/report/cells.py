"""The cells of a verdict table for a run, as plain lines, shared by Markdown, HTML and the terminal."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from floodmark.results.record import RunRecord
from floodmark.results.run import Run
from floodmark.results.schema import Result
from floodmark.verdict.enums import Phase

UNKNOWN = "-"
_SINGULAR = {"workers": "worker", "processes": "process", "threads": "thread", "connections": "connection"}


@dataclass(frozen=True, slots=True)
class Cell:
    """The lines of a table cell."""

    lines: tuple[str, ...]
    strong: bool = False
    """Whether to emphasise the first line."""


def significant(value: float, digits: int) -> str:
    """A number with this many significant digits, but without rounding digits before the decimal point."""
    return f"{value:,.{_decimals(value, digits)}f}"


def parts(row: Result, digits: int) -> tuple[str, ...]:
    """A confirmed value and its interval with the same precision, or its lower bound."""
    if not isinstance(row.value, float) or not row.valid:
        return (UNKNOWN if row.lo is None else f"at least {significant(row.lo, digits)}",)
    decimals = _decimals(row.value, digits)
    value = f"{row.value:,.{decimals}f}"
    if row.lo is None or row.hi is None:
        return (value,)
    return value, f"[{row.lo:,.{decimals}f}, {row.hi:,.{decimals}f}]"


def count(number: object, singular: str, plural: str) -> str:
    return f"{number} {singular if str(number) == '1' else plural}"


def users(number: float) -> str:
    return count(f"{number:,.0f}", "user", "users")


def settings(record: RunRecord) -> str:
    """The settings that determine how many requests run at once. All others are in run.json."""
    declared = record.target.declared
    names = ("workers", "processes", "threads" if "threads" in declared else "connections")
    return ", ".join(count(declared[name], _SINGULAR[name], name) for name in names if name in declared)


def server(run: Run) -> Cell:
    target = run.record.target
    lines = (f"{target.server} {target.version or ''}".strip(), settings(run.record))
    return Cell(tuple(line for line in lines if line))


def ceiling(run: Run) -> Cell:
    row = run.get("ceiling_rps")
    if "ceiling_rps" not in run.results and "goodput_rps" in run.results:
        return _goodput(run)
    if row.valid and row.value is not None:
        return Cell(parts(row, 4), strong=True)
    # The part after the semicolon is advice for the person who made the run.
    return Cell((parts(row, 4)[0], f"({row.reason.partition(';')[0] or 'not confirmed'})"))


def _goodput(run: Run) -> Cell:
    """The goodput of a run that offered one rate."""
    offered = run.get("offered_rps").value
    load = f"of {significant(offered, 4)} offered" if isinstance(offered, float) else "open model"
    return Cell((*parts(run.get("goodput_rps"), 4), load))


def knee(run: Run) -> Cell:
    row = run.get("knee_inflight")
    return Cell(parts(row, 3) if row.valid else (UNKNOWN,))


def slots(run: Run) -> Cell:
    number = run.record.target.nominal_slots
    if number is None:
        return Cell((UNKNOWN if run.record.target.external else "no limit",))
    return Cell((f"{number:,}",))


def n95(run: Run) -> Cell:
    row = run.get("n95_users")
    return Cell((users(row.value) if row.valid and isinstance(row.value, float) else UNKNOWN,))


def p50(run: Run) -> Cell:
    """The median latency at the held level."""
    held = run.hold_users
    medians = [visit.r_p50_ms for visit in run.held if visit.r_p50_ms is not None]
    if not medians or not held:
        return Cell((UNKNOWN,))
    return Cell((f"{significant(statistics.median(medians), 3)} ms", f"at {users(held)}"))


def overload(run: Run) -> Cell:
    kept = run.get("overload_kept")
    if not kept.valid or not isinstance(kept.value, float):
        return Cell((UNKNOWN,))
    most = max((visit.users for visit in run.visits if visit.phase is Phase.VERIFY), default=0)
    return Cell((f"{100 * kept.value:.0f} %", f"at {users(most)}"))


def bottleneck(run: Run) -> Cell:
    """The bottleneck and its evidence, from the row's reason."""
    row = run.get("bottleneck")
    if row.value is None:
        return Cell((UNKNOWN,))
    # The part after the colon is advice for the person who made the run.
    evidence = (row.reason or row.method).partition(": ")[0] if row.valid else ""
    return Cell(tuple(line for line in (str(row.value).replace("_", " "), evidence) if line))


def generator(run: Run) -> Cell:
    word = run.get("generator").value
    return Cell((UNKNOWN if word is None else str(word),))


COLUMNS: dict[str, Callable[[Run], Cell]] = {
    "server": server,
    "ceiling, good/s": ceiling,
    "knee, in flight": knee,
    "slots": slots,
    "95 % at": n95,
    "p50 at hold": p50,
    "overload keeps": overload,
    "generator": generator,
}
WORDS = {"server", "generator", "stopped by", "name"}
"""Columns with words; all others have numbers."""


def columns(runs: Iterable[Run]) -> dict[str, Callable[[Run], Cell]]:
    """The columns for these runs; the bottleneck only if one of them has it."""
    rows = [run.get("bottleneck") for run in runs]
    if not any(row.valid and row.value is not None for row in rows):
        return COLUMNS
    kept = list(COLUMNS.items())
    return dict([*kept[:-1], ("stopped by", bottleneck), kept[-1]])


def _decimals(value: float, digits: int) -> int:
    return max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
