"""What a verdict table says of one run, cell by cell, as plain lines: Markdown, HTML and terminal show the same."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from floodmark.results.folder import StoredRun
from floodmark.results.schema import Result
from floodmark.verdict.enums import Phase

UNKNOWN = "-"
_SINGULAR = {"workers": "worker", "processes": "process", "threads": "thread", "connections": "connection"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One run with its metrics."""

    run: StoredRun
    metrics: Mapping[str, Result]

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.run.facts

    def get(self, metric: str) -> Result:
        return self.metrics.get(metric) or Result(metric=metric, valid=False, reason="not measured")


@dataclass(frozen=True, slots=True)
class Cell:
    """Lines of text. strong: the first is what the table is about."""

    lines: tuple[str, ...]
    strong: bool = False


def significant(value: float, digits: int) -> str:
    """A number with so many significant digits, but never rounded before the point."""
    return f"{value:,.{_decimals(value, digits)}f}"


def parts(row: Result, digits: int) -> tuple[str, ...]:
    """A confirmed value and its interval, both as fine; else the bound that it has."""
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


def settings(facts: Mapping[str, Any]) -> str:
    """The settings that decide how many requests run at once; the others are in run.json."""
    declared = facts["target"]["declared"]
    names = ("workers", "processes", "threads" if "threads" in declared else "connections")
    return ", ".join(count(declared[name], _SINGULAR[name], name) for name in names if name in declared)


def server(verdict: Verdict) -> Cell:
    target = verdict.facts["target"]
    lines = (f"{target['server']} {target['version'] or ''}".strip(), settings(verdict.facts))
    return Cell(tuple(line for line in lines if line))


def ceiling(verdict: Verdict) -> Cell:
    row = verdict.get("ceiling_rps")
    if "ceiling_rps" not in verdict.metrics and "goodput_rps" in verdict.metrics:
        return _goodput(verdict)
    if row.valid and row.value is not None:
        return Cell(parts(row, 4), strong=True)
    # What to do about it, after the semicolon, is for whoever ran it.
    return Cell((parts(row, 4)[0], f"({row.reason.partition(';')[0] or 'not confirmed'})"))


def _goodput(verdict: Verdict) -> Cell:
    """Of a run that offered one rate."""
    offered = verdict.get("offered_rps").value
    of = f"of {significant(offered, 4)} offered" if isinstance(offered, float) else "open model"
    return Cell((*parts(verdict.get("goodput_rps"), 4), of))


def knee(verdict: Verdict) -> Cell:
    row = verdict.get("knee_inflight")
    return Cell(parts(row, 3) if row.valid else (UNKNOWN,))


def slots(verdict: Verdict) -> Cell:
    number = verdict.facts["target"]["nominal_slots"]
    if number is None:
        return Cell((UNKNOWN if verdict.facts["target"]["server"] == "external" else "no limit",))
    return Cell((f"{number:,}",))


def n95(verdict: Verdict) -> Cell:
    row = verdict.get("n95_users")
    return Cell((users(row.value) if row.valid and isinstance(row.value, float) else UNKNOWN,))


def p50(verdict: Verdict) -> Cell:
    """At the held level: where the ceiling comes from."""
    held = (verdict.facts.get("search") or {}).get("hold_users")
    middles = [
        visit.r_p50_ms
        for visit in verdict.run.visits
        if visit.phase is Phase.HOLD and visit.users == held and visit.valid and visit.r_p50_ms is not None
    ]
    if not middles or not held:
        return Cell((UNKNOWN,))
    return Cell((f"{significant(statistics.median(middles), 3)} ms", f"at {users(held)}"))


def overload(verdict: Verdict) -> Cell:
    kept = verdict.get("overload_kept")
    if not kept.valid or not isinstance(kept.value, float):
        return Cell((UNKNOWN,))
    most = max((visit.users for visit in verdict.run.visits if visit.phase is Phase.VERIFY), default=0)
    return Cell((f"{100 * kept.value:.0f} %", f"at {users(most)}"))


def bottleneck(verdict: Verdict) -> Cell:
    """What stops it, in words; the evidence stands in the row's reason."""
    row = verdict.get("bottleneck")
    if row.value is None:
        return Cell((UNKNOWN,))
    # What to do about it, after the colon, is for whoever ran it.
    evidence = (row.reason or row.method).partition(": ")[0] if row.valid else ""
    return Cell(tuple(line for line in (str(row.value).replace("_", " "), evidence) if line))


def generator(verdict: Verdict) -> Cell:
    word = verdict.get("generator").value
    return Cell((UNKNOWN if word is None else str(word),))


COLUMNS: dict[str, Callable[[Verdict], Cell]] = {
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
"""Columns of words; the others hold numbers."""


def columns(verdicts: Iterable[Verdict]) -> dict[str, Callable[[Verdict], Cell]]:
    """The columns these runs have something for: only some name what stopped them."""
    rows = [verdict.get("bottleneck") for verdict in verdicts]
    if not any(row.valid and row.value is not None for row in rows):
        return COLUMNS
    kept = list(COLUMNS.items())
    return dict([*kept[:-1], ("stopped by", bottleneck), kept[-1]])


def by_run(results: Iterable[Result]) -> dict[str, dict[str, Result]]:
    """Rows of many results.csv by run and metric."""
    found: dict[str, dict[str, Result]] = {}
    for row in results:
        found.setdefault(str(row.run_id), {})[row.metric] = row
    return found


def _decimals(value: float, digits: int) -> int:
    return max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
