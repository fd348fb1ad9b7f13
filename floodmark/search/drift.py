"""Whether the target changed its speed during the search: a slow leak shows only over all visits together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit

CHANGED_SHARE = 0.08
CHANGED_T = 4.0


def changed(visits: Sequence[Visit], hold_users: int) -> float | None:
    """Relative change of the target's speed from the first to the last base or hold visit; None if not significant.

    One slope is fitted by ordinary least squares to the logarithms of the held level's goodput and of 1 / R of the base
    visits, with a separate mean per level. The change must exceed 8 %, and the slope 4 standard errors.
    """
    speeds: dict[tuple[Phase, int], list[tuple[float, float]]] = {}
    for visit in visits:
        middle_s = (visit.t_start_s + visit.t_end_s) / 2
        if visit.phase is Phase.BASE and visit.r_mean_ms:
            speeds.setdefault((visit.phase, visit.users), []).append((middle_s, -math.log(visit.r_mean_ms)))
        elif visit.phase is Phase.HOLD and visit.users == hold_users and visit.goodput_rps:
            speeds.setdefault((visit.phase, visit.users), []).append((middle_s, math.log(visit.goodput_rps)))
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
