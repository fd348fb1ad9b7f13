"""The fewest users with 95 % of the ceiling, from the goodput at levels on both sides of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from floodmark.stats.curve import isotonic
from floodmark.stats.intervals import Interval
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.visit import Visit

SHARE = 0.95
CORRELATED, NORMAL = 2.0, 1.96
"""Response times vary about as much as their mean, and each is like those before it."""
NEARLY = 1.5
"""The levels on both sides may be this factor apart; further apart, the curve between them is not known."""


def by_law(visit: Visit, think_s: float) -> float:
    """The rate N / (R + Z) of users whose mean think time Z is known: near the knee, R is known better than a count.

    It is the visit's goodput if it has errors, or no mean response time.
    """
    if not think_s or visit.errors or not visit.r_mean_ms:
        return visit.goodput_rps
    return visit.users / (visit.r_mean_ms / 1000 + think_s)


def reached(visit: Visit, ceiling_rps: float, think_s: float) -> bool:
    """Whether a visit has 95 % of the ceiling."""
    return by_law(visit, think_s) >= SHARE * ceiling_rps


def users_at_share(visits: Sequence[Visit], ceiling: Interval, knee_users: float, think_s: float) -> Estimate:
    """The fewest users that reach 95 % of the ceiling.

    visits: those up to the held level whose users behave alike. think_s: Z.

    The curve of goodput is concave, so between two levels it lies above the line that joins them, and nowhere above the
    asymptote N / (R0 + Z), which needs 0.95 N* users. The value is that of the line. The interval is the asymptote's on
    the low side, and adds what is not known of the goodput at both levels and of the ceiling.
    """
    levels = sorted({v.users for v in visits})
    goodput = {n: [v for v in visits if v.users == n] for n in levels}
    smooth = isotonic(
        [statistics.fmean(by_law(v, think_s) for v in goodput[n]) for n in levels], [len(goodput[n]) for n in levels]
    )
    wanted = SHARE * ceiling.value
    index = next((i for i, rate in enumerate(smooth) if rate >= wanted), None)
    if index is None:
        return Estimate(valid=False, reason="no visited level below the held one has 95 % of the ceiling")
    above, rate_above = levels[index], smooth[index]
    below, rate_below = (levels[index - 1], smooth[index - 1]) if index else (0, 0.0)
    if above > max(NEARLY * below, below + 1):
        return Estimate(valid=False, reason=f"no level between {below} and {above} users was visited")
    per_rate = (above - below) / (rate_above - rate_below)
    value = below + (wanted - rate_below) * per_rate
    errors = [ceiling.half_width * wanted, *(_half_rps(goodput[n], think_s) for n in (below, above) if n in goodput)]
    slack = per_rate * math.hypot(*errors)
    least = max(float(below), SHARE * knee_users * (1 - ceiling.half_width))
    return Estimate(
        value=value,
        lo=max(0.0, min(value, least) - slack),
        hi=value + slack,
        method=f"between {below} and {above} users, on the line that joins their goodput",
        n_visits=sum(len(goodput.get(n, ())) for n in (below, above)),
    )


def _half_rps(visits: Sequence[Visit], think_s: float) -> float:
    """Half-width of the 95 % interval of the mean rate of visits to one level."""
    halves = [width for v in visits if math.isfinite(width := _half_width(v, think_s) * by_law(v, think_s))]
    return math.sqrt(sum(half**2 for half in halves)) / len(halves) if halves else 0.0


def _half_width(visit: Visit, think_s: float) -> float:
    if not think_s or visit.errors or not visit.r_mean_ms or not visit.good:
        return visit.half_width
    r_s = visit.r_mean_ms / 1000
    return CORRELATED * NORMAL / math.sqrt(visit.good) * r_s / (r_s + think_s)
