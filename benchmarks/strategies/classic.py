"""What others do: one hold, sweeps, ramps and bisection. The sweeps are told the range, up to four times the knee."""

from __future__ import annotations

import numpy as np

from benchmarks.strategies.finding import Finding
from benchmarks.strategies.knee import normalised_difference_knee
from benchmarks.strategies.scenario import Scenario
from floodmark.search.order import Order
from floodmark.search.settings import Span
from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit
from simulator import Noise, Simulator

COLLAPSED = 0.9
LEVELS = 20


def oracle(scenario: Scenario, noise: Noise | None, seed: int) -> Finding:
    """S0: told the level to hold, holds it once for 60 s after 5 s."""
    simulator = _simulator(scenario, noise, seed)
    visit = _visit(simulator, scenario.hold_users, 5.0, 60.0)
    return Finding(seconds=simulator.now, ceiling_rps=visit.goodput_rps)


def linear(scenario: Scenario, noise: Noise | None, seed: int) -> Finding:
    """S1: 20 levels of 30 s, the first 5 s of each left out; the maximum, and the knee of the curve."""
    simulator = _simulator(scenario, noise, seed)
    curve = {users: _visit(simulator, users, 5.0, 25.0).goodput_rps for users in _levels(scenario)}
    return _of_curve(simulator.now, curve)


def ramp(scenario: Scenario, noise: Noise | None, seed: int) -> Finding:
    """S2: users rise evenly for 300 s; the highest 10 s moving mean."""
    simulator = _simulator(scenario, noise, seed)
    users = [max(1, round(scenario.most_users * second / 300)) for second in range(1, 301)]
    rates = [_visit(simulator, number, 0.0, 1.0).goodput_rps for number in users]
    means = np.convolve(rates, np.ones(10) / 10, mode="valid")
    middles = np.convolve(users, np.ones(10) / 10, mode="valid")
    return Finding(
        seconds=simulator.now,
        ceiling_rps=float(means.max()),
        knee_users=normalised_difference_knee(middles.tolist(), means.tolist()),
        collapses=bool(means[-1] < COLLAPSED * means.max()),
    )


def bisection(scenario: Scenario, noise: Noise | None, seed: int) -> Finding:
    """S4: trials of 10 s; doubles while a user gets 0.9 of what the first one got alone, then bisects."""
    simulator = _simulator(scenario, noise, seed)
    alone = _visit(simulator, 1, 0.0, 10.0).goodput_rps
    best, passed, users = alone, 1, 2
    while True:
        rate = _visit(simulator, users, 0.0, 10.0).goodput_rps
        best = max(best, rate)
        if rate < 0.9 * users * alone or users > 4 * scenario.most_users:
            break
        passed, users = users, 2 * users
    failed = users
    while failed - passed > max(1, 0.05 * passed):
        users = (passed + failed) // 2
        rate = _visit(simulator, users, 0.0, 10.0).goodput_rps
        best = max(best, rate)
        if rate < 0.9 * users * alone:
            failed = users
        else:
            passed = users
    return Finding(seconds=simulator.now, ceiling_rps=best, knee_users=passed, collapses=False)


def stable_windows(scenario: Scenario, noise: Noise | None, seed: int) -> Finding:
    """S5: 20 levels; of each the mean of the first three successive 5 s windows within 10 %, or of the last of ten."""
    simulator = _simulator(scenario, noise, seed)
    curve: dict[int, float] = {}
    for users in _levels(scenario):
        windows: list[float] = []
        while len(windows) < 10:
            windows.append(_visit(simulator, users, 0.0, 5.0).goodput_rps)
            last = windows[-3:]
            if len(last) == 3 and max(last) <= 1.1 * min(last):
                break
        curve[users] = sum(windows[-3:]) / 3
    return _of_curve(simulator.now, curve)


def _simulator(scenario: Scenario, noise: Noise | None, seed: int) -> Simulator:
    return Simulator(scenario.noisy(noise), seed, spread_most_s=0.0)


def _visit(simulator: Simulator, users: int, settle_s: float, seconds: float) -> Visit:
    return simulator.carry_out(
        Order(phase=Phase.STEP, users=users, think=True, settle_s=settle_s, span=Span.fixed(seconds), most_s=seconds)
    )


def _levels(scenario: Scenario) -> list[int]:
    return sorted({max(1, round(scenario.most_users * (i + 1) / LEVELS)) for i in range(LEVELS)})


def _of_curve(seconds: float, curve: dict[int, float]) -> Finding:
    rates = list(curve.values())
    return Finding(
        seconds=seconds,
        ceiling_rps=max(rates),
        knee_users=normalised_difference_knee(list(curve), rates),
        collapses=rates[-1] < COLLAPSED * max(rates),
    )
