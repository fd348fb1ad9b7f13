"""Latency histograms with buckets of 1 % width."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

GROWTH = 1.01
FLOOR_MS = 0.001
"""Shorter latencies count as this one: a microsecond."""

_SCALE = 1 / math.log(GROWTH)


def bucket(ms: float) -> int:
    """Index of the bucket that holds ``ms``: ``floor(log(ms) / log(1.01))``."""
    return math.floor(math.log(max(FLOOR_MS, ms)) * _SCALE)


def buckets(ms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the buckets that hold ``ms``, of the same shape."""
    return np.floor(np.log(np.maximum(FLOOR_MS, ms)) * _SCALE).astype(np.int64)


def count(values: NDArray[np.int64]) -> dict[int, int]:
    """How often each value occurs. Takes linear time if the values span at most some tens of thousands."""
    least = int(values.min())
    counts = np.bincount(values - least)
    present = np.flatnonzero(counts)
    return dict(zip((present + least).tolist(), counts[present].tolist(), strict=True))


def edges(index: int) -> tuple[float, float]:
    """Lower and upper edge of a bucket, in ms."""
    return math.exp(index / _SCALE), math.exp((index + 1) / _SCALE)


class Histogram:
    """Counts per bucket. Merging two histograms gives exactly that of both samples."""

    __slots__ = ("_counts", "total")

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts: dict[int, int] = dict(counts or {})
        self.total = sum(self._counts.values())

    def add(self, ms: float) -> None:
        """Count one latency."""
        index = bucket(ms)
        self._counts[index] = self._counts.get(index, 0) + 1
        self.total += 1

    def merge(self, counts: Mapping[int, int] | Histogram) -> None:
        """Add the counts of another sample."""
        other = counts.counts if isinstance(counts, Histogram) else counts
        merged_counts = self._counts
        for index, count in other.items():
            merged_counts[index] = merged_counts.get(index, 0) + count
            self.total += count

    @property
    def counts(self) -> Mapping[int, int]:
        return self._counts

    def __iter__(self) -> Iterator[tuple[float, float, int]]:
        """Yield ``(lower edge ms, upper edge ms, count)`` in ascending order."""
        for index in sorted(self._counts):
            low, high = edges(index)
            yield low, high, self._counts[index]

    def within(self, ms: float) -> int:
        """How many took no longer than ``ms``. The bucket of ``ms`` itself counts in proportion to its part below."""
        last = bucket(ms)
        low, high = edges(last)
        inside = math.log(max(FLOOR_MS, ms) / low) / math.log(high / low)
        below = sum(count for index, count in self._counts.items() if index < last)
        return below + round(inside * self._counts.get(last, 0))

    def quantile(self, q: float, of: int | None = None) -> float | None:
        """The ``q`` quantile in ms, interpolated inside its bucket; None for an empty sample.

        The nearest rank, so within one bucket width (1 %) of the exact quantile. ``of`` is the size of the whole
        population if part of it is not counted here, having taken longer than everything that is. Returns None if the
        quantile lies in that part.
        """
        total = self.total if of is None else of
        if not self.total:
            return None
        rank = max(1, math.ceil(q * total - 1e-9))
        if rank > self.total:
            return None
        below = 0
        for index in sorted(self._counts):
            count = self._counts[index]
            if below + count >= rank:
                low, high = edges(index)
                return float(low * (high / low) ** ((rank - below - 0.5) / count))
            below += count
        return edges(max(self._counts))[1]


MIN_SAMPLE = {0.50: 1, 0.90: 100, 0.95: 200, 0.99: 1000}
"""Good responses that a percentile needs to be published: enough for ten beyond it."""


def percentile(histogram: Histogram, q: float, of: int | None = None) -> float | None:
    """The quantile, or None if the sample is too small for it. ``of`` as in ``Histogram.quantile``."""
    return histogram.quantile(q, of) if histogram.total >= MIN_SAMPLE[q] else None
