"""Change points: against Apache Otava's own answers, and on series whose answer is plain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from floodmark.stats.change_points import change_points

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "otava.json").read_text())


def test_otavas_answers_are_found_again() -> None:
    """Otava 0.8.0 weighs the wrong neighbour anew when it drops a point (analysis.py, recompute), so that a point may
    stand on the statistics of a shorter stretch: those few may differ, all others must not.
    """
    points = same = 0
    for case in CASES:
        found = change_points(case["values"], max_p=case["max_p"], min_magnitude=case["least"])
        wanted = {index: (before, after, p) for index, before, after, p in case["points"]}
        points += len(wanted)
        for point in found:
            if point.index in wanted:
                before, after, p = wanted[point.index]
                same += (point.before, point.after, point.p) == pytest.approx((before, after, p), rel=1e-6, abs=1e-12)
        assert abs(len(found) - len(wanted)) <= 1
    assert points > 50
    assert same >= 0.95 * points


@pytest.mark.parametrize("drop", [0.9, 0.95])
def test_a_step_is_found_where_it_is(drop: float) -> None:
    values = 100 + np.random.default_rng(1).standard_normal(60)
    values[41:] *= drop
    (point,) = change_points(values.tolist())
    assert point.index == 41
    assert point.ratio == pytest.approx(drop, abs=0.01)
    assert point.p < 1e-4


def test_the_bounds_hold() -> None:
    values = np.array([100.0, 101.0] * 20)
    values[20:] *= 0.98
    assert change_points(values.tolist()) == []
    (point,) = change_points(values.tolist(), min_magnitude=0.01)
    assert point.index == 20


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0], [5.0] * 30])
def test_nothing_changes_in_too_little_or_too_flat_a_series(values: list[float]) -> None:
    assert change_points(values) == []


def test_a_step_without_any_noise_is_found() -> None:
    (point,) = change_points([100.0] * 10 + [90.0] * 10)
    assert (point.index, point.before, point.after) == (10, 100.0, 90.0)
