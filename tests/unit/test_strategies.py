"""The bars of our search, which `make lint` holds the committed table to."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from benchmarks.strategies.bars import missed
from benchmarks.strategies.scenario import BY_NAME
from benchmarks.strategies.score import Score

GOOD = Score(
    scenario="A",
    strategy="S8",
    runs=100,
    no_answer=0.0,
    seconds_mean=60.0,
    seconds_max=90.0,
    bias=-0.5,
    rmse=2.0,
    p95=4.0,
    off_5=0.01,
    knee_rmse=2.0,
    knee_off_25=0.0,
    knee_worst=5.0,
    collapse_wrong=0.0,
    covered=0.9,
)
ALL = [dataclasses.replace(GOOD, scenario=name) for name in BY_NAME]


def test_rows_within_all_bars_miss_none_whatever_others_do() -> None:
    assert missed([*ALL, dataclasses.replace(GOOD, strategy="S1", rmse=99.0)]) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"rmse": 2.6}, "A: rmse is 2.6, to be at most 2.5"),
        ({"bias": -2.1}, "A: bias is -2.1, to be at most 2"),
        ({"knee_rmse": None}, "A: knee_rmse is None, to be at most 3"),
        ({"runs": 10}, "A: 10 runs, to be 100"),
    ],
)
def test_a_row_beyond_a_bar_is_told(changed: dict[str, Any], told: str) -> None:
    assert missed([dataclasses.replace(ALL[0], **changed), *ALL[1:]]) == [told]


def test_a_noisier_scenario_has_wider_bars() -> None:
    wide: dict[str, Any] = {"rmse": 3.9, "off_5": 0.14, "knee_rmse": 4.9}
    rows = [dataclasses.replace(row, **wide) if BY_NAME[row.scenario].tolerant else row for row in ALL]
    assert any(BY_NAME[row.scenario].tolerant for row in ALL)
    assert missed(rows) == []


def test_a_scenario_without_a_row_and_many_small_errors_are_told() -> None:
    assert missed(ALL[1:]) == ["A: not measured"]
    wrong = [dataclasses.replace(row, collapse_wrong=0.03) for row in ALL]
    assert missed(wrong) == ["all: collapse_wrong is 0.030, to be at most 0.02"]
