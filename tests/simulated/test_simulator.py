"""The simulator against the exact theory of queues."""

from __future__ import annotations

import math

import numpy as np
import pytest

from floodmark.search.order import Order
from floodmark.search.settings import Span
from floodmark.verdict.enums import Generator, Phase
from floodmark.verdict.visit import Visit
from simulator import (
    BAD_VM,
    DEFAULT,
    QUIET,
    Draw,
    Model,
    Noise,
    Simulator,
    constant,
    exponential,
    lognormal,
)
from simulator.noise import GRID_PER_S, Speed


def order(users: int, seconds: float, *, settle_s: float = 10.0, think: bool = True) -> Order:
    return Order(
        phase=Phase.HOLD, users=users, think=think, settle_s=settle_s, span=Span.fixed(seconds), most_s=seconds
    )


def arrivals(rate_rps: float, seconds: float, *, users: int = 4000, slo_ms: float | None = None) -> Order:
    return Order(
        phase=Phase.SLO,
        users=users,
        think=True,
        settle_s=10.0,
        span=Span.fixed(seconds),
        most_s=seconds,
        rate_rps=rate_rps,
        slo_ms=slo_ms,
    )


def closed_rps(users: int, slots: int, service_s: float, think_s: float) -> float:
    """Throughput of M/M/c//N: the machine-repairman model, p_n from its birth-death balance (Kleinrock I, 3.8)."""
    weights, weight = [1.0], 1.0
    for n in range(1, users + 1):
        weight *= (users - n + 1) / think_s * service_s / min(n, slots)
        weights.append(weight)
    return sum(w * min(n, slots) for n, w in enumerate(weights)) / sum(weights) / service_s


def erlang_c(slots: int, load: float) -> float:
    """P(wait) of M/M/c at an offered load in Erlang."""
    terms = [load**k / math.factorial(k) for k in range(slots)]
    last = load**slots / math.factorial(slots) * slots / (slots - load)
    return last / (sum(terms) + last)


@pytest.mark.parametrize(("users", "rate_rps"), [(100, 95.09), (168, 152.25), (300, 160.0)])
def test_the_closed_queue_gives_the_exact_throughput(users: int, rate_rps: float) -> None:
    # K4: 8 slots of 50 ms, 1 s think time, both exponential.
    assert closed_rps(users, 8, 0.05, 1.0) == pytest.approx(rate_rps, abs=0.01)
    visit = Simulator(Model(slots=8, service=exponential(0.05), think=exponential(1.0)), 1).carry_out(
        order(users, 1000)
    )
    assert visit.goodput_rps == pytest.approx(rate_rps, rel=0.01)
    # The interactive response time law, R = N / X - Z.
    assert visit.r_mean_ms is not None
    assert visit.r_mean_ms == pytest.approx(1000 * (users / closed_rps(users, 8, 0.05, 1.0) - 1), rel=0.05)


@pytest.mark.parametrize("users", [1, 40, 83, 84, 85, 200])
def test_constant_times_follow_the_asymptotes(users: int) -> None:
    visit = Simulator(Model(slots=4, service=constant(0.05), think=constant(1.0)), 1).carry_out(order(users, 100))
    assert visit.goodput_rps == pytest.approx(min(users / 1.05, 80), rel=0.011)


@pytest.mark.parametrize("service", [constant(0.05), exponential(0.05), lognormal(0.05, 1.5)])
@pytest.mark.parametrize("users", [2, 4, 9])
def test_without_think_time_only_the_mean_counts(service: Draw, users: int) -> None:
    # K5: X = min(n, c) / E[s].
    visit = Simulator(Model(slots=4, service=service), 1).carry_out(order(users, 1000))
    assert visit.goodput_rps == pytest.approx(min(users, 4) / 0.05, rel=0.02)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
def test_the_open_queue_waits_as_erlang_said(load: float) -> None:
    # P(W > t) = C(c, a) exp(-(c - a) t / s), mean wait C(c, a) s / (c - a).
    slots, service_s = 4, 0.05
    rate, waits = load * slots / service_s, erlang_c(slots, load * slots)
    visit = Simulator(Model(slots=slots, service=exponential(service_s)), 3).carry_out(
        arrivals(rate, 4000, slo_ms=300.0)
    )
    mean_ms = 1000 * (service_s + waits * service_s / (slots - load * slots))
    assert visit.r_mean_ms == pytest.approx(mean_ms, rel=0.06)
    # T = W + S: the exact tail of the sum of both.
    drain, serve = (slots - load * slots) / service_s, 1 / service_s
    late = (1 - waits) * math.exp(-0.3 * serve) + waits * (
        serve * math.exp(-0.3 * drain) - drain * math.exp(-0.3 * serve)
    ) / (serve - drain)
    assert visit.rate_intended_rps is not None
    assert visit.slo_misses is not None
    assert visit.slo_misses / (visit.rate_intended_rps * 4000) == pytest.approx(late, rel=0.15)
    assert visit.inflight_mean == pytest.approx(rate * mean_ms / 1000, rel=0.07)
    assert visit.not_sent == 0


