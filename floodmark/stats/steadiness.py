"""Whether a visit is steady."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr

TREND_P = 0.001
TREND_SHARE = 0.03


def trending(counts: Sequence[int]) -> bool:
    """Whether completions per bin drift: Spearman p < 0.001 *and* a fitted change over the visit of more than 3 %."""
    n = len(counts)
    values = np.asarray(counts, dtype=float)
    mean = float(values.mean()) if n else 0.0
    if n < 8 or mean == 0:
        return False
    index = np.arange(n, dtype=float)
    slope = float(((index - index.mean()) * (values - mean)).sum() / ((index - index.mean()) ** 2).sum())
    return abs(slope * n / mean) > TREND_SHARE and _spearman_p(index, values) < TREND_P


def _spearman_p(
    x: np.ndarray[tuple[int], np.dtype[np.float64]], y: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    ranks = _ranks(y)
    if float(ranks.std()) == 0:
        return 1.0
    rho = float(np.corrcoef(x, ranks)[0, 1])
    n = len(x)
    if abs(rho) >= 1:
        return 0.0
    t = abs(rho) * math.sqrt((n - 2) / (1 - rho * rho))
    return 2 * (1 - float(stdtr(n - 2, t)))


def _ranks(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Ranks; ties share their mean rank."""
    _, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return ((last - (count - 1) / 2)[inverse]).astype(np.float64)
