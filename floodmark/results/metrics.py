"""Turns judgements into the rows of results.csv."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from floodmark.results.record import AdviceRecord, Timing
from floodmark.results.schema import Result
from floodmark.stats.intervals import LEVEL
from floodmark.verdict.bottleneck import Named
from floodmark.verdict.enums import Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.rate import Sustained
from floodmark.verdict.saturation import Saturation
from floodmark.verdict.visit import Visit, held

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


BRACKETED = {"collapse_users", "error_onset_users", "recovery_s", "pace"}
"""Metrics whose lo and hi are neighbouring observations, not a confidence interval."""

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


def rows(run_id: str, verdict: Saturation, visits: Sequence[Visit], timing: Timing | None) -> list[Result]:
    """All rows of a search."""
    results = [row(run_id, metric, unit, getattr(verdict, metric)) for metric, unit in POINTS.items()]
    results += [row(run_id, metric, _unit(metric), point) for metric, point in verdict.further.items()]
    results.append(_cpu_row(run_id, verdict, visits))
    return results + _time_rows(run_id, visits, timing)


def slo_rows(run_id: str, points: Mapping[str, Estimate]) -> list[Result]:
    """The rows of the SLO rate."""
    return [row(run_id, metric, _unit(metric), point) for metric, point in points.items()]


def _unit(metric: str) -> str:
    """The unit of a metric, from its name."""
    if metric == "ceiling_at_pace_1":
        return "requests/s"
    for ending, unit in {"_rps": "requests/s", "_ms": "ms", "_s": "s", "_users": "users"}.items():
        if metric.endswith(ending):
            return unit
    return "share"


def rate_rows(run_id: str, verdict: Sustained, visits: Sequence[Visit], timing: Timing | None) -> list[Result]:
    """All rows of a run that offered one rate."""
    results = [row(run_id, metric, RATE_POINTS[metric], point) for metric, point in verdict.points.items()]
    return results + _time_rows(run_id, visits, timing)


def row(run_id: str, metric: str, unit: str, point: Estimate) -> Result:
    """An estimate as a row."""
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
        lo_run=point.lo_run,
        hi_run=point.hi_run,
    )


def _cpu_row(run_id: str, verdict: Saturation, visits: Sequence[Visit]) -> Result:
    """CPU time per good request, from the same visits as the ceiling, because the host's speed may change over time."""
    level = verdict.hold_users
    if level is None:
        level = next((v.users for v in reversed(visits) if v.phase is Phase.HOLD and v.valid), None)
    holds = held(visits, level)
    measured = [v.cpu_ms_per_request for v in holds if v.cpu_ms_per_request is not None]
    median = statistics.median(measured) if measured else None
    reason_if_none = "the target's processes were not sampled" if holds else "no level was held"
    return Result(
        run_id=run_id,
        metric="cpu_ms_per_request",
        value=median,
        unit="ms",
        method="median of hold visits",
        n_visits=len(measured) or None,
        valid=median is not None and verdict.confirmed,
        reason="" if measured else reason_if_none,
    )


def _time_rows(run_id: str, visits: Sequence[Visit], timing: Timing | None) -> list[Result]:
    if timing is None or timing.total_s is None:
        return []
    results = [_seconds(run_id, "time_to_result_s", timing.total_s, "command to verdict")]
    results += [
        _seconds(run_id, f"time_{phase}_s", seconds, "settling included")
        for phase, seconds in phase_times(visits).items()
    ]
    results.append(
        _seconds(run_id, "time_outside_load_s", max(0.0, timing.total_s - timing.load_s), "start, verify, stop, write")
    )
    return results


def _seconds(run_id: str, metric: str, value: float, method: str) -> Result:
    return Result(run_id=run_id, metric=metric, value=round(value, 3), unit="s", method=method)


def phase_times(visits: Sequence[Visit]) -> Mapping[str, float]:
    """Seconds spent on each phase; each visit counts from the end of the one before."""
    times: dict[str, float] = {}
    before = 0.0
    for visit in visits:
        times[visit.phase] = times.get(visit.phase, 0.0) + visit.t_end_s - before
        before = visit.t_end_s
    return times


def bottleneck_rows(run_id: str, named: Named) -> list[Result]:
    """The rows of the bottleneck: its word with evidence and advice, and its margin."""
    units = {"bottleneck": "word", "bottleneck_margin": "share"}
    return [row(run_id, metric, units[metric], point) for metric, point in named.points.items()]


def slots_row(run_id: str, verdict: Saturation, slots: int | None) -> Result:
    """c_eff = C R0: the target acts like this many parallel servers, each as fast as an uncontended request."""
    knee, r0 = verdict.knee_inflight, verdict.r0_ms.value
    reason = knee.reason
    if isinstance(knee.value, float) and isinstance(r0, float):
        configured = f"{slots} slots were configured" if slots is not None else "no number of slots was configured"
        reason = f"behaves like {knee.value:.1f} parallel servers of {r0:.3g} ms; {configured}"
    point = Estimate(
        value=knee.value,
        lo=knee.lo,
        hi=knee.hi,
        method=knee.method,
        n_visits=knee.n_visits,
        valid=knee.valid,
        reason=reason,
    )
    return row(run_id, "effective_slots", "slots", point)


def advice_rows(run_id: str, advice: AdviceRecord | None) -> list[Result]:
    """The result of trying the advice, if that was asked for."""
    if advice is None:
        return []
    rate = advice.goodput_rps
    return [
        row(
            run_id,
            "advice_rps",
            "requests/s",
            Estimate(
                value=rate,
                lo=advice.goodput_lo,
                hi=advice.goodput_hi,
                method=advice.change,
                n_visits=1 if rate is not None else None,
                valid=rate is not None,
                reason=advice.note,
            ),
        ),
        row(run_id, "advice", "word", Estimate(value=advice.word, valid=rate is not None, reason=advice.note)),
    ]
