"""Judgements, on made-up visits."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from floodmark.results.metrics import rows
from floodmark.stats.histogram import Histogram
from floodmark.stats.window import ErrorKind
from floodmark.verdict.enums import End, Generator, Phase
from floodmark.verdict.from_window import visit_from_window
from floodmark.verdict.generator import GeneratorGauges, judge
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.saturation import judge as judge_search
from tests.support.visits import visit, window

FOUND = [
    visit(Phase.BASE, 1, 20),
    visit(Phase.BRACKET, 2, 40),
    visit(Phase.BRACKET, 4, 80),
    visit(Phase.BRACKET, 8, 80, 100),
    visit(Phase.PLACE, 3, 60),
    visit(Phase.HOLD, 8, 80, 100),
    visit(Phase.HOLD, 8, 79, 100),
    visit(Phase.HOLD, 8, 81, 100),
    visit(Phase.VERIFY, 16, 79, 200),
    visit(Phase.RECOVERY, 2, 40, 50),
]


def test_a_found_ceiling_with_everything_that_follows_from_it() -> None:
    verdict = judge_search(FOUND, Outcome(end=End.FOUND, reason="", hold_users=8), 0.0)
    assert verdict.confirmed
    assert verdict.ceiling_rps.value == 80
    assert verdict.ceiling_rps.lo is not None
    assert verdict.ceiling_rps.hi is not None
    assert verdict.ceiling_rps.n_visits == 3
    assert verdict.knee_inflight.value == pytest.approx(4)
    assert verdict.knee_users.value == pytest.approx(4)
    assert verdict.n95_users.value == pytest.approx(3.8)
    assert verdict.overload_kept.value == pytest.approx(79 / 80)
    assert verdict.collapse_users.value == "none_to_16"
    assert verdict.generator.value is Generator.OK
    assert verdict.metastable is False


def test_think_time_moves_the_knee_in_users_only() -> None:
    verdict = judge_search(FOUND, Outcome(end=End.FOUND, reason="", hold_users=8), 1.0)
    assert verdict.knee_users.value == pytest.approx(84)
    assert verdict.knee_inflight.value == pytest.approx(4)


def test_the_ceiling_is_never_the_best_visit() -> None:
    lucky = [*FOUND, visit(Phase.HOLD, 8, 120, 66)]
    verdict = judge_search(lucky, Outcome(end=End.FOUND, reason="", hold_users=8), 0.0)
    assert isinstance(verdict.ceiling_rps.value, float)
    assert verdict.ceiling_rps.value < 82


def test_cpu_per_request_rests_on_the_visits_of_the_ceiling() -> None:
    visits = [
        visit(Phase.HOLD, 4, 80, cpu_ms_per_request=20.0),
        visit(Phase.HOLD, 8, 80, cpu_ms_per_request=10.0),
        visit(Phase.HOLD, 8, 80, cpu_ms_per_request=11.0),
        visit(Phase.HOLD, 8, 80, cpu_ms_per_request=12.0),
        visit(Phase.HOLD, 16, 80, cpu_ms_per_request=30.0),
        visit(Phase.HOLD, 8, 40, cpu_ms_per_request=40.0, valid=False),
    ]
    found = rows("run", judge_search(visits, Outcome(end=End.FOUND, reason="", hold_users=8), 0.0), visits, None)
    (cpu,) = [row for row in found if row.metric == "cpu_ms_per_request"]
    assert (cpu.value, cpu.n_visits) == (11.0, 3)
    without = rows("run", judge_search(visits[:4], Outcome(end=End.INTERRUPTED, reason=""), 0.0), visits[:4], None)
    assert [(row.value, row.valid) for row in without if row.metric == "cpu_ms_per_request"] == [(11.0, False)]
    unsampled = [visit(Phase.HOLD, 8, 80)]
    for visits, reason in ((unsampled, "the target's processes were not sampled"), ([], "no level was held")):
        found = rows("run", judge_search(visits, Outcome(end=End.NOT_STEADY, reason=""), 0.0), visits, None)
        assert [row.reason for row in found if row.metric == "cpu_ms_per_request"] == [reason]


def test_void_visits_carry_nothing() -> None:
    void = [dataclasses.replace(s, valid=False, reason="x") if s.phase is Phase.HOLD else s for s in FOUND]
    verdict = judge_search(void, Outcome(end=End.FOUND, reason="", hold_users=8), 0.0)
    assert verdict.ceiling_rps.value is None
    assert not verdict.confirmed


@pytest.mark.parametrize("end", [End.MAX_USERS, End.TIMED_OUT, End.GENERATOR_LIMITED])
def test_a_search_that_was_cut_off_gives_a_lower_bound_at_most(end: End) -> None:
    verdict = judge_search(FOUND, Outcome(end=end, reason="", hold_users=8), 0.0)
    assert not verdict.confirmed
    assert verdict.ceiling_rps.lo is not None
    assert verdict.ceiling_rps.hi is None
    assert not verdict.ceiling_rps.valid
    assert verdict.ceiling_rps.reason


@pytest.mark.parametrize("end", [End.ALL_ERRORS, End.DIED, End.NOT_STEADY, End.FAILED, End.MISCOUNTED])
def test_other_ends_give_no_number(end: End) -> None:
    verdict = judge_search(FOUND, Outcome(end=end, reason="because", hold_users=8), 0.0)
    for point in (verdict.ceiling_rps, verdict.knee_users, verdict.knee_inflight, verdict.n95_users):
        assert (point.value, point.lo, point.hi, point.valid) == (None, None, None, False)
        assert "because" in point.reason


@pytest.mark.parametrize("end", End)
def test_no_visit_at_all_gives_no_number(end: End) -> None:
    verdict = judge_search([], Outcome(end=end, reason=""), 0.0)
    assert not verdict.confirmed
    assert verdict.ceiling_rps.lo is None


def test_one_low_visit_beyond_is_not_a_collapse_and_two_are() -> None:
    one = [s if s.phase is not Phase.VERIFY else visit(Phase.VERIFY, 16, 40, 400) for s in FOUND]
    assert judge_search(one, Outcome(end=End.FOUND, reason="", hold_users=8), 0.0).collapse_users.value == "none_to_16"
    two = [*one, visit(Phase.VERIFY, 16, 42, 400)]
    verdict = judge_search(two, Outcome(end=End.FOUND, reason="", hold_users=8), 0.0)
    assert verdict.collapse_users.value == 16
    assert verdict.overload_kept.value == pytest.approx(41 / 80)


def test_a_target_that_stays_slow_after_overload_is_metastable() -> None:
    slow = [*FOUND[:-1], visit(Phase.RECOVERY, 2, 10, 200)]
    assert judge_search(slow, Outcome(end=End.FOUND, reason="", hold_users=8), 0.0).metastable is True


GAUGES = GeneratorGauges(cpu_max=0.1, loop_lag_p99_ms=1.0, r0_ms=50.0, little_gap=0.001, law_gap=0.001)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, Generator.OK),
        ({"cpu_max": 0.7}, Generator.SUSPECT),
        ({"cpu_max": 0.9}, Generator.LIMITED),
        ({"loop_lag_p99_ms": 2.4}, Generator.OK),
        ({"loop_lag_p99_ms": 4.0}, Generator.SUSPECT),
        ({"loop_lag_p99_ms": 3.9, "stamped": True}, Generator.OK),
        ({"loop_lag_p99_ms": 4.1, "stamped": True}, Generator.SUSPECT),
        ({"little_gap": 0.03}, Generator.SUSPECT),
        ({"law_gap": 0.10, "cpu_max": 0.7}, Generator.LIMITED),
        ({"little_gap": 0.30, "flight_ms": 0.3}, Generator.OK),
        ({"little_gap": 0.30, "flight_ms": 3.0}, Generator.SUSPECT),
        ({"little_gap": 0.30, "flight_ms": 0.3, "cpu_max": 0.7}, Generator.LIMITED),
        # An idle generator that stood still for longer than the queue lasted, and one that did not.
        ({"law_gap": 0.10, "cycle_ms": 100.0, "waiting_ms": 50.0, "stall_ms": 400.0}, Generator.LIMITED),
        ({"law_gap": 0.10, "cycle_ms": 100.0, "waiting_ms": 50.0, "stall_ms": 20.0}, Generator.SUSPECT),
        ({"law_gap": 0.60, "cycle_ms": 100.0, "waiting_ms": 50.0, "stall_ms": 20.0}, Generator.LIMITED),
        ({"law_gap": 0.10, "cycle_ms": 50.0, "waiting_ms": 5.0, "stall_ms": 400.0}, Generator.SUSPECT),
        ({"cpu_max": 0.2, "demand_max": 0.85}, Generator.LIMITED),
        ({"cpu_max": 0.2, "demand_max": 0.5}, Generator.OK),
        ({"rate_share": 0.5}, Generator.OK),
        ({"rate_share": 0.7}, Generator.SUSPECT),
        ({"rate_share": 0.9}, Generator.LIMITED),
        ({"unsent_share": 0.01}, Generator.LIMITED),
        ({"sched_lag_p99_ms": 3.0}, Generator.SUSPECT),
        ({"law_gap": 0.10, "cpu_max": 0.1}, Generator.SUSPECT),
        ({"cpu_max": None, "loop_lag_p99_ms": None, "little_gap": None, "law_gap": None}, Generator.OK),
        ({"cpu_max": 0.9, "loop_lag_p99_ms": 9.0}, Generator.LIMITED),
    ],
)
def test_the_generator_s_worst_gauge_decides(change: dict[str, Any], word: Generator) -> None:
    found, why = judge(dataclasses.replace(GAUGES, **change))
    assert found is word
    assert bool(why) is (word is not Generator.OK)


def test_a_window_becomes_a_step() -> None:
    found = visit_from_window(window([16] * 50, 50.0), number=4, phase=Phase.HOLD, users=8, r0_ms=50.0)
    assert found.goodput_rps == pytest.approx(160)
    assert found.efficiency == pytest.approx(1.0)
    assert found.little_gap == pytest.approx(0.0)
    assert found.law_gap == pytest.approx(0.0)
    assert found.inflight_mean == pytest.approx(8)
    assert found.connections_opened == 3
    assert found.steady is True
    assert found.valid
    assert found.r_p99_ms is None  # 800 responses do not carry it


def test_users_that_sit_ready_but_unsent_break_the_law() -> None:
    found = visit_from_window(
        window([16] * 50, 25.0, cpu_cores={"local": 0.7}), number=1, phase=Phase.HOLD, users=8, r0_ms=25.0
    )
    assert found.law_gap == pytest.approx(0.5)
    assert found.gen_verdict is Generator.LIMITED
    assert not found.valid


def test_a_drifting_visit_counts_and_says_so_except_while_warming_up() -> None:
    drifting = window(list(range(10, 60)), 50.0, in_flight_s=None)
    held = visit_from_window(drifting, number=1, phase=Phase.HOLD, users=8)
    assert held.valid
    assert held.steady is False
    assert "drifted" in held.reason
    assert "drifted" not in visit_from_window(drifting, number=1, phase=Phase.WARM, users=8).reason


def test_a_visit_whose_count_and_response_times_cannot_be_of_the_same_requests_is_void() -> None:
    # None took longer than 25 ms, so no eight requests in flight can be 50 s old together.
    found = visit_from_window(window([16] * 50, 25.0, ages_after_s=50.0), number=1, phase=Phase.HOLD, users=8)
    assert not found.valid
    assert "do not fit together" in found.reason


def test_requests_that_timed_out_are_slower_than_all_others() -> None:
    some = window([20] * 50, 25.0, errors={ErrorKind.TIMEOUT: 60})
    found = visit_from_window(some, number=1, phase=Phase.OVERLOAD, users=8)
    assert found.r_p50_ms == pytest.approx(25, rel=0.03)
    assert found.r_p95_ms is None or found.r_p95_ms > 25  # 6 % have no time


def test_an_interrupted_search_keeps_its_best_answer_unconfirmed() -> None:
    held = judge_search(FOUND, Outcome(end=End.INTERRUPTED, reason="stopped", hold_users=None), 0.0)
    assert (held.ceiling_rps.value, held.ceiling_rps.valid, held.confirmed) == (80, False, False)
    assert held.ceiling_rps.hi is not None
    early = judge_search(FOUND[:2], Outcome(end=End.INTERRUPTED, reason="stopped", hold_users=None), 0.0)
    assert (early.ceiling_rps.value, early.ceiling_rps.hi) == (40, None)  # a bound: higher levels may give more
    nothing = judge_search([], Outcome(end=End.INTERRUPTED, reason="stopped", hold_users=None), 0.0)
    assert (nothing.ceiling_rps.value, nothing.ceiling_rps.lo) == (None, None)


def test_each_kind_of_error_has_its_own_column() -> None:
    errors = {kind: 10**number for number, kind in enumerate(ErrorKind)}
    found = visit_from_window(
        window([0] * 10, 1.0, errors=errors, in_flight_s=None), number=1, phase=Phase.BASE, users=1
    )
    assert (found.error_refused, found.error_timeout, found.error_reset, found.error_http, found.error_body) == (
        1,
        10,
        100,
        1000,
        10000,
    )
    assert found.errors == 11111
    assert found.good == 0
    assert found.r_mean_ms is None
    assert found.error_share == 1.0


@pytest.mark.parametrize(("settled", "steady"), [(1000, True), (900, False)])
def test_a_stall_does_not_unsettle_an_open_visit_whose_arrivals_were_all_answered(settled: int, steady: bool) -> None:
    answers = Histogram()
    for _ in range(settled):
        answers.add(20.0)
    stalled = window([0] * 20 + [15] * 10 + [5] * 170, 20.0, in_flight_s=None, offered=1000, sent=1000, settled=answers)
    assert visit_from_window(stalled, number=1, phase=Phase.STEP, users=100, open_model=True).steady == steady
    assert visit_from_window(stalled, number=1, phase=Phase.STEP, users=100).steady is False
