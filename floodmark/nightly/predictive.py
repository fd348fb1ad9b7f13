"""Is tonight outside what the last nights allow? A predictive interval from their median and spread."""

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
PRIOR_NIGHTS = 8.0
"""Spread of a setup's nights before there are any, and how many nights that guess is worth."""
LEAST_SD = 0.005
MAD_TO_SD = 1.4826
MAD_WORTH = 0.5
"""A median absolute deviation knows the spread about as well as a standard deviation of half as many nights."""
MEDIAN_VARIANCE = math.pi / 2
"""Variance of a median over that of a mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What is expected of tonight, as a logarithm: ``expected`` within ``sd``, Student's t with ``freedom``."""

    expected: float
    sd: float
    freedom: float
    nights: int

    def p(self, value: float) -> float:
        """Chance of a value as low as this one, or lower."""
        return float(stdtr(self.freedom, (value - self.expected) / self.sd))

    @property
    def lowest(self) -> float:
        """What only one night in 1/MAX_P goes below, and at least the least effect below what is expected."""
        by_chance = float(stdtrit(self.freedom, MAX_P)) * self.sd
        return self.expected + min(by_chance, math.log1p(-LEAST_EFFECT))

    def outside(self, value: float) -> bool:
        return value < self.lowest


def spread(history: Sequence[float]) -> tuple[float, float]:
    """Standard deviation between nights, from their median absolute deviation and the prior; and its freedom."""
    middle = float(np.median(history))
    own = MAD_TO_SD * float(np.median(np.abs(np.asarray(history) - middle)))
    worth = MAD_WORTH * (len(history) - 1)
    variance = (PRIOR_NIGHTS * PRIOR_SD**2 + worth * own**2) / (PRIOR_NIGHTS + worth)
    return max(LEAST_SD, math.sqrt(variance)), PRIOR_NIGHTS + worth


def predict(history: Sequence[float]) -> Prediction | None:
    """From the last valid nights, oldest first; None where they are too few."""
    last = history[-NIGHTS:]
    if len(last) < LEAST_NIGHTS:
        return None
    sd, freedom = spread(last)
    return Prediction(
        expected=float(np.median(last)),
        sd=sd * math.sqrt(1 + MEDIAN_VARIANCE / len(last)),
        freedom=freedom,
        nights=len(last),
    )
