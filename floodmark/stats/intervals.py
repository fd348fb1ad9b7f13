"""Intervals for rates: within one visit, between visits, and both pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
MEDIAN_FACTOR = 1.25
"""Standard error of a median over that of a mean, for near-normal samples: sqrt(pi / 2)."""
FLOOR = 0.01
"""No capacity is claimed to better than one per cent: even a quiet host drifts by half a one from minute to minute."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    lo: float
    hi: float

    @property
    def half_width(self) -> float:
        """Half the width over the value; infinite where the value is 0."""
        return (self.hi - self.lo) / 2 / self.value if self.value else math.inf


def t_quantile(df: int, level: float = LEVEL) -> float:
    """Two-sided quantile of Student's t with ``df`` degrees of freedom."""
    from scipy.special import stdtrit  # here, so that what only reads files need not wait half a second for SciPy

    return float(stdtrit(df, 0.5 + level / 2))


def batch_half_width(counts: Sequence[int], batch: int = 25) -> float:
    """Half-width, relative to the mean, of the 95 % interval of a rate from its counts per equal bin.

    counts: completions in consecutive bins of equal length. Bins are joined until they hold ``batch``
    completions on average; the effective number of batches is ``n (1 - r1) / (1 + r1)`` with r1 the lag-1
    autocorrelation (batch means; Law & Kelton). Infinite when the counts carry fewer than two batches.
    """
    total = sum(counts)
    if total == 0 or len(counts) < 2:
        return math.inf
    per_batch = max(1, math.ceil(batch * len(counts) / total))
    n = len(counts) // per_batch
    if n < 2:
        return math.inf
    batches = np.asarray(counts[: n * per_batch], dtype=float).reshape(n, per_batch).sum(axis=1)
    mean = float(batches.mean())
    deviations = batches - mean
    square = float((deviations**2).sum())
    if square == 0:
        # Equal counts: what is left is not knowing where in a bin's edge the last completion fell.
        return 1 / total
    r1 = float((deviations[:-1] * deviations[1:]).sum()) / square
    r1 = min(max(r1, -0.5), 0.9)
    effective = max(1.5, n * (1 - r1) / (1 + r1))
    error = math.sqrt(square / (n - 1) / effective)
    return t_quantile(n - 1) * error / mean


def median_interval(values: Sequence[float], independent: int | None = None) -> Interval:
    """Median of visits with a t interval on their spread, widened for the median.

    independent: how many of the values are, if not all. One gives an unbounded interval.

    Raises ValueError for no value at all.
    """
    if not values:
        raise ValueError("no visit to estimate from")
    middle = float(np.median(values))
    count = len(values) if independent is None else independent
    if count < 2:
        return Interval(middle, 0.0, math.inf)
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    half = t_quantile(count - 1) * error * MEDIAN_FACTOR
    return Interval(middle, max(0.0, middle - half), middle + half)


def pooled_interval(values: Sequence[float], half_widths: Sequence[float], independent: int | None = None) -> Interval:
    """The interval of a run: the widest of (a) within visits, (b) between visits and (c) one per cent.

    values: one estimate per visit; half_widths: each visit's own relative half-width; independent: how many of the
    values are, if not all.
    """
    between = median_interval(values, independent)
    finite = [width for width in half_widths if math.isfinite(width)]
    within = math.sqrt(sum(width**2 for width in finite)) / len(finite) * MEDIAN_FACTOR if finite else math.inf
    half = max(between.hi - between.value, within * between.value, FLOOR * between.value)
    return Interval(between.value, max(0.0, between.value - half), between.value + half)


def wilson(hits: int, of: int) -> Interval:
    """Share of hits with its 95 % interval (Wilson, 1927): right for few hits and for none."""
    if not of:
        return Interval(0.0, 0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def agree(values: Sequence[float], tolerance: float, middle: int = 3) -> bool:
    """Whether the ``middle`` central values lie within ``tolerance`` of each other."""
    if len(values) < middle:
        return False
    ordered = sorted(values)
    start = (len(ordered) - middle) // 2
    central = ordered[start : start + middle]
    return central[-1] - central[0] <= tolerance * central[middle // 2]
