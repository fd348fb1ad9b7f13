"""Whether the target changed its speed during the search: a slow leak shows only over all visits together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from floodmark.verdict.enums import Phase
from floodmark.verdict.knee import uncontended
from floodmark.verdict.pace import at_pace_1
from floodmark.verdict.visit import Visit

CHANGED_SHARE, CHANGED_SOON = 0.08, 0.05
SOON_S, LONG_S = 25.0, 60.0
"""A change counts from CHANGED_SOON on if it took up to SOON_S, and from CHANGED_SHARE on after LONG_S or more: the
longer it takes, the more a host may change by itself."""
CHANGED_T = 4.0
SUNK_SHARE = 0.25
SUNK_LEAST = 4
"""Visits to one level that show a target to sink."""


def changed(visits: Sequence[Visit], hold_users: int) -> float | None:
    """Relative change of the target's speed from the first to the last base, hold or recovery visit; None if not
    significant.

    One slope is fitted by ordinary least squares to the logarithms of the held level's goodput and of 1 / R of the
    visits without contention, with a separate mean for each of the two. The change must exceed 5 to 8 %, and the slope
    4 standard errors; and the held level alone must show at least half of it, because R at different levels differs a
    little without any drift. A change of the CPUs' pace is not the target's, so where the pace is known and explains
    the visits, they are compared at pace 1.
    """
    alone, holds = _alone(visits), [v for v in visits if _is_held(v, hold_users)]
    groups = [_points(group) for group in (alone, holds) if group]
    if not groups:
        return None
    points = np.concatenate([group - group.mean(axis=0) for group in groups])
    freedom = len(points) - len(groups) - 1
    slope, square = _slope(points)
    if freedom < 3 or not square:
        return None
    residuals = points[:, 1] - slope * points[:, 0]
    error = math.sqrt(float(residuals @ residuals) / freedom / square)
    fitted = sorted([*alone, *holds], key=lambda v: v.t_start_s)
    span_s = fitted[-1].t_end_s - fitted[0].t_start_s
    share = math.expm1(slope * span_s)
    if abs(share) <= _least(span_s) or abs(slope) <= CHANGED_T * error:
        return None
    if len(holds) > 1 and _slope(groups[-1] - groups[-1].mean(axis=0))[0] * math.copysign(1, slope) < abs(slope) / 2:
        return None
    return share


def _least(span_s: float) -> float:
    """The least change that counts, if it took so long."""
    part = min(1.0, max(0.0, (span_s - SOON_S) / (LONG_S - SOON_S)))
    return CHANGED_SOON + part * (CHANGED_SHARE - CHANGED_SOON)


def _slope(points: np.ndarray) -> tuple[float, float]:
    """Least squares slope of centred points (time, logarithm), and the sum of the squared times."""
    square = float(points[:, 0] @ points[:, 0])
    return (float(points[:, 0] @ points[:, 1]) / square if square else 0.0), square


def _is_held(visit: Visit, hold_users: int) -> bool:
    return visit.phase is Phase.HOLD and visit.users == hold_users and bool(visit.goodput_rps)


def _alone(visits: Sequence[Visit]) -> list[Visit]:
    """The visits without contention: the base visits, and the last one of the recovery, when all is as before."""
    recovery = [v for v in visits if v.phase is Phase.RECOVERY and v.r_mean_ms and not v.errors][-1:]
    return [*(v for v in uncontended(visits) if v.r_mean_ms), *recovery]


def _points(visits: Sequence[Visit]) -> np.ndarray:
    """The middle of each visit, in s, and the logarithm of its speed."""
    rates = _rates(visits)
    return np.array([((v.t_start_s + v.t_end_s) / 2, math.log(rate)) for v, rate in zip(visits, rates, strict=True)])


def _rates(visits: Sequence[Visit]) -> Sequence[float]:
    """Speeds of visits of one kind, at pace 1 where that is known."""
    seen = [1 / v.r_mean_ms if v.phase is not Phase.HOLD and v.r_mean_ms else v.goodput_rps for v in visits]
    paced = at_pace_1(visits, seen)
    return seen if paced is None or paced.objection else paced.rates


def sunk(visits: Sequence[Visit], hold_users: int) -> Sequence[float]:
    """The goodput of the visits to the held level, in order, if it sank from visit to visit; else nothing.

    It sank if it lost a quarter, and no pair of visits but at most one rose, as by Mann and Kendall's count of pairs.
    """
    holds = [v for v in visits if v.phase is Phase.HOLD and v.users == hold_users]
    if len(holds) < SUNK_LEAST or not all(v.goodput_rps for v in holds):
        return []
    rates = _rates(holds)
    rose = sum(later > earlier for i, earlier in enumerate(rates) for later in rates[i + 1 :])
    return rates if rose <= 1 and rates[-1] < (1 - SUNK_SHARE) * rates[0] else []
