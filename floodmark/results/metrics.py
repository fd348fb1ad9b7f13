"""From a judgement to the rows of results.csv."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from floodmark.results.schema import Result
from floodmark.stats.intervals import LEVEL
from floodmark.verdict.enums import Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.rate import Sustained
from floodmark.verdict.saturation import Saturation
from floodmark.verdict.visit import Visit

POINTS = {
    "ceiling_rps": "requests/s",
    "knee_users": "users",
    "knee_inflight": "requests",
    "n95_users": "users",
    "r0_ms": "ms",
    "collapse_users": "users",
    "overload_kept": "share",
    "error_onset_users": "users",
    "recovery_s": "s",
    "generator": "word",
}


BRACKETED = {"collapse_users", "error_onset_users", "recovery_s"}
"""Metrics whose lo and hi are neighbouring observations and no statistics."""

RATE_POINTS = {
    "offered_rps": "requests/s",
    "goodput_rps": "requests/s",
    "follow_ratio": "share",
    "not_sent": "requests",
    "r_p50_ms": "ms",
    "r_p95_ms": "ms",
    "r_p99_ms": "ms",
    "generator": "word",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where a run's time went, in s. load: first order to last visit; total: command to verdict."""

    total: float
    load: float


def rows(run_id: str, verdict: Saturation, visits: Sequence[Visit], timing: Timing | None) -> list[Result]:
    """All rows of a run, points first."""
    found = [row(run_id, metric, unit, getattr(verdict, metric)) for metric, unit in POINTS.items()]
    found += [row(run_id, metric, _unit(metric), point) for metric, point in verdict.further.items()]
    found.append(_cpu_row(run_id, verdict, visits))
    if timing is not None:
        found += _time_rows(run_id, visits, timing)
    return found


def slo_rows(run_id: str, points: Mapping[str, Estimate]) -> list[Result]:
    """Rows of the SLO rate."""
    return [row(run_id, metric, _unit(metric), point) for metric, point in points.items()]


def _unit(metric: str) -> str:
    """Unit of a metric, from its name."""
    for ending, unit in {"_rps": "requests/s", "_ms": "ms", "_s": "s", "_users": "users"}.items():
        if metric.endswith(ending):
            return unit
    return "share"


def rate_rows(run_id: str, verdict: Sustained, visits: Sequence[Visit], timing: Timing | None) -> list[Result]:
    """All rows of a run that offered one rate."""
    found = [row(run_id, metric, RATE_POINTS[metric], point) for metric, point in verdict.points.items()]
    return found if timing is None else found + _time_rows(run_id, visits, timing)


def row(run_id: str, metric: str, unit: str, point: Estimate) -> Result:
    """A point as a row."""
    value = point.value
    return Result(
        run_id=run_id,
        metric=metric,
        value=value if isinstance(value, float | None) else str(value),
        lo=point.lo,
        hi=point.hi,
        unit="word" if isinstance(value, str) else unit,
        level=LEVEL if point.lo is not None and not isinstance(value, str) and metric not in BRACKETED else None,
        method=point.method,
        n_visits=point.n_visits,
        valid=point.valid,
        reason=point.reason,
    )


def _cpu_row(run_id: str, verdict: Saturation, visits: Sequence[Visit]) -> Result:
    """CPU per good request, of the visits that the ceiling is made from: a host may run faster by the time of those."""
    holds = [s for s in visits if s.phase is Phase.HOLD and s.valid]
    level = verdict.hold_users if verdict.hold_users is not None or not holds else holds[-1].users
    holds = [s for s in holds if s.users == level]
    measured = [s.cpu_ms_per_request for s in holds if s.cpu_ms_per_request is not None]
    middle = statistics.median(measured) if measured else None
    lacking = "the target's processes were not sampled" if holds else "no level was held"
    return Result(
        run_id=run_id,
        metric="cpu_ms_per_request",
        value=middle,
        unit="ms",
        method="median of hold visits",
        n_visits=len(measured) or None,
        valid=middle is not None and verdict.confirmed,
        reason="" if measured else lacking,
    )


def _time_rows(run_id: str, visits: Sequence[Visit], timing: Timing) -> list[Result]:
    found = [_seconds(run_id, "time_to_result_s", timing.total, "command to verdict")]
    found += [
        _seconds(run_id, f"time_{phase}_s", seconds, "settling included")
        for phase, seconds in phase_times(visits).items()
    ]
    found.append(
        _seconds(run_id, "time_outside_load_s", max(0.0, timing.total - timing.load), "start, verify, stop, write")
    )
    return found


def _seconds(run_id: str, metric: str, value: float, method: str) -> Result:
    return Result(run_id=run_id, metric=metric, value=round(value, 3), unit="s", method=method)


def phase_times(visits: Sequence[Visit]) -> Mapping[str, float]:
    """Seconds spent for each phase: from the end of the visit before to the end of its own."""
    times: dict[str, float] = {}
    before = 0.0
    for visit in visits:
        times[visit.phase] = times.get(visit.phase, 0.0) + visit.t_end_s - before
        before = visit.t_end_s
    return times
