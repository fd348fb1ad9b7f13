"""Did the target change its speed while it was searched? A visit is too short to see a slow leak; all are not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit

CHANGED_SHARE = 0.08
CHANGED_T = 4.0


def changed(visits: Sequence[Visit], hold_users: int) -> float | None:
    """By what share the target's speed changed from the first to the last of its base and hold visits; None where no
    more than chance and drift explain.

    One line is fitted to the logarithms of the held level's goodput and of 1 / R of the base visits, each level with
    its own mean (ordinary least squares). It must change by more than 8 %, by more than 4 of its standard errors.
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
    rest = logs - slope * times
    error = math.sqrt(float(rest @ rest) / freedom / square)
    seen = [s for s in visits if (s.phase, s.users) in speeds]
    share = math.expm1(slope * (seen[-1].t_end_s - seen[0].t_start_s))
    return share if abs(share) > CHANGED_SHARE and abs(slope) > CHANGED_T * error else None
