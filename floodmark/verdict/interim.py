"""What a search knows while it is still at work: for people who watch, never for a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.stats.intervals import Interval, pooled_interval
from floodmark.verdict.enums import Model, Phase
from floodmark.verdict.visit import Visit

FREE, FULL = 0.9, 0.6
"""Efficiency at which every user is still served at once, and at which slots are surely full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interim:
    """Estimates of the moment; None where nothing is known yet.

    free, full: most users that were served at once, and least that were not: the knee lies between. goodput: of the
    level under hold, or of the highest level before that; held says which.
    """

    r0_ms: float | None = None
    free: int | None = None
    full: int | None = None
    goodput: Interval | None = None
    held: bool = False
    users: int | None = None
    visits: int = 0


def interim(visits: Sequence[Visit]) -> Interim:
    """From all visits up to now."""
    seen = [s for s in visits if s.valid and s.model is Model.CLOSED and s.phase is not Phase.WARM and s.good]
    if not seen:
        return Interim()
    bases = [s.r_mean_ms for s in seen if s.phase is Phase.BASE and s.r_mean_ms is not None]
    climbed = [s for s in seen if s.phase is Phase.BRACKET and s.efficiency is not None]
    free = [s.users for s in climbed if s.efficiency is not None and s.efficiency >= FREE]
    full = [s.users for s in climbed if s.efficiency is not None and s.efficiency <= FULL]
    holds = [s for s in seen if s.phase is Phase.HOLD]
    level = holds[-1].users if holds else max(s.users for s in seen if s.phase is not Phase.RECOVERY)
    visits = [s for s in (holds or seen) if s.users == level]
    return Interim(
        r0_ms=min(bases, default=None),
        free=max(free, default=None),
        full=min(full, default=None),
        goodput=_interval(visits),
        held=bool(holds),
        users=level,
        visits=len(visits),
    )


def _interval(visits: Sequence[Visit]) -> Interval:
    """Of several visits as a verdict would; of one, its own."""
    pooled = pooled_interval([s.goodput_rps for s in visits], [s.half_width for s in visits])
    if math.isfinite(pooled.hi):
        return pooled
    one = visits[-1]
    return Interval(one.goodput_rps, one.goodput_lo or 0.0, one.goodput_hi if one.goodput_hi is not None else math.inf)