def test_the_wait_for_a_constant_server_is_as_erlang_said() -> None:
    # M/D/1 at load 1/2: P(W <= t) = (1 - rho) exp(lambda t) up to one service time; here t = 5 ms.
    visit = Simulator(Model(slots=1, service=constant(0.01)), 1).carry_out(arrivals(50, 2000, slo_ms=15.0))
    assert visit.rate_intended_rps is not None
    assert visit.slo_misses is not None
    expected = 1 - 0.5 * math.exp(50 * 0.005)
    assert visit.slo_misses / (visit.rate_intended_rps * 2000) == pytest.approx(expected, abs=0.01)


def test_an_overloaded_open_queue_grows_by_what_it_cannot_serve() -> None:
    # 100/s offered to 80/s: after t s the next arrival waits for t (100 - 80) / 80 s.
    visit = Simulator(Model(slots=4, service=constant(0.05)), 1).carry_out(arrivals(100, 20, slo_ms=500.0))
    assert visit.goodput_rps == pytest.approx(80, rel=0.01)
    assert visit.rate_intended_rps == pytest.approx(100, rel=0.1)
    assert visit.slo_misses is not None
    # All: even the first of the window waits for more than 2 s.
    assert visit.slo_misses == pytest.approx(visit.rate_intended_rps * 20 if visit.rate_intended_rps else 0)


def test_arrivals_without_a_connection_wait_in_the_client() -> None:
    visit = Simulator(Model(slots=4, service=constant(0.05)), 1).carry_out(arrivals(100, 20, users=8))
    assert visit.inflight_mean == pytest.approx(8, rel=0.01)
    assert visit.not_sent is not None
    assert visit.not_sent > 0.2 * 2000
    assert visit.gen_verdict is Generator.LIMITED


def test_a_new_schedule_takes_the_place_of_the_old_one() -> None:
    simulator = Simulator(Model(slots=4, service=constant(0.05)), 1)
    simulator.carry_out(arrivals(200, 20, users=8))
    visit = simulator.carry_out(arrivals(20, 200, users=64, slo_ms=200.0))
    assert visit.goodput_rps == pytest.approx(20, rel=0.05)
    assert visit.slo_misses == 0
    closed = simulator.carry_out(order(4, 10, settle_s=2, think=False))
    assert closed.goodput_rps == pytest.approx(80, rel=0.01)


@pytest.mark.parametrize(("users", "rate_rps"), [(8, 160.0), (9, 144.0), (16, 106.7), (32, 91.4)])
def test_collapse_follows_its_law(users: int, rate_rps: float) -> None:
    # K9: s(n) = 50 ms (1 + .25 max(0, n - 8)).
    model = Model(slots=64, service=constant(0.05), per_queued=0.25, queued_above=8)
    visit = Simulator(model, 1).carry_out(order(users, 60))
    assert visit.goodput_rps == pytest.approx(rate_rps, rel=0.01)


@pytest.mark.parametrize("users", [6, 7, 10, 16])
def test_errors_above_a_number_in_flight_follow_their_law(users: int) -> None:
    # K8: G = 6 / 50 ms, error share (N - 6) / N.
    visit = Simulator(Model(slots=16, service=constant(0.05), fails_above=6), 1).carry_out(order(users, 60))
    assert visit.goodput_rps == pytest.approx(120, rel=0.01)
    assert visit.error_share == pytest.approx((users - 6) / users, abs=0.01)
    assert visit.error_http == visit.errors


def test_a_full_queue_refuses_and_refused_users_back_off() -> None:
    # 2 served, 3 waiting, 5 in back-off; 10 requests per 50 ms would be tried again without one.
    visit = Simulator(Model(slots=2, service=constant(0.05), backlog=3), 1).carry_out(order(10, 60))
    assert visit.goodput_rps == pytest.approx(40, rel=0.01)
    assert 0 < visit.error_refused == visit.errors
    assert visit.error_refused / 60 < 5 / 0.05
    assert visit.inflight_mean is not None
    assert visit.inflight_mean <= 5.001


