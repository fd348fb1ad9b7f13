"""How much two visits differ by chance; only a larger difference is a rise or a fall."""

from __future__ import annotations

import math

from floodmark.verdict.visit import Visit

NORMAL = 1.96


def chance_rps(visit: Visit) -> float:
    """Half-width of the 95 % interval of a visit's goodput.

    With too few answers for batch means it is that of a Poisson count; without any answer it is infinite.
    """
    if math.isfinite(visit.half_width):
        return visit.half_width * visit.goodput_rps
    return NORMAL * visit.goodput_rps / math.sqrt(visit.good) if visit.good else math.inf


def above(more: Visit, less: Visit, factor: float) -> bool:
    """Whether one visit's goodput exceeds ``factor`` times another's, and exceeds it by more than chance."""
    chance = math.hypot(chance_rps(more), chance_rps(less))
    return more.goodput_rps > max(factor * less.goodput_rps, less.goodput_rps + chance)
