"""Distributions of service and think times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

BATCH = 1024

Batch = Callable[[np.random.Generator], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Draw:
    """A distribution. mean_s: its mean, s. batch: draws BATCH values; None where all are the mean."""

    mean_s: float
    batch: Batch | None = None

    def stream(self, rng: np.random.Generator) -> Callable[[], float]:
        """A function that gives one value after the other, s."""
        values = repeat(self.mean_s) if self.batch is None else _endless(self.batch, rng)
        return values.__next__


def _endless(batch: Batch, rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield from batch(rng).tolist()


def constant(mean_s: float) -> Draw:
    return Draw(mean_s)


def exponential(mean_s: float) -> Draw:
    return Draw(mean_s, lambda rng: rng.exponential(mean_s, BATCH))


def lognormal(mean_s: float, cv: float) -> Draw:
    """cv: standard deviation over mean."""
    sigma = math.sqrt(math.log1p(cv * cv))
    mu = math.log(mean_s) - sigma * sigma / 2
    return Draw(mean_s, lambda rng: rng.lognormal(mu, sigma, BATCH))
