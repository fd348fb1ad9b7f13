"""What two visits differ by chance: only more than that is a rise or a fall."""

from __future__ import annotations

import math

from floodmark.verdict.visit import Step

NORMAL = 1.96


def chance_rps(step: Step) -> float:
    """Half-width of the 95 % interval of a visit's goodput. One with too few answers for batches has that of a Poisson
    count; one with none is not bounded.
    """
    if math.isfinite(step.half_width):
        return step.half_width * step.goodput_rps
    return NORMAL * step.goodput_rps / math.sqrt(step.good) if step.good else math.inf


def above(more: Step, less: Step, factor: float) -> bool:
    """Whether goodput of one visit is more than ``factor`` times another's, and more than chance above it."""
    chance = math.hypot(chance_rps(more), chance_rps(less))
    return more.goodput_rps > max(factor * less.goodput_rps, less.goodput_rps + chance)