def test_the_operational_laws_hold() -> None:
    simulator = Simulator(Model(slots=8, service=exponential(0.05), think=exponential(1.0)), 1)
    for users in (20, 168, 300, 40):
        visit = simulator.carry_out(order(users, 5, settle_s=3))
        assert visit.little_gap == pytest.approx(0, abs=1e-9)
        long = simulator.carry_out(order(users, 500, settle_s=3))
        assert long.law_gap == pytest.approx(0, abs=0.01)
        assert long.inflight_mean == pytest.approx(long.goodput_rps * (long.r_mean_ms or 0) / 1000, rel=0.01)


def test_fewer_users_are_reached_before_the_window() -> None:
    simulator = Simulator(Model(slots=4, service=constant(0.05)), 1)
    simulator.carry_out(order(100, 5, settle_s=1))
    visit = simulator.carry_out(order(2, 5, settle_s=0))
    assert visit.goodput_rps == pytest.approx(40, rel=0.01)
    assert visit.r_mean_ms == pytest.approx(50, rel=0.01)


def test_a_dead_server_refuses() -> None:
    simulator = Simulator(Model(slots=4, service=constant(0.05), dies_at_s=20.0), 1)
    assert simulator.carry_out(order(4, 5)).errors == 0
    dead = simulator.carry_out(order(4, 5))
    assert dead.good == 0
    assert dead.error_refused == dead.errors > 0


def test_a_leak_slows_each_service_a_little_more() -> None:
    # After n requests one takes s (1 + p n): t = s (n + p n^2 / 2) / c.
    visit = Simulator(Model(slots=1, service=constant(0.01), per_served=0.001), 1).carry_out(order(1, 60, settle_s=0))
    expected = (math.sqrt(1 + 2 * 0.001 * 60 / 0.01) - 1) / 0.001
    assert visit.good == pytest.approx(expected, rel=0.01)


def test_a_visit_ends_once_goodput_is_known() -> None:
    wanted = Order(
        phase=Phase.BRACKET, users=4, think=False, settle_s=1, span=Span(1.5, 60, 0, 0), most_s=60, half_width=0.05
    )
    visit = Simulator(Model(slots=4, service=exponential(0.05)), 1).carry_out(wanted)
    assert 1.5 <= visit.seconds < 60
    assert visit.half_width <= 0.05
    assert visit.seconds * 2 == pytest.approx(round(visit.seconds * 2))


def test_the_same_seed_gives_the_same_steps() -> None:
    def visits(seed: int) -> list[Visit]:
        simulator = Simulator(Model(slots=4, service=exponential(0.05), noise=DEFAULT), seed)
        return [simulator.carry_out(order(users, 5)) for users in (4, 9, 2)]

    assert visits(1) == visits(1)
    assert visits(1) != visits(2)


@pytest.mark.parametrize(("noise", "sd"), [(DEFAULT, 0.02), (QUIET, 0.005), (BAD_VM, 0.05)])
def test_drift_wanders_around_one(noise: Noise, sd: float) -> None:
    steady = Noise(drift_sd=noise.drift_sd, burst_every_s=math.inf, cold_share=0.0)
    speed = Speed(steady, None, np.random.default_rng(1))
    speed.cover(100_000)
    values = np.array(speed.grid)
    assert values.mean() == pytest.approx(1, abs=4 * sd * math.sqrt(2 * 60 / 100_000))
    assert values.std() == pytest.approx(sd, rel=0.1)
    # An exponential autocorrelation of 60 s.
    lagged = float(np.corrcoef(values[: -60 * GRID_PER_S], values[60 * GRID_PER_S :])[0, 1])
    assert lagged == pytest.approx(math.exp(-1), abs=0.1)


def test_bursts_take_their_share_of_time() -> None:
    speed = Speed(Noise(drift_sd=0.0, cold_share=0.0), None, np.random.default_rng(1))
    speed.cover(100_000)
    slow = np.array(speed.grid) < 1
    assert slow.mean() == pytest.approx(3 / 93, rel=0.15)
    assert 0.5 <= np.array(speed.grid)[slow].min() <= np.array(speed.grid)[slow].max() <= 0.85


def test_a_cold_start_fades() -> None:
    speed = Speed(Noise(drift_sd=0.0, burst_every_s=math.inf), None, np.random.default_rng(1))
    speed.cover(30)
    assert speed.grid[0] == pytest.approx(1 / 1.3)
    assert speed.grid[3 * GRID_PER_S] == pytest.approx(1 / (1 + 0.3 / math.e))
    assert speed.grid[30 * GRID_PER_S] == pytest.approx(1, abs=1e-4)
