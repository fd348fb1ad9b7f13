"""How often the search is wrong, on simulated servers under noise; and that it never makes up a number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache

import pytest

from benchmarks.strategies.finding import Finding
from benchmarks.strategies.ours import ours
from benchmarks.strategies.scenario import BY_NAME, Scenario
from floodmark.search.find import find_ceiling
from floodmark.search.order import Order
from floodmark.search.settings import SearchSettings, SloSettings, Span
from floodmark.verdict.enums import End, Generator, Phase
from floodmark.verdict.outcome import judge_visits
from floodmark.verdict.saturation import Saturation, judge
from floodmark.verdict.slo import judge_slo
from simulator import DEFAULT, QUIET, Model, Noise, Simulator, constant, exponential, lognormal, simulate

SEEDS = range(1, 9)
FEW_SEEDS = range(1, 4)
"""For what takes longest to simulate: 1600 requests a second."""

SWEEP_S = 600
"""What 20 levels of 30 s take."""

SCENARIOS = list(BY_NAME.values())


@cache
def findings(name: str) -> Sequence[Finding]:
    return [ours(BY_NAME[name], DEFAULT, seed) for seed in (FEW_SEEDS if name == "H" else SEEDS)]


def errors(name: str) -> list[float]:
    scenario = BY_NAME[name]
    return [f.ceiling_rps / scenario.ceiling_rps - 1 for f in findings(name) if f.ceiling_rps is not None]


def knee_errors(name: str) -> list[float]:
    return [f.knee_users / BY_NAME[name].knee_users - 1 for f in findings(name) if f.knee_users is not None]


def rms(values: Sequence[float]) -> float:
    return math.sqrt(sum(v * v for v in values) / len(values))


def verdict(model: Model, settings: SearchSettings | None = None, seed: int = 1) -> Saturation:
    settings = settings or SearchSettings(slots_hint=model.slots, think_time_s=model.think.mean_s)
    visits, outcome = simulate(find_ceiling(settings), model, seed)
    return judge(visits, judge_visits(outcome, visits), settings.think_time_s)


def slack(runs: int) -> float:
    """How far above the truth the root mean square of ``runs`` normal errors may lie once in a hundred times."""
    return 1 + 2.33 / math.sqrt(2 * runs)


def test_the_law_does_not_depend_on_the_service_distribution() -> None:
    # K5: without think time X = min(n, c) / E[s] for any distribution.
    model = Model(slots=4, service=exponential(0.05))
    ceilings = [verdict(model, seed=seed).ceiling_rps.value for seed in range(20)]
    found = [ceiling / 80 - 1 for ceiling in ceilings if isinstance(ceiling, float)]
    assert len(found) == len(ceilings)
    assert abs(sum(found) / len(found)) < 0.02
    assert rms(found) < 0.04


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_ceiling_is_near_the_truth(scenario: Scenario) -> None:
    found = errors(scenario.name)
    assert len(found) >= 0.7 * len(findings(scenario.name))
    assert rms(found) <= (0.04 if scenario.tolerant else 0.025) * slack(len(found))
    # The mean of so few errors is itself uncertain by their root mean square over the root of their number.
    assert abs(sum(found) / len(found)) <= 0.02 + 2 * rms(found) / math.sqrt(len(found))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_knee_is_near_the_truth(scenario: Scenario) -> None:
    found = knee_errors(scenario.name)
    assert len(found) >= 0.7 * len(findings(scenario.name))
    assert rms(found) <= (0.05 if scenario.tolerant else 0.03) * slack(len(found))
    assert max(map(abs, found)) <= 0.25


@pytest.mark.parametrize(("tolerant", "share"), [(False, 0.05), (True, 0.15)])
def test_few_runs_are_off_by_more_than_five_per_cent(tolerant: bool, share: float) -> None:
    found = [error for s in SCENARIOS if s.tolerant is tolerant for error in errors(s.name)]
    # Two standard errors of a share of so many runs.
    most = share + 2 * math.sqrt(share * (1 - share) / len(found))
    assert sum(abs(error) > 0.05 for error in found) <= most * len(found)


def test_bias_is_within_two_per_cent() -> None:
    every = [error for s in SCENARIOS for error in errors(s.name)]
    assert abs(sum(every) / len(every)) <= 0.02


def test_the_verdict_on_collapse_is_right() -> None:
    judged = [(f.collapses, s.collapses) for s in SCENARIOS for f in findings(s.name) if f.ceiling_rps is not None]
    assert sum(said is not true for said, true in judged) <= 0.02 * len(judged) + 2


def test_almost_every_search_comes_to_a_number() -> None:
    every = [f for s in SCENARIOS for f in findings(s.name)]
    assert sum(f.ceiling_rps is None for f in every) <= 0.08 * len(every)


def test_it_takes_a_third_of_the_time_of_a_sweep() -> None:
    seconds = [f.seconds for s in SCENARIOS for f in findings(s.name)]
    assert sum(seconds) / len(seconds) <= SWEEP_S / 3
    assert max(seconds) <= 250


def test_the_interval_covers_the_truth_on_a_quiet_machine() -> None:
    runs = [(s, ours(s, QUIET, seed)) for s in SCENARIOS for seed in range(1, 3 if s.name == "H" else 7)]
    held = [f.lo <= s.ceiling_rps <= f.hi for s, f in runs if f.lo is not None and f.hi is not None]
    assert sum(held) >= 0.9 * len(held)


def test_the_truth_of_the_collapsing_scenarios() -> None:
    for name in ("E", "J"):
        scenario = BY_NAME[name]
        rates = []
        for users in (scenario.best_users or 0, scenario.most_users):
            visit = Simulator(scenario.model, 1).carry_out(
                Order(phase=Phase.HOLD, users=users, think=True, settle_s=20, span=Span.fixed(400), most_s=400)
            )
            rates.append(visit.goodput_rps)
        assert rates[0] == pytest.approx(scenario.ceiling_rps, rel=0.015)
        assert rates[1] < 0.9 * rates[0]


# Honesty: a word and a reason, never a number that looks valid.


def no_number(found: Saturation) -> None:
    assert found.end is not End.FOUND
    assert not found.confirmed
    assert found.reason
    for point in (found.ceiling_rps, found.knee_users, found.knee_inflight, found.n95_users):
        assert not point.valid
        assert point.reason
        assert point.hi is None


NOISES = pytest.mark.parametrize("noise", [None, DEFAULT], ids=["calm", "noisy"])


@NOISES
def test_one_that_never_saturates(noise: Noise | None) -> None:
    found = verdict(Model(slots=10_000, service=exponential(0.05), noise=noise), SearchSettings(max_users=100))
    assert found.end is End.MAX_USERS
    no_number(found)
    assert found.ceiling_rps.lo is not None


@NOISES
@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_one_that_dies_at_16_users(seed: int, noise: Noise | None) -> None:
    # Its 64 slots invite more users at once than it lives to see: only the first one was answered.
    found = verdict(Model(slots=64, service=exponential(0.05), dies_at=16, noise=noise), seed=seed)
    assert found.end is End.DIED
    no_number(found)
    assert found.ceiling_rps.value is None


@NOISES
@pytest.mark.parametrize("at_s", [3.0, 30.0, 60.0])
def test_one_that_dies_in_the_middle_of_the_search(at_s: float, noise: Noise | None) -> None:
    found = verdict(Model(slots=8, service=exponential(0.05), dies_at_s=at_s, noise=noise))
    assert found.end is End.DIED
    no_number(found)


@NOISES
@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_one_that_dies_beyond_its_ceiling(seed: int, noise: Noise | None) -> None:
    found = verdict(Model(slots=8, service=constant(0.05), dies_at=30, noise=noise), seed=seed)
    assert found.end is End.DIED
    no_number(found)
    assert found.reason.startswith("the target failed")


@NOISES
def test_one_that_answers_with_errors_only(noise: Noise | None) -> None:
    found = verdict(Model(slots=4, service=constant(0.05), fails_above=0, noise=noise))
    assert found.end is End.ALL_ERRORS
    no_number(found)
    assert found.ceiling_rps.value is None


def test_a_slow_leak() -> None:
    # 1 % slower per 100 requests: at 80/s, half the speed after two minutes.
    model = Model(slots=4, service=constant(0.05), per_served=0.0001)
    for seed in SEEDS:
        no_number(verdict(model, seed=seed))


@NOISES
def test_a_warm_up_that_never_ends(noise: Noise | None) -> None:
    found = verdict(Model(slots=4, service=constant(0.05), speed=lambda t: 1 + t / 30, noise=noise))
    assert found.end is End.NOT_STEADY
    no_number(found)


@NOISES
def test_one_user_only(noise: Noise | None) -> None:
    model = Model(slots=4, service=constant(0.05), noise=noise)
    found = verdict(model, SearchSettings(slots_hint=4, max_users=1))
    assert found.end is End.MAX_USERS
    no_number(found)


@NOISES
@pytest.mark.parametrize("seed", SEEDS)
def test_a_budget_of_one_s_own_that_is_too_short_for_a_slow_target_says_so(seed: int, noise: Noise | None) -> None:
    settings = SearchSettings(slots_hint=1, time_budget_s=40, stretches=False)
    found = verdict(Model(slots=1, service=constant(2.0), noise=noise), settings, seed=seed)
    assert found.end is End.TIMED_OUT
    assert re.search(r"takes about 2\d0 s: leave out \[search\] time_budget_s", found.reason)
    no_number(found)


@NOISES
def test_a_ceiling_above_the_generator(noise: Noise | None) -> None:
    model = Model(slots=64, service=constant(0.01), generator_cpu=0.001, noise=noise)
    found = verdict(model)
    assert found.end is End.GENERATOR_LIMITED
    assert found.generator.value is Generator.LIMITED
    no_number(found)


SLOS = {
    # 1 % of the arrivals of an M/D/4 queue wait longer than 100 ms at 0.76 of its ceiling; and so on, by long
    # simulations without noise (benchmarks/strategies does not need them).
    "A": (Model(slots=4, service=constant(0.05), noise=QUIET), 150.0, 0.762 * 80),
    "B": (Model(slots=2, service=lognormal(0.005, 0.5), noise=QUIET), 50.0, 0.853 * 400),
    "8": (Model(slots=8, service=constant(0.05), noise=QUIET), 250.0, 0.931 * 160),
    "8 noisy": (Model(slots=8, service=constant(0.05), noise=DEFAULT), 250.0, 0.931 * 160),
}


@pytest.mark.parametrize("name", SLOS)
def test_the_slo_rate_is_near_the_truth_and_confirmed(name: str) -> None:
    model, limit_ms, truth = SLOS[name]
    settings = SearchSettings(slots_hint=model.slots, slo=SloSettings(latency_ms=limit_ms))
    found = []
    for seed in FEW_SEEDS:
        visits, outcome = simulate(find_ceiling(settings), model, seed)
        assert outcome.end is End.FOUND
        ceiling = judge(visits, outcome, 0.0).ceiling_rps.value
        assert isinstance(ceiling, float)
        rate = judge_slo(visits, ceiling, 0.01)["slo_rate_rps"]
        assert isinstance(rate.value, float), rate.reason
        found.append(rate.value / truth - 1)
    assert rms(found) <= 0.08 * slack(len(found))


def test_an_slo_that_the_uncontended_server_misses_has_no_rate() -> None:
    settings = SearchSettings(slots_hint=4, slo=SloSettings(latency_ms=40.0))
    model = Model(slots=4, service=constant(0.05))
    visits, outcome = simulate(find_ceiling(settings), model)
    verdict_ = judge_slo(visits, 80.0, 0.01)["slo_rate_rps"]
    assert outcome.end is End.FOUND
    assert (verdict_.value, verdict_.valid) == (None, False)
    assert "kept it" in verdict_.reason
