"""Change points of a series: E-divisive means with Student's t, as in Hunter and Apache Otava.

Matteson and James (2014) split a series where the energy distance between its parts is greatest. Fleming et al. (2023)
do so in overlapping windows at ten times the wanted p-value, then drop the weakest points until all remaining ones are
significant.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

Array = NDArray[np.float64]

WINDOW = 50
MAX_P = 1e-4
MIN_MAGNITUDE = 0.03
FIRST_PASS = 10.0
"""The first pass over the windows uses this multiple of the wanted p-value."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of the mean of a series."""

    index: int
    """The first value after the change."""
    before: float
    """Mean since the previous change point."""
    after: float
    """Mean up to the next change point."""
    p: float
    """p-value of Student's t between both stretches."""

    @property
    def ratio(self) -> float:
        """After over before."""
        return self.after / self.before

    @property
    def magnitude(self) -> float:
        """The relative change, relative to the smaller of both means."""
        return max(abs(self.after / self.before - 1), abs(self.before / self.after - 1))


def change_points(
    values: Sequence[float], *, max_p: float = MAX_P, min_magnitude: float = MIN_MAGNITUDE, window: int = WINDOW
) -> list[ChangePoint]:
    """All change points of ``values``, in order. The values must be positive."""
    series = np.asarray(values, dtype=float)
    candidates: set[int] = set()
    start = 0
    while start < len(series):
        inside = _divide(series[start : start + window], min(1.0, FIRST_PASS * max_p))
        candidates |= {start + index for index in inside}
        start = max(start + max(inside, default=0), start + window // 2)
    return _merge(series, sorted(candidates), max_p, min_magnitude)


def _divide(series: Array, max_p: float) -> list[int]:
    """Split repeatedly where the energy distance is greatest, until Student's t finds a split not significant."""
    if len(series) < 2:
        return []
    sums = _prefix_sums(series)
    splits: list[int] = []
    while True:
        edges = [0, *splits, len(series)]
        spans = [(low, high) for low, high in itertools.pairwise(edges) if high - low > 1]
        if not spans:
            return splits
        (_, index), (low, high) = max(((_farthest(sums, *span), span) for span in spans), key=lambda item: item[0][0])
        if _compare(series, low, index, high).p > max_p:
            return splits
        splits = sorted([*splits, index])


def _prefix_sums(series: Array) -> Array:
    """S[i, j] = sum of the distances between the first i and the first j values."""
    distances = np.abs(series[:, None] - series[None, :])
    return np.pad(distances.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _farthest(sums: Array, low: int, high: int) -> tuple[float, int]:
    """The greatest energy distance between series[low:t] and series[t:k] with low < t < k <= high, and that t."""
    t = np.arange(low + 1, high)[:, None]
    k = np.arange(low + 2, high + 1)[None, :]
    n, m = t - low, np.maximum(1, k - t)
    within = np.diag(sums)
    between = sums[t, k] - sums[low, k] - within[t] + sums[low, t]
    left = (within[t] - 2 * sums[low, t] + within[low]) / 2
    right = (within[k] - 2 * sums[t, k] + within[t]) / 2
    inner = left * m / np.maximum(1, n - 1) + right * n / np.maximum(1, m - 1)
    energy = np.where(k > t, 2 / (n + m) * (between - inner), -np.inf)
    row, column = np.unravel_index(int(np.argmax(energy)), energy.shape)
    return float(energy[row, column]), low + 1 + int(row)


def _compare(series: Array, low: int, index: int, high: int) -> ChangePoint:
    """Student's t between both sides of ``index``. As in Otava, variances divide by n, not by n - 1."""
    left, right = series[low:index], series[index:high]
    n, m = len(left), len(right)
    freedom = n + m - 2
    difference = float(left.mean() - right.mean())
    p = 1.0
    if freedom > 0 and difference:
        variance = ((n - 1) * float(left.var()) + (m - 1) * float(right.var())) / freedom
        error = float(np.sqrt(variance * (1 / n + 1 / m)))
        p = float(2 * stdtr(freedom, -abs(difference) / error)) if error else 0.0
    return ChangePoint(index, float(left.mean()), float(right.mean()), p)


def _merge(series: Array, indices: list[int], max_p: float, min_magnitude: float) -> list[ChangePoint]:
    """Drop the weakest point and test the others again, until all are significant and large enough."""
    while indices:
        edges = [0, *indices, len(series)]
        points = [_compare(series, *edges[i : i + 3]) for i in range(len(indices))]
        weakest = max(points, key=lambda point: point.p)
        if weakest.p < max_p:
            weakest = min(points, key=lambda point: point.magnitude)
            if weakest.magnitude > min_magnitude:
                return points
        indices = [index for index in indices if index != weakest.index]
    return []
