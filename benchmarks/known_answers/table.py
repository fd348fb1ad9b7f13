"""The table of known answers: a row for each check, judged, printed and kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence, Found, Missing, Value
from benchmarks.record import RESULTS as TABLES
from benchmarks.record import commit, write
from floodmark.results.table import read_table

INSIDE, OUTSIDE, NOT_MEASURED = "inside", "outside", "not measured"
RESULTS = TABLES / "known_answers.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One check of one case. attempt: a case is measured again where the host was restless. error_pct: relative, of
    numbers; covers: the interval holds the truth; seconds: of the whole case; generator: floodmark's own word on its
    generator; steal: share of the CPUs that the hypervisor took during the case; slowdown: of a case that needs a
    steady CPU, how much slower that was on average than at its best. set_aside: why an attempt does not count, where
    it does not.
    """

    id: str
    attempt: int
    what: str
    metric: str
    truth: str
    found: str
    lo: float | None
    hi: float | None
    error_pct: float | None
    bar: str
    verdict: str
    covers: str
    generator: str
    seconds: float
    note: str
    measured: str
    commit: str
    steal: float | None = None
    slowdown: float | None = None
    set_aside: str = ""


def judge(case: Case, evidence: Evidence, seconds: float, attempt: int = 1) -> list[Row]:
    """All rows of a measured case."""
    return [_judge(case, check, evidence, seconds, attempt) for check in case.checks]


def not_measured(case: Case, why: str, seconds: float = 0.0, attempt: int = 1) -> list[Row]:
    """All rows of a case that could not be measured."""
    return [_row(case, check.metric, seconds, attempt, note=why) for check in case.checks]


def failed(case: Case, why: str, seconds: float, attempt: int = 1) -> list[Row]:
    """A measurement that broke: its rows are outside."""
    return [_row(case, check.metric, seconds, attempt, note=why, verdict=OUTSIDE) for check in case.checks]


def _judge(case: Case, check: Check, evidence: Evidence, seconds: float, attempt: int) -> Row:
    found = evidence.metrics.get(check.metric)
    if found is None:
        why = check.missing or f"not measured: the run gave no {check.metric}"
        # A feature that is not there is named by the check; otherwise the run itself failed to give a number.
        verdict = NOT_MEASURED if check.missing else OUTSIDE
        return _row(case, check.metric, seconds, attempt, note=f"{why} {evidence.notes}".strip(), verdict=verdict)
    try:
        truth = check.truth(evidence)
    except Missing as missing:
        return _row(case, check.metric, seconds, attempt, note=str(missing), verdict=OUTSIDE)
    return _row(
        case,
        check.metric,
        seconds,
        attempt,
        truth=_text(truth),
        found=found,
        error_pct=_error_pct(truth, found.value),
        bar=check.bar.words(),
        verdict=INSIDE if check.bar.holds(truth, found) else OUTSIDE,
        covers=_covers(truth, found),
        generator=_text(evidence.metrics["generator"].value) if "generator" in evidence.metrics else "",
        note=found.reason or ("" if found.valid else "not valid"),
    )


def _row(
    case: Case,
    metric: str,
    seconds: float,
    attempt: int,
    *,
    truth: str = "",
    found: Found | None = None,
    error_pct: float | None = None,
    bar: str = "",
    verdict: str = NOT_MEASURED,
    covers: str = "",
    generator: str = "",
    note: str = "",
) -> Row:
    return Row(
        id=case.id,
        attempt=attempt,
        what=case.claim,
        metric=metric,
        truth=truth,
        found=_text(found.value) if found is not None else "",
        lo=_rounded(found.lo) if found is not None else None,
        hi=_rounded(found.hi) if found is not None else None,
        error_pct=error_pct,
        bar=bar,
        verdict=verdict,
        covers=covers,
        generator=generator,
        seconds=round(seconds, 1),
        note=note,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=measured_commit(),
    )


def _text(value: Value | None) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else value


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _error_pct(truth: Value, found: Value | None) -> float | None:
    if not isinstance(truth, float) or not isinstance(found, float) or not truth:
        return None
    return round(100 * (found / truth - 1), 2)


def _covers(truth: Value, found: Found) -> str:
    if not isinstance(truth, float) or found.lo is None or found.hi is None:
        return ""
    return "yes" if found.lo <= truth <= found.hi else "no"


@cache
def measured_commit() -> str:
    """What is measured: once, before the table itself makes the checkout dirty."""
    return commit()


def keep(path: Path, rows: Sequence[Row], order: Sequence[str], *, fresh: bool = False) -> None:
    """Write ``path``: these rows after those of earlier attempts, or, with ``fresh`` and where the case is another one
    now, instead of them.
    """
    now = {row.id: row.what for row in rows}
    older = [
        row
        for row in (read_table(path, Row) if path.is_file() else [])
        if row.id in order and (row.id not in now or (row.what == now[row.id] and not fresh))
    ]
    had = {case: max((row.attempt for row in older if row.id == case), default=0) for case in now}
    later = [dataclasses.replace(row, attempt=had[row.id] + row.attempt) for row in rows]
    merged = sorted([*older, *later], key=lambda row: (order.index(row.id), row.attempt))
    write(path, Row, merged, commit=measured_commit())


def lines(rows: Iterable[Row]) -> list[str]:
    """As text, one line a row."""
    return [_line(row) for row in rows]


def _line(row: Row) -> str:
    interval = f"[{row.lo:g}, {'' if row.hi is None else f'{row.hi:g}'}]" if row.lo is not None else ""
    error = f"{row.error_pct:+.1f} %" if row.error_pct is not None else ""
    note = f"  {row.note}" if row.note else ""
    return (
        f"{row.id:15} {row.metric:19} {row.truth:>11} {row.found:>11} {interval:>20} {error:>9} "
        f"{row.bar:>21} {row.verdict:12} {row.seconds:6.0f} s{note}"
    )


HEADER = (
    f"{'id':15} {'metric':19} {'truth':>11} {'found':>11} {'interval':>20} {'error':>9} {'bar':>21} {'verdict':12} "
    f"{'case':>8}"
)
