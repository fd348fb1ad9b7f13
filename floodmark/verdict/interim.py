"""Interim estimates of a running search, for display only; no verdict uses them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.stats.intervals import Interval, pooled_interval
from floodmark.verdict.enums import Model, Phase
from floodmark.verdict.visit import Visit

FREE, FULL = 0.9, 0.6
"""Efficiency above which every user is still served at once, and below which all slots are certainly busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interim:
    """Current estimates; None: not known yet."""

    r0_ms: float | None = None
    free: int | None = None
    """The most users that were all served at once: a lower bound of the knee."""
    full: int | None = None
    """The fewest users that were not: an upper bound of the knee."""
    goodput: Interval | None = None
    """At ``users``: the held level, or before any hold the highest level visited."""
    held: bool = False
    """Whether ``users`` is the held level."""
    users: int | None = None
    visits: int = 0


def interim(visits: Sequence[Visit]) -> Interim:
    """Estimate from all visits so far."""
    usable = [v for v in visits if v.valid and v.model is Model.CLOSED and v.phase is not Phase.WARM and v.good]
    if not usable:
        return Interim()
    bases = [v.r_mean_ms for v in usable if v.phase is Phase.BASE and v.r_mean_ms is not None]
    brackets = [v for v in usable if v.phase is Phase.BRACKET and v.efficiency is not None]
    free = [v.users for v in brackets if v.efficiency is not None and v.efficiency >= FREE]
    full = [v.users for v in brackets if v.efficiency is not None and v.efficiency <= FULL]
    holds = [v for v in usable if v.phase is Phase.HOLD]
    level = holds[-1].users if holds else max(v.users for v in usable if v.phase is not Phase.RECOVERY)
    visits = [v for v in (holds or usable) if v.users == level]
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
    """Pooled over several visits as in a verdict; for a single visit, its own interval."""
    pooled = pooled_interval([v.goodput_rps for v in visits], [v.half_width for v in visits])
    if math.isfinite(pooled.hi):
        return pooled
    last = visits[-1]
    hi = last.goodput_hi if last.goodput_hi is not None else math.inf
    return Interval(last.goodput_rps, last.goodput_lo or 0.0, hi)
