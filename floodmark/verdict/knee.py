"""The knee: where the two asymptotes of the curve cross (Denning and Buzen, 1978). Pure functions of the visits."""

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
"""Share of the ceiling's requests in flight from which on a base level is not uncontended."""
SCATTERED = 2 * FLOOR
"""Standard deviation of the hold visits, over their median, from which on the pace may have changed between them."""


def uncontended(visits: Sequence[Visit], ceiling_rps: float = math.inf) -> list[Visit]:
    """The base visits, but for those at a level that proved contended."""
    bases = [s for s in visits if s.phase is Phase.BASE and s.r_mean_ms is not None and s.valid]
    least_s = min((s.r_mean_ms or 0.0 for s in bases), default=0.0) / 1000
    return [s for s in bases if s.users == 1 or s.users <= CONTENDED * ceiling_rps * least_s] or bases


def uncontended_ms(bases: Sequence[Visit]) -> Estimate:
    """R0, the response time of a request that waits for no other: the median of the base visits."""
    if not bases:
        return Estimate(valid=False, reason="no base visit")
    interval = pooled_interval([s.r_mean_ms or 0.0 for s in bases], [0.0])
    bounded = math.isfinite(interval.hi)
    return Estimate(
        value=interval.value,
        lo=interval.lo if bounded else None,
        hi=interval.hi if bounded else None,
        method="median of base visits",
        n_visits=len(bases),
    )


def changed_pace(holds: Sequence[Visit]) -> bool:
    """Whether the hold visits differ so much that the CPU may have changed its pace between them."""
    rates = [hold.goodput_rps for hold in holds]
    return len(rates) > 1 and statistics.stdev(rates) > SCATTERED * statistics.median(rates)


def knee(holds: Sequence[Visit], bases: Sequence[Visit], rest_s: float) -> Interval | None:
    """C (R0 + rest): N* users with their think time as ``rest_s``, n* requests in flight with 0.

    holds: visits to the held level; bases: uncontended ones, some in between. The medians of both count, with their
    intervals by the delta method. At a changed pace the two medians may be of different ones, and visits next to each
    other are multiplied instead. None without a visit of either, and at no goodput.
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
    """The median of C (R0 + rest) of each hold visit with the base visit before it, and with the one after it.

    Each visit is in two products, so their spread counts as that of as many as there are hold visits. One without any
    goodput has no pace.
    """
    holds = [hold for hold in holds if hold.goodput_rps]
    cycles_s = [[(base.r_mean_ms or 0.0) / 1000 + rest_s for base in _beside(hold, bases)] for hold in holds]
    products = [hold.goodput_rps * cycle_s for hold, near in zip(holds, cycles_s, strict=True) for cycle_s in near]
    pooled = pooled_interval(products, [hold.half_width for hold in holds], independent=len(holds))
    # What one visit cannot know of R0 stands in no spread of the products.
    r0_error = FLOOR if len(bases) > 1 else 1.0
    cycle_s = statistics.fmean(cycle_s for near in cycles_s for cycle_s in near)
    half = math.hypot((pooled.hi - pooled.value) / pooled.value, r0_error * (1 - rest_s / cycle_s))
    return Interval(pooled.value, pooled.value * (1 - half), pooled.value * (1 + half))


def _beside(hold: Visit, bases: Sequence[Visit]) -> Sequence[Visit]:
    """The base visits before and after a hold visit, as far as there are such."""
    after = bisect([base.number for base in bases], hold.number)
    return bases[max(0, after - 1) : after + 1]


def knee_point(found: Interval | None, visits: int, method: str, *, censored: bool, why: str) -> Estimate:
    """The knee as published; ``censored``: its ceiling is only a lower bound."""
    if found is None:
        return Estimate(valid=False, reason="R0 or the ceiling is unknown")
    return Estimate(
        value=found.value,
        lo=max(0.0, found.lo),
        hi=found.hi if not censored and math.isfinite(found.hi) else None,
        method=method,
        n_visits=visits,
        valid=not censored,
        reason=why if censored else "",
    )
