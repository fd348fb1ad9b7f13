"""The knee is made at the pace that the target had at that moment."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.verdict.enums import Phase
from floodmark.verdict.knee import changed_pace, knee, knee_point, uncontended
from floodmark.verdict.visit import Visit
from tests.support.visits import visit

SLOTS, SERVICE_MS = 2, 10.0
BASES, HOLDS = (1.0, 1.6, 1.6, 1.0, 1.6), (1.0, 1.6, 1.0, 1.0)
"""How much longer a request takes at each visit, by turns: R0's median is of the slow pace, C's of the fast one."""


def at_pace(phase: Phase, number: int, pace: float) -> Visit:
    if phase is Phase.BASE:
        return visit(phase, 1, 1000 / SERVICE_MS / pace, SERVICE_MS * pace, number)
    return visit(phase, 8, SLOTS * 1000 / SERVICE_MS / pace, 4 * SERVICE_MS * pace, number)


def search() -> tuple[list[Visit], list[Visit]]:
    bases = [at_pace(Phase.BASE, 2 * i, pace) for i, pace in enumerate(BASES)]
    return bases, [at_pace(Phase.HOLD, 2 * i + 1, pace) for i, pace in enumerate(HOLDS)]


def test_a_cpu_of_two_paces_does_not_move_the_knee() -> None:
    bases, holds = search()
    apart = statistics.median(s.goodput_rps for s in holds) * statistics.median(s.r_mean_ms or 0 for s in bases) / 1000
    assert apart == pytest.approx(1.6 * SLOTS)
    found = knee(holds, bases, 0.0)
    assert found is not None
    assert found.value == pytest.approx(SLOTS)


def test_nor_does_one_that_lasts() -> None:
    paces = [1.0] * 8 + [3.0] * 7
    visits = [at_pace(Phase.HOLD if i % 2 else Phase.BASE, i, pace) for i, pace in enumerate(paces)]
    found = knee([s for s in visits if s.phase is Phase.HOLD], uncontended(visits), 0.0)
    assert found is not None
    assert found.value == pytest.approx(SLOTS)


@given(st.permutations([1.0] * 9 + [1.5] * 2))
def test_nor_do_two_bursts(paces: list[float]) -> None:
    visits = [at_pace(Phase.HOLD if i % 2 else Phase.BASE, i, pace) for i, pace in enumerate(paces)]
    found = knee([s for s in visits if s.phase is Phase.HOLD], uncontended(visits), 0.0)
    assert found is not None
    assert found.value == pytest.approx(SLOTS)


def test_where_the_held_level_is_even_slow_base_visits_count_as_outliers() -> None:
    holds = [at_pace(Phase.HOLD, 2 * i + 1, 1.0) for i in range(4)]
    bases = [at_pace(Phase.BASE, 2 * i, pace) for i, pace in enumerate((1.0, 1.0, 1.4, 1.4, 1.0))]
    found = knee(holds, bases, 0.0)
    assert not changed_pace(holds)
    assert found is not None
    assert found.value == pytest.approx(SLOTS)


def test_think_time_takes_part_of_the_error_of_r0_away() -> None:
    holds = [visit(Phase.HOLD, 100, 80.0, number=number) for number in (1, 3, 5)]
    bases = [visit(Phase.BASE, 1, 20.0, 50.0, number) for number in (0, 2, 4)]
    users, in_flight = knee(holds, bases, 0.95), knee(holds, bases, 0.0)
    assert users is not None
    assert in_flight is not None
    assert users.value == pytest.approx(80)
    assert users.half_width == pytest.approx(math.hypot(0.01, 0.01 * 0.05))
    assert in_flight.half_width == pytest.approx(math.hypot(0.01, 0.01))


def test_one_base_visit_leaves_the_knee_unknown_to_a_factor_of_two() -> None:
    bases, holds = search()
    found = knee(holds, bases[:1], 0.0)
    assert found is not None
    assert found.half_width > 1


def test_no_base_visit_gives_no_knee() -> None:
    assert knee(search()[1], [], 0.0) is None


def levels(*rates: float) -> list[Visit]:
    return [visit(Phase.HOLD, 8, rate, number=2 * i + 1) for i, rate in enumerate(rates)]


def test_nor_does_a_level_without_goodput() -> None:
    assert knee(levels(0.0, 0.0, 5.0), search()[0], 0.0) is None


def test_a_visit_that_stood_still_has_no_pace() -> None:
    found = knee(levels(0.0, 160.0), [visit(Phase.BASE, 1, 80.0, 12.5, 0), visit(Phase.BASE, 1, 80.0, 12.5, 2)], 0.0)
    assert found is not None
    assert found.value == pytest.approx(SLOTS)
    point = knee_point(found, 2, "", censored=False, why="")
    assert (point.lo, point.hi) == (0.0, None)


def test_a_base_level_that_proved_contended_is_left_out() -> None:
    alone = visit(Phase.BASE, 1, 20.0, 50.0, 0)
    crowd, even = visit(Phase.BASE, 4, 66.0, 60.0, 2), visit(Phase.BASE, 4, 80.0, 50.0, 4)
    assert uncontended([alone, crowd]) == [alone]
    assert uncontended([alone, even]) == [alone, even]
    assert uncontended([crowd]) == [crowd]
