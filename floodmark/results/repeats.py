"""Statistics over the repeats of a scenario: the interval between freshly started servers, as rows of starts.csv."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from floodmark.errors import UsageError
from floodmark.results.record import PROVENANCE
from floodmark.results.run import RunSummary, read_summary
from floodmark.results.schema import RESULTS, Result
from floodmark.results.table import write_table
from floodmark.stats.intervals import LEVEL, median_interval

STARTS = "starts.csv"
METRICS = ("ceiling_rps", "knee_users", "knee_inflight", "r0_ms", "slo_rate_rps")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartsRow:
    """A metric over the starts of a series: a row of results/starts.csv, in the order of its columns."""

    series: str
    scenario: str
    workload: str
    metric: str
    value: float | None = None
    """Median of the valid runs."""
    lo: float | None = None
    """``lo`` and ``hi`` bound its interval from the spread between starts (Student's t)."""
    hi: float | None = None
    unit: str = ""
    level: float | None = None
    n_starts: int
    n_valid: int
    spread: float | None = None
    """Standard deviation over the mean."""
    inside: int | None = None
    """Number of valid runs whose own interval contains the median."""
    run_ids: str = ""


def write_starts(root: Path) -> list[StartsRow]:
    """Rebuild results/starts.csv from the folders in ``root`` and return its rows. Series of one start have none."""
    series: dict[tuple[str, str, str], list[RunSummary]] = {}
    for path in sorted(p for p in root.iterdir() if (p / PROVENANCE).is_file() and (p / RESULTS).is_file()):
        try:
            run = read_summary(path)
        except UsageError:
            continue
        record = run.record
        if record.series:
            key = (record.series, record.scenario.name, record.scenario.workload)
            series.setdefault(key, []).append(run)
    rows = [row for key, starts in series.items() if len(starts) > 1 for row in _rows(key, starts)]
    if rows or (root / STARTS).exists():
        write_table(root / STARTS, StartsRow, rows)
    return rows


def _rows(key: tuple[str, str, str], starts: Sequence[RunSummary]) -> Iterable[StartsRow]:
    for metric in METRICS:
        results = [start.results[metric] for start in starts if metric in start.results]
        if results:
            valid = [r for r in results if r.valid and isinstance(r.value, float)]
            yield _row(key, metric, starts, valid, results[0].unit)


def _holds(result: Result, value: float) -> bool:
    """Whether the interval of one run contains a value of the same sitting."""
    lo, hi = result.in_run
    return lo is not None and hi is not None and lo <= value <= hi


def _row(
    key: tuple[str, str, str], metric: str, starts: Sequence[RunSummary], valid: Sequence[Result], unit: str
) -> StartsRow:
    values = [r.value for r in valid if isinstance(r.value, float)]
    between = median_interval(values) if values else None
    bounded = between is not None and math.isfinite(between.hi)
    inside = [r for r in valid if between and _holds(r, between.value)]
    mean = sum(values) / len(values) if values else 0.0
    return StartsRow(
        series=key[0],
        scenario=key[1],
        workload=key[2],
        metric=metric,
        value=between.value if between else None,
        lo=between.lo if between and bounded else None,
        hi=between.hi if between and bounded else None,
        unit=unit,
        level=LEVEL if bounded else None,
        n_starts=len(starts),
        n_valid=len(values),
        spread=math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) / mean
        if len(values) > 1 and mean
        else None,
        inside=len(inside) if values else None,
        run_ids=" ".join(start.run_id for start in starts),
    )
