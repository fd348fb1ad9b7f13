"""A rise or a fall is more than two windows differ by chance."""

from __future__ import annotations

import math

import pytest

from floodmark.search.chance import above, chance_rps
from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit


def visit(rate: float, half_width: float | None = 0.01, seconds: float = 5.0) -> Visit:
    lo, hi = (None, None) if half_width is None else (rate * (1 - half_width), rate * (1 + half_width))
    return Visit(
        number=1,
        phase=Phase.PLACE,
        t_start_s=0.0,
        t_end_s=seconds,
        users=8,
        good=round(rate * seconds),
        goodput_rps=rate,
        goodput_lo=lo,
        goodput_hi=hi,
    )


@pytest.mark.parametrize(
    ("more", "less", "expected"),
    [
        (visit(104), visit(100), True),
        (visit(102), visit(100), False),  # less than the factor
        (visit(104, 0.04), visit(100, 0.04), False),  # less than chance: 5.8 %
        (visit(107, 0.04), visit(100, 0.04), True),
        (visit(100), visit(104), False),
    ],
)
def test_above_is_by_more_than_the_factor_and_more_than_chance(more: Visit, less: Visit, expected: bool) -> None:
    assert above(more, less, 1.03) is expected


def test_too_few_answers_for_batches_are_a_poisson_count() -> None:
    assert chance_rps(visit(5.0, None)) == pytest.approx(1.96 * 5.0 / math.sqrt(25))
    assert above(visit(10.0, None), visit(5.0, None), 1.03)
    assert not above(visit(6.0, None), visit(5.0, None), 1.03)


def test_a_visit_without_an_answer_bounds_nothing() -> None:
    assert math.isinf(chance_rps(visit(0.0, None)))
    assert not above(visit(100), visit(0.0, None), 1.03)
