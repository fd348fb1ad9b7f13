"""Intervals for rates: within a visit, between visits, and pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
MEDIAN_FACTOR = 1.25
"""Standard error of a median over that of a mean, for near-normal samples: sqrt(pi / 2)."""
MIDMEAN_FACTOR = 1.15
"""Standard error of a midmean of 3 to 12 values over that of their mean, for near-normal samples; at most this."""
FLOOR = 0.01
"""No capacity is claimed more precisely than 1 %: even a quiet host drifts by half of that from minute to minute."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    lo: float
    hi: float

    @property
    def half_width(self) -> float:
        """Half the width relative to the value; infinite if the value is 0."""
        return (self.hi - self.lo) / 2 / self.value if self.value else math.inf


def t_quantile(df: int, level: float = LEVEL) -> float:
    """Two-sided quantile of Student's t with ``df`` degrees of freedom."""
    from scipy.special import stdtrit  # importing SciPy takes half a second, which file readers need not wait for

    return float(stdtrit(df, 0.5 + level / 2))


def one_sided_t(df: int, level: float) -> float:
    """One-sided quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, level))


def at_most(hits: int, of: int, level: float) -> float:
    """Upper bound of a share by Clopper and Pearson (1934), of which ``hits`` of ``of`` were seen."""
    from scipy.special import betaincinv

    return 1.0 if hits >= of else float(betaincinv(hits + 1, of - hits, level))


def batch_half_width(counts: Sequence[int], batch: int = 25) -> float:
    """Relative half-width of the 95 % interval of a rate, by batch means (Law & Kelton).

    ``counts`` are completions in consecutive bins of equal length. Bins are joined until they hold ``batch``
    completions on average. The effective number of batches is ``n (1 - r1) / (1 + r1)``, where r1 is the lag-1
    autocorrelation. Infinite if there are fewer than two batches.
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
    squares = float((deviations**2).sum())
    if squares == 0:
        # Equal counts: the remaining uncertainty is where the last completion fell relative to the edge of its bin.
        return 1 / total
    r1 = float((deviations[:-1] * deviations[1:]).sum()) / squares
    r1 = min(max(r1, -0.5), 0.9)
    effective = max(1.5, n * (1 - r1) / (1 + r1))
    error = math.sqrt(squares / (n - 1) / effective)
    return t_quantile(n - 1) * error / mean


def median_interval(values: Sequence[float], independent: int | None = None) -> Interval:
    """The median of visits, with a t interval from their spread, widened because it is a median.

    ``independent`` is the number of independent values, if not all are. A single one gives an unbounded interval.
    Raises ValueError without values.
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


def midmean(values: Sequence[float]) -> float:
    """The mean of the middle half: a quarter of the values is left out at either end, at least one of three or more.

    Of two or fewer values it is the mean, of three or four the median. It is as safe from disturbed visits as a median
    and nearly as precise as a mean. Raises ValueError without values.
    """
    if not values:
        raise ValueError("no visit to estimate from")
    out = max(len(values) // 4, 1 if len(values) > 2 else 0)
    return float(np.mean(sorted(values)[out : len(values) - out]))


def pooled_interval(values: Sequence[float], half_widths: Sequence[float], independent: int | None = None) -> Interval:
    """The midmean of the visits of a run. Its interval is the widest of (a) within visits, (b) between visits and
    (c) 1 %.

    ``values`` holds one estimate per visit, ``half_widths`` the relative half-width of each visit. ``independent`` is
    the number of independent values, if not all are. Visits without a half-width of their own rest on (b), which takes
    at least two.
    """
    middle = midmean(values)
    count = len(values) if independent is None else independent
    between = math.inf
    if count > 1:
        between = t_quantile(count - 1) * float(np.std(values, ddof=1)) / math.sqrt(count) * MIDMEAN_FACTOR
    finite = [width for width in half_widths if math.isfinite(width)]
    within = math.sqrt(sum(width**2 for width in finite)) / len(finite) * MIDMEAN_FACTOR if finite else 0.0
    half = max(between, within * middle, FLOOR * middle)
    return Interval(middle, max(0.0, middle - half), middle + half)


def wilson(hits: int, of: int) -> Interval:
    """The share of hits with its 95 % interval (Wilson, 1927), which is accurate even for few or no hits."""
    if not of:
        return Interval(0.0, 0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def agree(values: Sequence[float], tolerance: float, middle: int = 3) -> bool:
    """Whether the ``middle`` central values lie within the relative ``tolerance`` of each other."""
    if len(values) < middle:
        return False
    ordered = sorted(values)
    start = (len(ordered) - middle) // 2
    central = ordered[start : start + middle]
    return central[-1] - central[0] <= tolerance * central[middle // 2]
