"""The knee: where the two asymptotes of the goodput curve cross (Denning and Buzen, 1978). Pure functions of visits."""

from __future__ import annotations

import math
import statistics
from bisect import bisect
from collections.abc import Sequence

from floodmark.stats.intervals import FLOOR, Interval, pooled_interval
from floodmark.verdict.enums import Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.visit import Visit

CONTENDED = 0.9
"""A base level counts as uncontended up to this share of the requests in flight at the knee."""
SCATTERED = 2 * FLOOR
"""Relative standard deviation of the hold visits above which the CPU may have changed its pace between them."""


def uncontended(visits: Sequence[Visit], ceiling_rps: float = math.inf) -> list[Visit]:
    """The base visits, without those at a level that turned out to be contended."""
    bases = [v for v in visits if v.phase is Phase.BASE and v.r_mean_ms is not None and v.valid]
    least_s = min((v.r_mean_ms or 0.0 for v in bases), default=0.0) / 1000
    return [v for v in bases if v.users == 1 or v.users <= CONTENDED * ceiling_rps * least_s] or bases


def uncontended_ms(bases: Sequence[Visit]) -> Estimate:
    """R0, the response time without contention: the median of the base visits."""
    if not bases:
        return Estimate(valid=False, reason="no base visit")
    interval = pooled_interval([v.r_mean_ms or 0.0 for v in bases], [0.0])
    bounded = math.isfinite(interval.hi)
    return Estimate(
        value=interval.value,
        lo=interval.lo if bounded else None,
        hi=interval.hi if bounded else None,
        method="median of base visits",
        n_visits=len(bases),
    )


def changed_pace(holds: Sequence[Visit]) -> bool:
    """Whether the hold visits scatter so much that the CPU may have changed its pace between them."""
    rates = [hold.goodput_rps for hold in holds]
    return len(rates) > 1 and statistics.stdev(rates) > SCATTERED * statistics.median(rates)


def knee(holds: Sequence[Visit], bases: Sequence[Visit], rest_s: float) -> Interval | None:
    """C (R0 + rest): N* users if ``rest_s`` is their think time, n* requests in flight if it is 0.

    ``holds`` are the visits to the held level, ``bases`` the uncontended visits, which alternate with them. The knee is
    the product of both medians, with an interval by the delta method. If the pace changed, the two medians may belong
    to different paces, so neighbouring visits are multiplied instead. None without visits of both kinds or without
    goodput.
    """
    if not holds or not bases or not statistics.median(hold.goodput_rps for hold in holds):
        return None
    if changed_pace(holds):
        return _of_neighbours(holds, bases, rest_s)
    ceiling = pooled_interval([hold.goodput_rps for hold in holds], [hold.half_width for hold in holds])
    r0 = pooled_interval([(base.r_mean_ms or 0.0) / 1000 for base in bases], [0.0])
    r0_error = (r0.hi - r0.value) / r0.value if math.isfinite(r0.hi) else 1.0
    value = ceiling.value * (r0.value + rest_s)
    half = math.hypot(ceiling.half_width, r0_error * r0.value / (r0.value + rest_s))
    return Interval(value, value * (1 - half), value * (1 + half))


def _of_neighbours(holds: Sequence[Visit], bases: Sequence[Visit], rest_s: float) -> Interval:
    """The median of C (R0 + rest) over each hold visit paired with the base visits directly before and after it.

    Each hold visit is in two products, so only as many products as hold visits count as independent. Hold visits
    without goodput are left out.
    """
    holds = [hold for hold in holds if hold.goodput_rps]
    cycles_s = [[(base.r_mean_ms or 0.0) / 1000 + rest_s for base in _neighbours(hold, bases)] for hold in holds]
    products = [hold.goodput_rps * cycle_s for hold, near in zip(holds, cycles_s, strict=True) for cycle_s in near]
    pooled = pooled_interval(products, [hold.half_width for hold in holds], independent=len(holds))
    # The spread of the products does not contain the uncertainty of a single R0 visit.
    r0_error = FLOOR if len(bases) > 1 else 1.0
    cycle_s = statistics.fmean(cycle_s for near in cycles_s for cycle_s in near)
    half = math.hypot((pooled.hi - pooled.value) / pooled.value, r0_error * (1 - rest_s / cycle_s))
    return Interval(pooled.value, pooled.value * (1 - half), pooled.value * (1 + half))


def _neighbours(hold: Visit, bases: Sequence[Visit]) -> Sequence[Visit]:
    """The base visits directly before and after a hold visit, if there are any."""
    after = bisect([base.number for base in bases], hold.number)
    return bases[max(0, after - 1) : after + 1]


def knee_point(interval: Interval | None, visits: int, method: str, *, censored: bool, why: str) -> Estimate:
    """The knee as published. ``censored``: its ceiling is only a lower bound."""
    if interval is None:
        return Estimate(valid=False, reason="R0 or the ceiling is unknown")
    return Estimate(
        value=interval.value,
        lo=max(0.0, interval.lo),
        hi=interval.hi if not censored and math.isfinite(interval.hi) else None,
        method=method,
        n_visits=visits,
        valid=not censored,
        reason=why if censored else "",
    )
