"""The knee: where the two asymptotes of the goodput curve cross (Denning and Buzen, 1978). Pure functions of visits."""

from __future__ import annotations

import math
import statistics
from bisect import bisect
from collections.abc import Iterable, Sequence

from floodmark.stats.intervals import FLOOR, Interval, median_interval, pooled_interval
from floodmark.verdict.enums import Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.pace import Paced, at_pace_1
from floodmark.verdict.visit import Visit

CONTENDED_R0 = 1.1
"""A base level of several users is contended if its R exceeds that of one user by more than this factor."""
SCATTERED = 2 * FLOOR
"""Relative standard deviation of the hold visits above which the CPU may have changed its pace between them."""
EXPLAINED = 3.0
"""Visits that spread by up to this many of their own half-widths differ by chance."""


def uncontended(visits: Sequence[Visit]) -> list[Visit]:
    """The base visits, without those whose users were in each other's way.

    Which users share a process or a core is not known, so each level is compared with one user alone.
    """
    bases = [v for v in visits if v.phase is Phase.BASE and v.r_mean_ms is not None and v.valid]
    alone = [v for v in bases if v.users == 1]
    if not alone:
        return bases
    r1_ms = statistics.median(v.r_mean_ms or 0.0 for v in alone)
    r1_error = _finite(v.half_width for v in alone) / math.sqrt(len(alone))
    return [v for v in bases if v.users == 1 or not _contended(v, r1_ms, r1_error)]


def _contended(visit: Visit, r1_ms: float, r1_error: float) -> bool:
    """Whether R exceeds that of one user by more than CONTENDED_R0 and more than chance."""
    chance = math.hypot(r1_error, _finite([visit.half_width]))
    return (visit.r_mean_ms or 0.0) > r1_ms * (CONTENDED_R0 + chance)


def _finite(half_widths: Iterable[float]) -> float:
    """Their mean, with a large one for those that are unknown."""
    widths = [width if math.isfinite(width) else 1.0 for width in half_widths]
    return statistics.fmean(widths)


def uncontended_ms(bases: Sequence[Visit]) -> Estimate:
    """R0, the response time without contention: the median of the base visits, most of whose errors are delays."""
    if not bases:
        return Estimate(valid=False, reason="no base visit")
    interval = _of_r0([v.r_mean_ms or 0.0 for v in bases])
    bounded = math.isfinite(interval.hi)
    return Estimate(
        value=interval.value,
        lo=interval.lo if bounded else None,
        hi=interval.hi if bounded else None,
        method="median of base visits",
        n_visits=len(bases),
    )


def _of_r0(values: Sequence[float]) -> Interval:
    """The median, known to 1 % at best."""
    found = median_interval(values)
    half = max(found.hi - found.value, FLOOR * found.value)
    return Interval(found.value, max(0.0, found.value - half), found.value + half)


def changed_pace(holds: Sequence[Visit]) -> bool:
    """Whether the CPUs changed their pace between the hold visits, as far as goodput shows it.

    Their scatter must be more than small, and more than the visits' own intervals explain.
    """
    rates = [hold.goodput_rps for hold in holds]
    if len(rates) < 2:
        return False
    middle = statistics.median(rates)
    own = [hold.half_width for hold in holds if math.isfinite(hold.half_width)]
    spread = (max(rates) - min(rates)) / middle if middle else 0.0
    return statistics.stdev(rates) > SCATTERED * middle and spread > EXPLAINED * (statistics.fmean(own) if own else 0.0)


def how_paired(holds: Sequence[Visit], bases: Sequence[Visit]) -> str:
    """How ``knee`` deals with a change of pace, in words that end the name of its formula."""
    if _both_paced(holds, bases) is not None:
        return " at pace 1"
    return " of neighbouring visits" if changed_pace(holds) else ""


def _both_paced(holds: Sequence[Visit], bases: Sequence[Visit]) -> tuple[Paced, Paced] | None:
    """The hold visits' goodput and the base visits' 1 / R in ms at pace 1, if the pace moved and explains them."""
    by_hold, by_base = at_pace_1(holds), at_pace_1(bases, [1 / (v.r_mean_ms or math.inf) for v in bases])
    if by_hold is None or by_base is None or by_hold.objection or by_base.objection:
        return None
    return (by_hold, by_base) if by_hold.moved or by_base.moved else None


def knee(holds: Sequence[Visit], bases: Sequence[Visit], rest_s: float) -> Interval | None:
    """C (R0 + rest): N* users if ``rest_s`` is their think time, n* requests in flight if it is 0.

    ``holds`` are the visits to the held level, ``bases`` the uncontended visits, which alternate with them. The knee is
    the product of C and R0, with an interval by the delta method. If the pace changed, they may belong to
    different paces: both are brought to pace 1 if a witness knows it, else neighbouring visits are multiplied. None
    without visits of both kinds or without goodput.
    """
    if not holds or not bases or not statistics.median(hold.goodput_rps for hold in holds):
        return None
    rates, r0s_s = [hold.goodput_rps for hold in holds], [(base.r_mean_ms or 0.0) / 1000 for base in bases]
    paced = _both_paced(holds, bases)
    if paced is not None:
        rates, r0s_s = list(paced[0].rates), [1 / rate / 1000 for rate in paced[1].rates]
    elif changed_pace(holds):
        return _of_neighbours(holds, bases, rest_s)
    ceiling = pooled_interval(rates, [hold.half_width for hold in holds])
    r0 = _of_r0(r0s_s)
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
    pooled = _median_of_pairs(products, holds)
    # The spread of the products does not contain the uncertainty of a single R0 visit.
    r0_error = FLOOR if len(bases) > 1 else 1.0
    cycle_s = statistics.fmean(cycle_s for near in cycles_s for cycle_s in near)
    half = math.hypot((pooled.hi - pooled.value) / pooled.value, r0_error * (1 - rest_s / cycle_s))
    return Interval(pooled.value, pooled.value * (1 - half), pooled.value * (1 + half))


def _median_of_pairs(products: Sequence[float], holds: Sequence[Visit]) -> Interval:
    """Their median: up to half of the neighbours may have been measured at another pace."""
    middle = median_interval(products, independent=len(holds))
    pooled = pooled_interval(products, [hold.half_width for hold in holds], independent=len(holds))
    half = max(middle.hi - middle.value, pooled.hi - pooled.value)
    return Interval(middle.value, max(0.0, middle.value - half), middle.value + half)


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
