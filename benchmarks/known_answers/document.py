"""The table of docs/method.md, from the kept rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from benchmarks.known_answers.host import quietest
from benchmarks.known_answers.table import INSIDE, NOT_MEASURED, OUTSIDE, RESULTS, Row
from benchmarks.page import DOCS, renew
from benchmarks.record import facts_of
from floodmark.results.table import read_table

PAGE = DOCS / "method.md"
MARKS = {INSIDE: "✓", OUTSIDE: "**✗**", NOT_MEASURED: "-"}


def document(*, check: bool) -> bool:
    """Bring the page in line with the rows; returns whether it was."""
    return renew(PAGE, "known-answers", text(read_table(RESULTS, Row)), check=check)


def text(measured: Sequence[Row]) -> str:
    """Markdown between the markers."""
    rows = quietest(measured)
    facts = facts_of(RESULTS)
    inside = sum(row.verdict == INSIDE for row in rows)
    outside = sum(row.verdict == OUTSIDE for row in rows)
    covering = [row for row in rows if row.covers]
    days = sorted(row.measured[:10] for row in rows)
    commits = sorted({row.commit for row in rows})
    summary = (
        f"{inside} inside their bars, {outside} outside, {len(rows) - inside - outside} not measured; "
        f"{sum(row.covers == 'yes' for row in covering)} of {len(covering)} intervals hold the truth. "
        f"Measured {' to '.join(dict.fromkeys((days[0], days[-1])))} on {facts['cpu']}, {facts['cores']} CPUs, Linux "
        f"{facts['kernel']}, Python {facts['python']}, floodmark {', '.join(commits)}."
    )
    again = {row.id for row in measured if row.attempt > 1}
    if again:
        summary += (
            f" {len(again)} cases were measured more than once; of all attempts "
            f"{sum(row.verdict == INSIDE for row in measured)} of {len(measured)} rows are inside."
        )
    aside = {(row.id, row.attempt) for row in measured if row.set_aside}
    if aside:
        summary += f" {len(aside)} attempts were set aside; the file says why of each."
    return "\n".join(
        [
            "",
            "| | target | metric | truth | found | 95 % | error | bar | | of all attempts | s | steal |",
            "|---|---|---|---:|---:|---|---:|---|---|---:|---:|---:|",
            *(line for _, case in groupby(rows, lambda row: row.id) for line in _lines(list(case), measured)),
            "",
            summary,
            "",
            "",
        ]
    )


def _lines(case: Sequence[Row], measured: Sequence[Row]) -> list[str]:
    return [_line(row, _attempts(row, measured), first=row is case[0]) for row in case]


def _attempts(row: Row, measured: Sequence[Row]) -> str:
    """In how many of all attempts that count this row was inside."""
    alike = [r for r in measured if (r.id, r.metric, r.bar) == (row.id, row.metric, row.bar) and not r.set_aside]
    tried = [r for r in alike if r.verdict != NOT_MEASURED]
    return f"{sum(r.verdict == INSIDE for r in tried)} of {len(tried)}"


def _line(row: Row, attempts: str, *, first: bool) -> str:
    interval = f"[{row.lo:g}, {row.hi:g}]" if row.lo is not None and row.hi is not None else ""
    error = f"{row.error_pct:+.1f} %" if row.error_pct is not None else ""
    cells = [
        row.id if first else "",
        row.what if first else "",
        row.metric,
        row.truth,
        row.found,
        interval,
        error,
        row.bar,
        MARKS[row.verdict] + (f" {row.note}" if row.verdict != INSIDE and row.note else ""),
        attempts,
        f"{row.seconds:.0f}" if first else "",
        f"{row.steal:.1%}" if first and row.steal is not None else "",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
