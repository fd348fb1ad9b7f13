"""Did the target change its speed while it was searched? A visit is too short to see a slow leak; all are not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Step

CHANGED_SHARE = 0.08
CHANGED_T = 4.0


def changed(steps: Sequence[Step], hold_users: int) -> float | None:
    """By what share the target's speed changed from the first to the last of its base and hold visits; None where no
    more than chance and drift explain.

    One line is fitted to the logarithms of the held level's goodput and of 1 / R of the base visits, each level with
    its own mean (ordinary least squares). It must change by more than 8 %, by more than 4 of its standard errors.
    """
    speeds: dict[tuple[Phase, int], list[tuple[float, float]]] = {}
    for step in steps:
        middle_s = (step.t_start_s + step.t_end_s) / 2
        if step.phase is Phase.BASE and step.r_mean_ms:
            speeds.setdefault((step.phase, step.users), []).append((middle_s, -math.log(step.r_mean_ms)))
        elif step.phase is Phase.HOLD and step.users == hold_users and step.goodput_rps:
            speeds.setdefault((step.phase, step.users), []).append((middle_s, math.log(step.goodput_rps)))
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
    seen = [s for s in steps if (s.phase, s.users) in speeds]
    share = math.expm1(slope * (seen[-1].t_end_s - seen[0].t_start_s))
    return share if abs(share) > CHANGED_SHARE and abs(slope) > CHANGED_T * error else None
