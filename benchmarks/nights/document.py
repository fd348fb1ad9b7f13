"""The table of docs/nightly.md, from the rows of nights.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.page import DOCS, renew
from benchmarks.record import facts_of
from floodmark.results.table import read_table
from floodmark.stats.intervals import wilson

PAGE = DOCS / "nightly.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case. world: how machine and setups differ between nights. effect: 0 without a change, and then cases are
    suite-nights; else suites with one changed setup.
    """

    world: str
    effect: float
    nights_before: int
    cases: int
    alarms: int
    regressions: int
    first: int
    week: int
    twins: int
    twins_apart: int


def document(results: Path, *, check: bool) -> bool:
    """Bring the page in line with the rows; returns whether it was. check: leave the page as it is."""
    facts = facts_of(results / "nights.csv")
    about = (
        f"Simulated {str(facts['time'])[:10]} with floodmark {facts['commit']}, Python {facts['python']}, seeds from "
        f"{facts['seed']}; in brackets the 95 % interval."
    )
    text = "\n" + "\n".join(table(read_table(results / "nights.csv", Row))) + f"\n\n{about}\n\n"
    return renew(PAGE, "nights", text, check=check)


def table(rows: Sequence[Row]) -> list[str]:
    """One line per rate."""
    lines = ["| what | of | rate | wanted |", "|---|---:|---:|---:|"]
    for row in rows:
        if not row.effect:
            lines += [
                _line(f"{row.world}: suite-nights with an alarm, before the re-run", row.alarms, row.cases, "-"),
                _line(f"{row.world}: **a false regression**", row.regressions, row.cases, "at most .01"),
                _line(f"{row.world}: a setup told from its twin", row.twins_apart, row.twins, "-"),
            ]
            continue
        what = f"-{row.effect:.0%} after {row.nights_before} nights, confirmed"
        first, week = ("at least .95", "-") if row.effect >= 0.1 else ("-", "at least .95")
        lines += [
            _line(f"{what} the first night", row.first, row.cases, first),
            _line(f"{what} within a week", row.week, row.cases, week),
        ]
    return lines


def _line(what: str, hits: int, of: int, wanted: str) -> str:
    rate = wilson(hits, of)
    return f"| {what} | {of} | {rate.value:.4f} [{rate.lo:.4f}, {rate.hi:.4f}] | {wanted} |"
