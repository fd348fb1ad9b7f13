"""The 1 % histogram against raw samples."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.stats.histogram import FLOOR_MS, Histogram, bucket, edges, percentile

latencies = st.floats(min_value=FLOOR_MS, max_value=1e6)


def of(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(latencies)
def test_a_bucket_holds_its_value_and_is_one_per_cent_wide(ms: float) -> None:
    low, high = edges(bucket(ms))
    assert low <= ms * (1 + 1e-9)
    assert ms <= high * (1 + 1e-9)
    assert high / low == pytest.approx(1.01)


@given(st.lists(latencies, min_size=1, max_size=200), st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_a_bucket_of_the_sample_s_own(values: list[float], q: float) -> None:
    ordered = sorted(values)
    rank = max(1, math.ceil(q * len(values) - 1e-9))
    exact = ordered[rank - 1]
    found = of(values).quantile(q)
    assert found == pytest.approx(exact, rel=0.0101)


@given(st.lists(st.lists(latencies, max_size=50), max_size=5))
def test_merging_is_exact(parts: list[list[float]]) -> None:
    together = of([value for part in parts for value in part])
    merged = Histogram()
    for part in parts:
        merged.merge(of(part))
    assert (merged.counts, merged.total) == (together.counts, together.total)


def test_every_percentile_column_has_its_own_value() -> None:
    # The mistake of another project: percentile99 filled from p95.
    histogram = of([float(i) for i in range(1, 10_001)])
    assert percentile(histogram, 0.50) == pytest.approx(5000, rel=0.01)
    assert percentile(histogram, 0.90) == pytest.approx(9000, rel=0.01)
    assert percentile(histogram, 0.95) == pytest.approx(9500, rel=0.01)
    assert percentile(histogram, 0.99) == pytest.approx(9900, rel=0.01)


def test_a_percentile_stands_only_where_the_sample_carries_it() -> None:
    histogram = of([1.0] * 999)
    assert percentile(histogram, 0.99) is None
    assert percentile(histogram, 0.95) is not None
    assert percentile(of([1.0] * 199), 0.95) is None
    assert percentile(of([1.0] * 99), 0.90) is None
    assert percentile(Histogram(), 0.50) is None


def test_zero_and_negative_count_as_the_floor() -> None:
    assert bucket(0.0) == bucket(-3.0) == bucket(FLOOR_MS)


@given(st.lists(st.floats(0.01, 10_000), max_size=200), st.floats(0.01, 10_000))
def test_within_counts_what_is_no_longer(latencies: list[float], limit: float) -> None:
    low, high = edges(bucket(limit))
    within = of(latencies).within(limit)
    assert sum(ms < low for ms in latencies) <= within <= sum(ms < high * 1.000001 for ms in latencies)
