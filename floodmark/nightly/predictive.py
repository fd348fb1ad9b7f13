"""A predictive interval for tonight, from the median and the spread of the last nights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

NIGHTS = 14
LEAST_NIGHTS = 2
MAX_P = 0.001
LEAST_EFFECT = 0.03
PRIOR_SD = 0.015
PRIOR_NIGHTS = 2.0
"""Prior for the spread between the nights of a setup, and how many nights it counts as."""
TWIN_NIGHTS, TWIN_LEAST = 30, 8
"""A twin's last nights that show how much a setup differs from itself, and how many it takes."""
LEAST_SD = 0.005
MAD_TO_SD = 1.4826
MAD_WORTH = 0.5
"""A median absolute deviation is about as precise as a standard deviation of half as many nights."""
MEDIAN_VARIANCE = math.pi / 2
"""Variance of a median relative to that of a mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The distribution expected for tonight's logarithm: Student's t with ``freedom``, around ``expected``."""

    expected: float
    sd: float
    freedom: float
    nights: int

    def p(self, value: float) -> float:
        """Probability of a value as low as this one or lower."""
        return float(stdtr(self.freedom, (value - self.expected) / self.sd))

    @property
    def lowest(self) -> float:
        """The lowest value that is fine: crossed by chance with probability MAX_P, but at least LEAST_EFFECT below."""
        by_chance = float(stdtrit(self.freedom, MAX_P)) * self.sd
        return self.expected + min(by_chance, math.log1p(-LEAST_EFFECT))

    def outside(self, value: float) -> bool:
        return value < self.lowest


def spread(history: Sequence[float], prior_sd: float = PRIOR_SD) -> tuple[float, float]:
    """Standard deviation between nights, from their median absolute deviation and the prior, and its freedom."""
    median = float(np.median(history))
    observed_sd = MAD_TO_SD * float(np.median(np.abs(np.asarray(history) - median)))
    freedom = MAD_WORTH * (len(history) - 1)
    variance = (PRIOR_NIGHTS * prior_sd**2 + freedom * observed_sd**2) / (PRIOR_NIGHTS + freedom)
    return max(LEAST_SD, math.sqrt(variance)), PRIOR_NIGHTS + freedom


def predict(history: Sequence[float], prior_sd: float = PRIOR_SD) -> Prediction | None:
    """Predict from the last valid nights, oldest first; None if there are too few."""
    last = history[-NIGHTS:]
    if len(last) < LEAST_NIGHTS:
        return None
    sd, freedom = spread(last, prior_sd)
    return Prediction(
        expected=float(np.median(last)),
        sd=sd * math.sqrt(1 + MEDIAN_VARIANCE / len(last)),
        freedom=freedom,
        nights=len(last),
    )


def twin_spread(differences: Sequence[float]) -> float | None:
    """Standard deviation of one setup between nights, from the differences of two that are the same.

    Both vary alike, so their difference has twice the variance of one. None with too few nights.
    """
    last = differences[-TWIN_NIGHTS:]
    if len(last) < TWIN_LEAST:
        return None
    return float(np.std(last, ddof=1)) / math.sqrt(2)
