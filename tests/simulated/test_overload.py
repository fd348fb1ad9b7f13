"""What is said of loads beyond the ceiling, from made-up visits."""

from __future__ import annotations

from functools import partial

import pytest

from floodmark.search.find import find_ceiling
from floodmark.search.settings import SearchSettings
from floodmark.verdict.enums import Phase
from floodmark.verdict.overload import Overload, error_onset, failing, look_beyond, with_think
from floodmark.verdict.recovery import Before, recovered
from floodmark.verdict.saturation import judge
from floodmark.verdict.visit import Visit
from simulator import Model, constant, simulate
from tests.support import visits

visit = partial(visits.visit, seconds=4.0)

HOLDS = [visit(Phase.HOLD, 16, 160.0)] * 3


def beyond(*visits: Visit, think_s: float = 0.0) -> Overload:
    """8 slots of 50 ms: a ceiling of 160/s."""
    bases = [visit(Phase.BASE, 4, 80.0)]
    return look_beyond([*bases, *HOLDS, *visits], hold_users=16, ceiling_rps=160.0, knee_users=8.0, think_s=think_s)


def test_one_low_visit_is_no_collapse_but_two_where_it_was_verified_are() -> None:
    assert beyond(visit(Phase.VERIFY, 32, 90.0)).collapse_users.value == "none_to_32"
    once = beyond(visit(Phase.PLACE, 32, 90.0), visit(Phase.VERIFY, 32, 90.0), visit(Phase.VERIFY, 32, 158.0))
    assert once.collapse_users.value == "none_to_32"
    found = beyond(visit(Phase.VERIFY, 32, 90.0), visit(Phase.VERIFY, 32, 91.0)).collapse_users
    assert (found.value, found.lo, found.hi) == (32.0, 16.0, 32.0)


def test_a_collapse_is_placed_at_the_least_level_that_bisection_found() -> None:
    verified = [visit(Phase.VERIFY, 64, 80.0)] * 2
    bisected = [visit(Phase.OVERLOAD, 32, 100.0), visit(Phase.OVERLOAD, 23, 130.0), visit(Phase.OVERLOAD, 19, 155.0)]
    found = beyond(*verified, *bisected).collapse_users
    assert (found.value, found.lo) == (23.0, 19.0)


def test_a_dip_below_a_good_level_is_no_part_of_the_collapse() -> None:
    found = beyond(
        visit(Phase.PLACE, 20, 100.0), visit(Phase.PLACE, 24, 159.0), *[visit(Phase.VERIFY, 64, 80.0)] * 2
    ).collapse_users
    assert (found.value, found.lo) == (64.0, 24.0)


def test_errors_begin_at_the_least_level_where_they_are_no_chance() -> None:
    visits = [
        visit(Phase.HOLD, 8, 160.0, errors=2),  # 0.3 %
        visit(Phase.PLACE, 12, 160.0, errors=8),  # 1.2 % of 648: chance would do
        visit(Phase.PLACE, 16, 120.0, errors=160),
        visit(Phase.VERIFY, 32, 120.0, errors=400),
    ]
    onset = error_onset(visits)
    assert (onset.value, onset.lo) == (16.0, 12.0)
    assert error_onset(visits[:2]).value == "none_to_12"


def test_figures_at_multiples_of_the_knee_say_which_level_they_are_of() -> None:
    found = beyond(
        visit(Phase.PLACE, 12, 158.0, r_p95_ms=90.0),
        visit(Phase.PLACE, 32, 120.0, errors=30, error_timeout=10, error_http=20),
        visit(Phase.VERIFY, 64, 80.0),
    ).at
    assert found["overload_1_5x_kept"].value == pytest.approx(158 / 160)
    assert found["overload_1_5x_p95_ms"].value == 90.0
    assert found["overload_2x_kept"].value == 1.0
    assert found["overload_4x_kept"].value == pytest.approx(0.75)
    assert found["overload_4x_errors"].method == "32 users: 20 http, 10 timeout"
    assert not found["overload_4x_p95_ms"].valid


def test_users_without_think_time_say_nothing_of_errors_with_it() -> None:
    bracket = visit(Phase.BRACKET, 64, 20.0, errors=600)
    assert isinstance(beyond(bracket).error_onset_users.value, float)
    assert beyond(bracket, think_s=1.0).error_onset_users.value == "none_to_16"


BEFORE = Before(ceiling_rps=160.0, r_ms=(50.0, 51.0))


@pytest.mark.parametrize(
    ("goodput", "r_ms", "well"),
    [
        (80.0, 50.0, True),
        (78.0, 51.5, True),
        (70.0, 57.0, False),
        (79.0, 57.0, True),  # slower alone is noise: less goodput would have come with it
        (0.0, None, False),
    ],
)
def test_recovered_is_as_before(goodput: float, r_ms: float | None, well: bool) -> None:
    assert recovered(visit(Phase.RECOVERY, 4, goodput, r_mean_ms=r_ms), BEFORE, 0.0) == well


def test_recovery_is_timed_from_the_end_of_the_overload() -> None:
    found = beyond(
        visit(Phase.VERIFY, 32, 160.0, start_s=100.0),
        visit(Phase.RECOVERY, 4, 40.0, start_s=104.5, seconds=1.0),
        visit(Phase.RECOVERY, 4, 79.0, start_s=105.6, seconds=1.0),
    )
    assert found.recovery_s.value == pytest.approx(2.6)
    assert found.recovery_s.lo == pytest.approx(1.6)
    assert found.metastable is False


def test_a_target_that_stays_worse_is_metastable() -> None:
    found = beyond(visit(Phase.VERIFY, 32, 160.0, start_s=100.0), visit(Phase.RECOVERY, 4, 40.0, start_s=104.5))
    assert found.metastable is True
    assert found.recovery_s.lo == pytest.approx(4.5 + 4 - 4)
    assert found.recovery_s.value is None
    assert found.recovery_s.hi is None


@pytest.mark.parametrize("seed", range(3))
def test_the_search_holds_where_errors_are_rare_and_finds_where_they_begin(seed: int) -> None:
    # K8: 500 without one of 6 permits, 16 slots: goodput stays at 120/s, but only up to 6 users is it a capacity.
    model = Model(slots=16, service=constant(0.05), fails_above=6)
    visits, outcome = simulate(find_ceiling(SearchSettings(slots_hint=16)), model, seed)
    verdict = judge(visits, outcome, 0.0)
    assert verdict.confirmed
    assert outcome.hold_users == 6
    assert verdict.ceiling_rps.value == pytest.approx(120, rel=0.02)
    assert verdict.error_onset_users.value == 7.0
    assert not any(failing(s) for s in visits if s.phase is Phase.HOLD)


def test_users_that_take_no_think_time_are_like_the_held_ones_only_where_those_take_none() -> None:
    bracket, placed = visit(Phase.BRACKET, 64, 20.0, errors=600), visit(Phase.PLACE, 84, 80.0)
    assert with_think([bracket, placed], 0.0) == [bracket, placed]
    assert with_think([bracket, placed], 1.0) == [placed]


@pytest.mark.parametrize("seed", range(3))
def test_the_search_places_a_collapse_to_the_user(seed: int) -> None:
    # K9: 50 ms (1 + .25 max(0, n - 8)): 144.0/s at 9 users, which is 90 %, and less from 10 on.
    model = Model(slots=64, service=constant(0.05), per_queued=0.25, queued_above=8)
    visits, outcome = simulate(find_ceiling(SearchSettings(slots_hint=8)), model, seed)
    collapse = judge(visits, outcome, 0.0).collapse_users
    assert collapse.value == 10.0
