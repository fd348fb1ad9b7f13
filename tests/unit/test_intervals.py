from __future__ import annotations

import math
import random

import pytest

from floodmark.stats.curve import isotonic
from floodmark.stats.intervals import (
    FLOOR,
    MEDIAN_FACTOR,
    MIDMEAN_FACTOR,
    agree,
    batch_half_width,
    median_interval,
    pooled_interval,
    t_quantile,
)
from floodmark.stats.steadiness import trending


def test_t_quantiles() -> None:
    assert t_quantile(2) == pytest.approx(4.303, abs=1e-3)
    assert t_quantile(7) == pytest.approx(2.365, abs=1e-3)


def test_batch_interval_covers_the_rate_of_a_poisson_process() -> None:
    rng = random.Random(7)
    covered = 0
    for _ in range(400):
        counts = [sum(1 for _ in range(40) if rng.random() < 0.25) for _ in range(50)]
        half = batch_half_width(counts)
        mean = sum(counts) / len(counts)
        covered += abs(mean - 10) <= half * mean
    assert 0.90 <= covered / 400 <= 0.99


@pytest.mark.parametrize("counts", [[], [5], [0, 0, 0], [1, 1]])
def test_too_few_completions_give_no_interval(counts: list[int]) -> None:
    assert batch_half_width(counts) == math.inf


def test_equal_counts_still_leave_an_edge() -> None:
    assert batch_half_width([16] * 50) == pytest.approx(1 / 800)


def test_one_visit_is_never_an_interval() -> None:
    # The mistake of another project: n = 1 called significant.
    assert median_interval([100.0]).hi == math.inf


def test_a_run_s_interval_is_the_widest_of_its_three() -> None:
    assert pooled_interval([100, 100, 100], [0.001] * 3).half_width == pytest.approx(FLOOR)
    within = 0.10 / math.sqrt(3) * MIDMEAN_FACTOR
    assert pooled_interval([100, 100, 100], [0.10] * 3).half_width == pytest.approx(within)
    assert pooled_interval([98, 100, 102], [0.001] * 3).half_width > 0.05


def test_values_that_share_visits_count_as_fewer() -> None:
    once, twice = [98.0, 100.0, 102.0], [98.0, 98.0, 100.0, 100.0, 102.0, 102.0]
    shared = median_interval(twice, independent=3)
    assert median_interval(twice).half_width < shared.half_width <= median_interval(once).half_width
    assert median_interval(once, independent=3) == median_interval(once)
    assert pooled_interval(twice, [0.001] * 3, independent=3).half_width == pytest.approx(
        shared.half_width * MIDMEAN_FACTOR / MEDIAN_FACTOR
    )
    assert median_interval(once, independent=1).hi == math.inf


def test_agreement_is_of_the_middle_visits() -> None:
    assert agree([100, 101, 102, 60, 140], 0.04)
    assert not agree([100, 106, 94], 0.04)
    assert not agree([100, 100], 0.04)


def test_trend() -> None:
    rng = random.Random(1)
    assert not trending([100 + rng.randint(-5, 5) for _ in range(50)])
    assert trending([100 + i for i in range(50)])
    assert not trending([100 + i // 25 for i in range(50)])  # significant, but 1 %
    assert not trending([1, 2, 3])
    assert not trending([0] * 50)


def test_false_trends_are_rare() -> None:
    rng = random.Random(3)
    alarms = sum(trending([rng.randint(5, 15) for _ in range(50)]) for _ in range(1000))
    assert alarms <= 5


def test_isotonic_pools_violators() -> None:
    assert isotonic([1, 3, 2, 4], [1, 1, 1, 1]) == [1, 2.5, 2.5, 4]
    assert isotonic([1, 3, 2], [1, 1, 3]) == [1, 2.25, 2.25]
