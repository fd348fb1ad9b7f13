"""What two visits differ by chance: only more than that is a rise or a fall."""

from __future__ import annotations

import math

from floodmark.verdict.visit import Visit

NORMAL = 1.96


def chance_rps(visit: Visit) -> float:
    """Half-width of the 95 % interval of a visit's goodput. One with too few answers for batches has that of a Poisson
    count; one with none is not bounded.
    """
    if math.isfinite(visit.half_width):
        return visit.half_width * visit.goodput_rps
    return NORMAL * visit.goodput_rps / math.sqrt(visit.good) if visit.good else math.inf


def above(more: Visit, less: Visit, factor: float) -> bool:
    """Whether goodput of one visit is more than ``factor`` times another's, and more than chance above it."""
    chance = math.hypot(chance_rps(more), chance_rps(less))
    return more.goodput_rps > max(factor * less.goodput_rps, less.goodput_rps + chance)
