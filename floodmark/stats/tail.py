"""Estimates from short trials at known rates the rate whose tail latency just keeps a limit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.stats.intervals import Interval, median_interval

MISSES = 0.01
"""Share of arrivals that may miss the limit, so that the limit applies to the 99th percentile."""
SLOPE_MIN = 0.25
"""The least slope, as a share of the greatest."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An offered rate, and how many of its arrivals missed the limit."""

    rate_rps: float
    arrivals: int
    misses: int

    @property
    def log_share(self) -> float:
        """Log of the share that missed, with half an arrival added to avoid the log of 0."""
        return math.log((self.misses + 0.5) / (self.arrivals + 1))


def first_guess(ceiling_rps: float, limit_s: float) -> float:
    """The rate at which a queue with this ceiling and a medium slope would just keep the limit."""
    slope = (1 + SLOPE_MIN) / 2 * _steepest(ceiling_rps, limit_s)
    return ceiling_rps * min(0.97, max(0.3, 1 + math.log(MISSES) / slope))


def sustainable(trials: Sequence[Trial], ceiling_rps: float, limit_s: float, share: float = MISSES) -> Interval:
    """The rate per second with this share of misses, and its 95 % interval between trials.

    In heavy traffic P(W > x) ~ exp(-theta (1 - rho) x), so the log of the share of misses v is linear in the rate:
    log v = a + b rho. b is fitted by least squares, weighted by the independent information in each trial, and kept
    within [0.25, 1] of 2 x limit x ceiling. Each trial then gives the rate at which its line meets the share, and the
    estimate is their median, so that a stall of the host spoils one trial but not the estimate.

    Raises ValueError without trials.
    """
    slope = _slope(trials, ceiling_rps, limit_s)
    meets = [t.rate_rps + ceiling_rps * (math.log(share) - t.log_share) / slope for t in trials]
    median = median_interval([min(1.05 * ceiling_rps, max(0.05 * ceiling_rps, rate)) for rate in meets])
    return Interval(median.value, median.lo, min(median.hi, 1.05 * ceiling_rps))


def _steepest(ceiling_rps: float, limit_s: float) -> float:
    return max(2.0, 2 * limit_s * ceiling_rps)


def _slope(trials: Sequence[Trial], ceiling_rps: float, limit_s: float) -> float:
    most = _steepest(ceiling_rps, limit_s)
    # Misses come in clumps, which get longer near the ceiling, so their number overstates what a trial knows.
    weights = [(t.misses + 0.5) * max(0.02, 1 - t.rate_rps / ceiling_rps) ** 2 for t in trials]
    rho = [t.rate_rps / ceiling_rps for t in trials]
    logs = [t.log_share for t in trials]
    centre, level = statistics.fmean(rho, weights), statistics.fmean(logs, weights)
    spread = sum(w * (r - centre) ** 2 for w, r in zip(weights, rho, strict=True))
    if not spread:
        return (1 + SLOPE_MIN) / 2 * most
    slope = sum(w * (r - centre) * (v - level) for w, r, v in zip(weights, rho, logs, strict=True)) / spread
    return min(most, max(SLOPE_MIN * most, slope))
