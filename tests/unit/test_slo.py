"""The SLO rate: from trials to an estimate, and from windows to a confirmation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.search.order import Order
from floodmark.search.settings import Span
from floodmark.stats.tail import MISSES, Trial, first_guess, sustainable
from floodmark.verdict.enums import Generator, Model, Phase
from floodmark.verdict.slo import PIECES, confirmations, hopeless, judge_slo, kept
from floodmark.verdict.visit import Visit
from tests.support.visits import visit

CEILING, LIMIT_S = 160.0, 0.25
SLOPE = 0.6 * 2 * LIMIT_S * CEILING
TRUTH = 0.9


def on_the_line(rho: float, arrivals: int = 100_000) -> Trial:
    """A trial of a queue that misses 1 % at 0.9 of its ceiling."""
    share = MISSES * math.exp(SLOPE * (rho - TRUTH))
    return Trial(rho * CEILING, arrivals, round(share * arrivals))


def window(misses: int, start_s: float = 0.0, **fields: Any) -> Visit:
    """Ten seconds of a thousand arrivals, so many of them late."""
    opened = {"model": Model.OPEN, "rate_intended_rps": 100.0, "slo_ms": 250.0, "slo_misses": misses}
    placed = {"phase": Phase.CONFIRM, "start_s": start_s, "seconds": 10.0, "half_width": None}
    return visit(users=300, rate=100.0, **{**opened, **placed, **fields})


def run(misses: Sequence[int], start_s: float = 0.0, **fields: Any) -> list[Visit]:
    return [window(m, start_s + 10 * i, **fields) for i, m in enumerate(misses)]


def test_trials_on_the_line_give_its_rate() -> None:
    found = sustainable([on_the_line(rho) for rho in (0.86, 0.93, 0.88, 0.92, 0.9)], CEILING, LIMIT_S)
    assert found.value == pytest.approx(TRUTH * CEILING, rel=0.003)
    assert found.lo <= TRUTH * CEILING * 1.003
    assert found.hi >= TRUTH * CEILING * 0.997


def test_one_trial_that_a_burst_spoilt_does_not_move_the_estimate_far() -> None:
    trials = [on_the_line(rho) for rho in (0.86, 0.93, 0.88, 0.92)]
    spoilt = Trial(0.87 * CEILING, 2000, 600)
    assert sustainable([*trials, spoilt], CEILING, LIMIT_S).value == pytest.approx(TRUTH * CEILING, rel=0.04)


@given(st.lists(st.tuples(st.floats(1, 200), st.integers(1, 5000), st.floats(0, 1)), min_size=1, max_size=8))
def test_any_trials_give_a_finite_rate_within_bounds(rows: list[tuple[float, int, float]]) -> None:
    found = sustainable([Trial(r, n, round(share * n)) for r, n, share in rows], CEILING, LIMIT_S)
    assert 0 <= found.lo <= found.value <= found.hi <= 1.05 * CEILING * 1.000001


@given(st.floats(0.5, 1e5), st.floats(0.001, 100))
def test_the_first_guess_lies_below_the_ceiling(ceiling: float, limit_s: float) -> None:
    assert 0.3 * ceiling <= first_guess(ceiling, limit_s) <= 0.97 * ceiling


@pytest.mark.parametrize(
    ("misses", "holds"),
    [
        ([0, 0, 0, 0, 0], True),
        ([5, 4, 6, 5, 5], True),
        ([10, 10, 10, 10, 10], False),  # 1 % was seen, so in the long run it may be more
        ([9, 9, 9, 9, 9], False),  # as 45 of 5000 may be
        ([0, 0, 0, 0, 30], False),  # misses come in clumps: few in most windows prove little
        ([900, 5, 5, 5, 5], False),
        ([900, 5, 5, 5, 100], False),
        ([0, 0, 0, 0], False),  # cut short
    ],
)
def test_a_run_is_kept_if_in_the_long_run_at_most_one_per_cent_miss(misses: list[int], holds: bool) -> None:
    assert kept(run(misses), 0.01, 1) == holds


def test_errors_beyond_their_share_are_not_kept_even_when_few_arrivals_miss() -> None:
    assert not kept(run([5] * PIECES, errors=5), 0.001, 1)
    assert kept(run([5] * PIECES, errors=5), 0.01, 1)


def test_nothing_a_limited_generator_did_is_kept() -> None:
    assert not kept(run([0] * PIECES, gen_verdict=Generator.LIMITED), 0.01, 1)


@given(st.lists(st.integers(0, 60), min_size=PIECES, max_size=PIECES))
def test_only_what_cannot_be_kept_is_hopeless(misses: list[int]) -> None:
    visits = run(misses)
    if any(hopeless(visits[:n]) for n in range(PIECES)):
        assert not kept(visits, 0.01, 1)


def test_windows_of_one_run_follow_each_other_without_a_gap() -> None:
    first, second = run([50, 50]), run([1] * PIECES, start_s=30)
    assert confirmations([*first, *second]) == [first, second]


def test_the_last_confirmed_rate_is_published() -> None:
    trials = [window(m, phase=Phase.SLO, rate_intended_rps=r) for r, m in ((98, 5), (104, 20), (100, 9), (103, 13))]
    visits = [*trials, *run([50, 50]), *run([5] * PIECES, start_s=30, rate_intended_rps=97.0)]
    rate = judge_slo(visits, 110.0, 0.01)["slo_rate_rps"]
    assert rate.value == pytest.approx(97.0)
    assert rate.lo is not None
    assert rate.hi is not None
    assert rate.lo <= 97.0 <= rate.hi
    assert "attempt 2" in rate.method


def test_without_a_confirmation_there_is_no_number() -> None:
    trials = [window(5, phase=Phase.SLO)]
    point = judge_slo([*trials, *run([50, 50]), *run([40, 40], start_s=30)], 110.0, 0.01)["slo_rate_rps"]
    assert (point.value, point.valid) == (None, False)
    assert "none of 2 rates" in point.reason
    assert judge_slo(trials, None, 0.01)["slo_rate_rps"].value is None


def test_only_the_same_rate_without_settling_goes_on() -> None:
    def order(rate: float | None, settle_s: float, users: int = 300) -> Order:
        return Order(
            phase=Phase.CONFIRM,
            users=users,
            think=True,
            settle_s=settle_s,
            span=Span.fixed(12),
            most_s=12,
            rate_rps=rate,
        )

    assert order(100.0, 0.0).continues(order(100.0, 4.0))
    assert not order(100.0, 0.0).continues(None)
    assert not order(100.0, 2.0).continues(order(100.0, 4.0))
    assert not order(97.0, 0.0).continues(order(100.0, 4.0))
    assert not order(100.0, 0.0, users=200).continues(order(100.0, 4.0))
    assert not order(None, 0.0).continues(order(None, 4.0))
