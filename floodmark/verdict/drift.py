"""Whether the target changed its speed during the search: a slow leak shows only over all visits together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from floodmark.verdict.enums import Phase
from floodmark.verdict.pace import at_pace_1
from floodmark.verdict.visit import Visit

CHANGED_SHARE = 0.08
CHANGED_T = 4.0
SUNK_SHARE = 0.25
SUNK_LEAST = 4
"""Visits to one level that show a target to sink."""

Speeds = Mapping[tuple[Phase, int], list[tuple[float, float]]]
"""By phase and level: the middle of each visit, in s, and the logarithm of its speed."""


def changed(visits: Sequence[Visit], hold_users: int) -> float | None:
    """Relative change of the target's speed from the first to the last base or hold visit; None if not significant.

    One slope is fitted by ordinary least squares to the logarithms of the held level's goodput and of 1 / R of the base
    visits, with a separate mean per level. The change must exceed 8 %, and the slope 4 standard errors. A change of the
    CPUs' pace is not the target's, so where the pace is known and explains the visits, they are compared at pace 1.
    """
    speeds = _speeds(visits, hold_users)
    if not speeds:
        return None
    points = np.concatenate([np.asarray(level) - np.mean(level, axis=0) for level in speeds.values()])
    freedom = len(points) - len(speeds) - 1
    times, logs = points[:, 0], points[:, 1]
    square = float(times @ times)
    if freedom < 3 or not square:
        return None
    slope = float(times @ logs) / square
    residuals = logs - slope * times
    error = math.sqrt(float(residuals @ residuals) / freedom / square)
    fitted = [v for v in visits if (v.phase, v.users) in speeds]
    share = math.expm1(slope * (fitted[-1].t_end_s - fitted[0].t_start_s))
    return share if abs(share) > CHANGED_SHARE and abs(slope) > CHANGED_T * error else None


def _speeds(visits: Sequence[Visit], hold_users: int) -> Speeds:
    levels: dict[tuple[Phase, int], list[Visit]] = {}
    for visit in visits:
        base = visit.phase is Phase.BASE and visit.r_mean_ms
        hold = visit.phase is Phase.HOLD and visit.users == hold_users and visit.goodput_rps
        if base or hold:
            levels.setdefault((visit.phase, visit.users), []).append(visit)
    return {
        level: [((v.t_start_s + v.t_end_s) / 2, math.log(rate)) for v, rate in zip(made, _rates(made), strict=True)]
        for level, made in levels.items()
    }


def _rates(visits: Sequence[Visit]) -> Sequence[float]:
    """Speeds of the visits to one level, at pace 1 where that is known."""
    seen = [1 / v.r_mean_ms if v.phase is Phase.BASE and v.r_mean_ms else v.goodput_rps for v in visits]
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
