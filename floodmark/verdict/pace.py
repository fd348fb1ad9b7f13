"""What a change of the CPUs' pace did to a run: the same work takes longer on a throttled or shared CPU.

The pace of a visit is the speed of its CPUs relative to the fastest this machine has shown, from a witness that does a
fixed piece of work a few times a second (``sampling/pace.py``). A figure is brought to pace 1 only as far as CPU time
is what it is made of, and only if the visits themselves do not contradict that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from floodmark.verdict.visit import Visit

CPU_FULL = 0.85
"""From this share of its CPUs on, a target is limited by them, and goodput follows their pace."""
MOVED = 0.05
"""Pace counts as changed if it varies by more than this between visits."""
ELASTICITY_OFF = 0.3
"""How far the visits' own elasticity may be from the expected one."""
LEAST_VISITS = 6
FEW_VISITS = 3
"""From so many visits on, their spread shows whether goodput follows the pace."""
WORSE, SPREAD = 2.0, 0.03
"""Rates at pace 1 may spread by so many times the spread of the rates as measured, or by the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced:
    """Rates of several visits at pace 1."""

    rates: Sequence[float]
    moved: bool
    """Whether the pace changed between the visits."""
    objection: str = ""
    """Why the rates may not be used; empty if they may."""


def elasticity(visit: Visit) -> float | None:
    """By what share goodput changes per share of pace, between 0 and 1; None if the target's CPU is not sampled.

    It is 1 if the CPUs or one process's core are full. Otherwise requests are served one after the other in slots, and
    it is the share of the time in a slot that is CPU time.
    """
    cpu, limit, hottest = visit.cpu_cores, visit.cpu_limit_cores, visit.cpu_proc_max
    if cpu is None:
        return None
    used = [cpu / limit] if limit else []
    if hottest is not None:
        used.append(hottest)
    if used and max(used) >= CPU_FULL:
        return 1.0
    if visit.app_inflight_mean:
        return min(1.0, cpu / visit.app_inflight_mean)
    return min(1.0, max(used)) if used else None


def at_pace_1(visits: Sequence[Visit], rates: Sequence[float] | None = None) -> Paced | None:
    """The goodput of each visit at pace 1, X / p^u; None if a visit has no pace or no elasticity.

    rates: other figures of the visits that change with the pace like goodput, for instance 1 / R.

    With enough visits and a pace that moved, ln X = a + b ln p is fitted, and u must be near b, or between b and the
    slope of the fit the other way round, because the pace of a visit is not known exactly.
    """
    rates = [v.goodput_rps for v in visits] if rates is None else rates
    known = [(v.pace, u) for v in visits if v.pace and (u := elasticity(v)) is not None]
    if not visits or len(known) < len(visits) or not all(rates):
        return None
    paces = np.array([pace for pace, _ in known])
    shares = np.array([share for _, share in known])
    moved = bool(paces.max() / paces.min() - 1 > MOVED)
    normal = (np.asarray(rates) / paces**shares).tolist()
    objection = _not_followed(np.log(rates), np.log(normal)) if moved and len(visits) >= FEW_VISITS else ""
    if not objection and moved and len(visits) >= LEAST_VISITS:
        slope, error = _slope(np.log(paces), np.log(rates))
        back, _ = _slope(np.log(rates), np.log(paces))
        expected = float(shares.mean())
        doubt = ELASTICITY_OFF + 2 * error
        # A pace that is known from few pieces flattens the slope, and the way back bounds it from above.
        steepest = 1 / back if back > 0 else math.inf
        if expected < slope - doubt or expected > max(slope, steepest) + doubt or slope < -2 * error:
            objection = (
                f"goodput changed by {slope:.1f} % per 1 % of pace, where CPU time explains {expected:.1f} %: "
                "something else changed too"
            )
    return Paced(rates=normal, moved=moved, objection=objection)


def _not_followed(raw: np.ndarray, paced: np.ndarray) -> str:
    """Why the pace does not explain the visits, if they differ far more at pace 1 than as measured; else empty."""
    if paced.std() <= max(SPREAD, WORSE * raw.std()):
        return ""
    return f"goodput did not follow the pace: it varies by {raw.std():.0%}, and at pace 1 by {paced.std():.0%}"


def _slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Least squares slope with its standard error."""
    dx, dy = x - x.mean(), y - y.mean()
    square = float(dx @ dx)
    slope = float(dx @ dy) / square
    residuals = dy - slope * dx
    return slope, math.sqrt(float(residuals @ residuals) / max(1, len(x) - 2) / square)
