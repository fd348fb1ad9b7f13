"""Published figures against models whose values are exact."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from benchmarks.known_answers.formulas import mmcn_rate
from floodmark.stats.intervals import Interval
from floodmark.verdict.curve import users_at_share
from floodmark.verdict.enums import End, Model, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.saturation import Host, judge, on_another_day
from floodmark.verdict.slo import PIECES, judge_slo
from floodmark.verdict.visit import Visit
from tests.support.visits import visit

SLOTS, SERVICE_S, THINK_S = 8, 0.05, 1.0
CEILING = SLOTS / SERVICE_S


def thinkers(users: int) -> Visit:
    """A long visit to M/M/8//N: X and R are exact."""
    rate = mmcn_rate(users, SLOTS, SERVICE_S, THINK_S)
    r_ms = 1000 * (users / rate - THINK_S)
    return visit(Phase.PLACE, users, rate, r_ms, seconds=600.0, half_width=0.002, think_s=THINK_S)


def exact_n95() -> int:
    return next(n for n in range(1, 1000) if mmcn_rate(n, SLOTS, SERVICE_S, THINK_S) >= 0.95 * CEILING)


@pytest.mark.parametrize("apart", [2, 8, 20])
def test_n95_users_is_that_of_the_machine_repairman(apart: int) -> None:
    exact = exact_n95()
    levels = [thinkers(exact - apart), thinkers(exact + apart), thinkers(2 * exact)]
    knee = CEILING * (SERVICE_S + THINK_S)
    found = users_at_share(levels, Interval(CEILING, 0.995 * CEILING, 1.005 * CEILING), knee, THINK_S)
    assert isinstance(found.value, float)
    assert found.value == pytest.approx(exact, abs=1 + apart / 3)
    assert found.lo is not None
    assert found.hi is not None
    assert found.lo <= exact <= found.hi + 1


def test_n95_users_is_absent_where_no_level_nearby_was_visited() -> None:
    exact = exact_n95()
    far = [thinkers(exact // 2), thinkers(2 * exact)]
    knee = CEILING * (SERVICE_S + THINK_S)
    found = users_at_share(far, Interval(CEILING, 0.995 * CEILING, 1.005 * CEILING), knee, THINK_S)
    assert (found.value, found.valid) == (None, False)


SERVED_RPS, LIMIT_S, ARRIVALS = 100.0, 0.25, 20_000


def offered(rate_rps: float, phase: Phase, start_s: float) -> Visit:
    """A window of M/M/1: a response takes longer than t with probability exp(-(mu - lambda) t)."""
    share = math.exp(-(SERVED_RPS - rate_rps) * LIMIT_S)
    seconds = ARRIVALS / rate_rps
    return visit(
        phase,
        300,
        rate_rps,
        1000 / (SERVED_RPS - rate_rps),
        start_s=start_s,
        seconds=seconds,
        half_width=None,
        model=Model.OPEN,
        rate_intended_rps=rate_rps,
        slo_ms=1000 * LIMIT_S,
        slo_misses=round(share * ARRIVALS),
    )


def confirmed(rate_rps: float) -> Estimate:
    seconds = ARRIVALS / rate_rps
    trials = [offered(rate_rps * factor, Phase.SLO, 0.0) for factor in (0.97, 1.0, 1.01)]
    run = [offered(rate_rps, Phase.CONFIRM, 1000 + i * seconds) for i in range(PIECES)]
    return judge_slo([*trials, *run], SERVED_RPS, 0.01)["slo_rate_rps"]


def test_slo_rate_rps_is_published_up_to_the_exact_rate_and_not_beyond() -> None:
    exact = SERVED_RPS + math.log(0.01) / LIMIT_S  # 81.6/s: one in a hundred misses
    below = confirmed(exact - 1.5)
    assert below.value == pytest.approx(exact - 1.5, rel=0.001)
    assert below.lo is not None
    assert below.hi is not None
    assert below.lo <= exact - 1.5 <= below.hi
    assert confirmed(exact).value is None
    assert confirmed(exact + 1.5).value is None


def test_lo_and_hi_add_the_machine_s_days_to_the_run_s_own_half_width() -> None:
    run = Estimate(value=100.0, lo=98.0, hi=102.0)
    found = on_another_day(run, [], Host(sd=0.02))
    assert (found.lo_run, found.hi_run) == (98.0, 102.0)
    assert found.lo == pytest.approx(100 - math.hypot(2.0, 1.96 * 2.0), rel=1e-4)
    assert found.hi == pytest.approx(100 + math.hypot(2.0, 1.96 * 2.0), rel=1e-4)
    steady = on_another_day(run, [], Host(sd=0.0))
    assert (steady.lo, steady.hi) == (98.0, 102.0)


def test_a_pace_away_from_the_usual_one_widens_lo_and_hi_by_what_it_did() -> None:
    run = Estimate(value=100.0, lo=99.0, hi=101.0)
    full = visit(Phase.HOLD, 4, 100.0, pace=0.8, cpu_cores=1.0, cpu_limit_cores=1.0)
    found = on_another_day(run, [full], Host(sd=0.0, usual_pace=1.0))
    assert found.hi == pytest.approx(100 + math.hypot(1.0, 100 * math.log(1 / 0.8)), rel=1e-6)
    waiting = visit(Phase.HOLD, 4, 100.0, pace=0.8, cpu_cores=0.02, cpu_limit_cores=1.0, app_inflight_mean=4.0)
    assert on_another_day(run, [waiting], Host(sd=0.0)).hi == pytest.approx(101.0, abs=0.1)


def test_the_two_intervals_hold_what_their_names_say() -> None:
    rng = random.Random(1)
    in_run, another_day = [], []
    for _ in range(400):
        pace = math.exp(rng.gauss(0, 0.02))
        rates = [80 * pace * math.exp(rng.gauss(0, 0.01)) for _ in range(4)]
        holds = [visit(Phase.HOLD, 8, rate, half_width=0.02) for rate in rates]
        bases = [visit(Phase.BASE, 1, 20.0, 50.0)]
        found = judge([*bases, *holds], Outcome(end=End.FOUND, reason="", hold_users=8), 0.0, Host(sd=0.02)).ceiling_rps
        assert None not in (found.lo, found.hi, found.lo_run, found.hi_run)
        in_run.append((found.lo_run or 0.0) <= 80 * pace <= (found.hi_run or 0.0))
        another_day.append((found.lo or 0.0) <= 80 <= (found.hi or 0.0))
    assert statistics.fmean(in_run) >= 0.93
    assert 0.93 <= statistics.fmean(another_day) <= 0.995
