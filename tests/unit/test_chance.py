"""A rise or a fall is more than two windows differ by chance."""

from __future__ import annotations

import math

import pytest

from floodmark.verdict.chance import above, chance_rps
from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit
from tests.support.visits import visit


def window(rate: float, half_width: float | None = 0.01) -> Visit:
    """Five seconds beyond the bracket."""
    return visit(Phase.PLACE, rate=rate, half_width=half_width)


@pytest.mark.parametrize(
    ("more", "less", "expected"),
    [
        (window(104), window(100), True),
        (window(102), window(100), False),  # less than the factor
        (window(104, 0.04), window(100, 0.04), False),  # less than chance: 5.8 %
        (window(107, 0.04), window(100, 0.04), True),
        (window(100), window(104), False),
    ],
)
def test_above_is_by_more_than_the_factor_and_more_than_chance(more: Visit, less: Visit, expected: bool) -> None:
    assert above(more, less, 1.03) is expected


def test_too_few_answers_for_batches_are_a_poisson_count() -> None:
    assert chance_rps(window(5.0, None)) == pytest.approx(1.96 * 5.0 / math.sqrt(25))
    assert above(window(10.0, None), window(5.0, None), 1.03)
    assert not above(window(6.0, None), window(5.0, None), 1.03)


def test_a_visit_without_an_answer_bounds_nothing() -> None:
    assert math.isinf(chance_rps(window(0.0, None)))
    assert not above(window(100), window(0.0, None), 1.03)
