"""Carries out orders as the load side does, against a simulated server."""

from __future__ import annotations

import dataclasses

import numpy as np

from floodmark.search.order import Order, Search
from floodmark.verdict.enums import Phase
from floodmark.verdict.from_window import visit_from_window
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.visit import Visit
from simulator.model import Model
from simulator.server import Server

CHECK_EVERY_S = 0.2
SPREAD_MIN_S, SPREAD_MAX_S, USERS_PER_S = 0.05, 2.0, 500
DRAIN_S = 1.0
POLL_S = 0.02


class Simulator:
    """Runs the model through one visit after the other; its clock never goes back.

    spread_most_s: new users begin within the load side's spread, and no more than this.
    """

    def __init__(self, model: Model, seed: int, spread_most_s: float = SPREAD_MAX_S) -> None:
        self.model = model
        self.now = 0.0
        self.users = 0
        self.thinking = False
        self.server = Server(model, np.random.default_rng(seed))
        self._spread_most_s = spread_most_s
        self._visit = 0
        self._r0_ms: float | None = None
        self._before: Order | None = None
        self._window_end = 0.0

    def carry_out(self, order: Order) -> Visit:
        """Visit a level and measure it, as the load side would."""
        self._visit += 1
        self.server.timeout_s = order.timeout_s
        if self.model.slots_at is not None:
            self.server.resize(self.model.slots_at(self.now), self.now)
        visit = self._closed(order) if order.rate_rps is None else self._open(order, order.rate_rps)
        self._before = order
        return visit

    def _closed(self, order: Order) -> Visit:
        self.server.close()
        if self.thinking != order.think and self.model.think.mean_s:
            self.populate(0)
        self.populate(order.users, think=order.think)
        self.run(order.settle_s)
        start = self.now
        self.server.tape.forget(start)
        seconds = min(order.span.min_s, order.most_s)
        while True:
            self.run(start + seconds - self.now)
            visit = self._measure(order, start)
            if order.complete(visit):
                break
            seconds = min(order.most_s, seconds + CHECK_EVERY_S)
        if order.phase is Phase.BASE and visit.r_mean_ms is not None:
            self._r0_ms = min(self._r0_ms or visit.r_mean_ms, visit.r_mean_ms)
        return self._witnessed(visit)

    def _measure(self, order: Order, start: float) -> Visit:
        window = self.server.tape.window(start, self.now, self.server.queued, generator_cpu=self.model.generator_cpu)
        return visit_from_window(window, number=self._visit, phase=order.phase, users=order.users, r0_ms=self._r0_ms)

    def _witnessed(self, visit: Visit) -> Visit:
        """With what the sampler would add: the pace of the CPU, and the CPU that the target used."""
        if not self.model.witness:
            return visit
        pace = self.server.pace(visit.t_start_s, visit.t_end_s)
        busy = visit.counted_rps * self.model.service.mean_s if visit.counted_rps else 0.0
        cpu = self.model.cpu_share * min(busy / pace, float(self.model.slots))
        return dataclasses.replace(
            visit, pace=pace, cpu_cores=cpu, cpu_limit_cores=float(self.model.slots), app_inflight_mean=busy
        )

    def _open(self, order: Order, rate_rps: float) -> Visit:
        tape = self.server.tape
        if order.continues(self._before):
            start = self._window_end
        else:
            self.populate(0)
            self.server.close()
            tape.forget(self.now)
            self.server.open(rate_rps, order.users, self.now)
            self.run(order.settle_s)
            start = self.now
        end = self._window_end = start + order.most_s
        self.run(end + DRAIN_S - self.now)
        waiting = self.server.queued
        due = tape.due(start, end, self.now, order.users, waiting)
        window = tape.window(start, end, waiting, generator_cpu=self.model.generator_cpu, due=due)
        return visit_from_window(
            window,
            number=self._visit,
            phase=order.phase,
            users=order.users,
            r0_ms=self._r0_ms,
            open_model=True,
            slo_ms=order.slo_ms,
        )

    def populate(self, users: int, *, think: bool = False) -> None:
        """Bring the users to a number. Returns when those that go have had their last answer, and all others run."""
        if self.model.dies_at is not None and users >= self.model.dies_at:
            self.server.dead_at = min(self.now, self.server.dead_at)
        more = users - self.users
        spread_s = min(self._spread_most_s, max(SPREAD_MIN_S, users / USERS_PER_S)) if more > 0 else 0.0
        self.server.add(max(0, more), self.now, spread_s, think=think)
        self.thinking = think
        self.users = users
        if more < 0:
            self.server.dismiss(-more)
            while self.server.leaving or self.server.awaited(self.now) > users:
                self.run(POLL_S)
        self.run(spread_s)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.server.run(self.now)


def simulate(search: Search, model: Model, seed: int = 1) -> tuple[list[Visit], Outcome]:
    """Run a whole search against a model."""
    simulator = Simulator(model, seed)
    visits: list[Visit] = []
    order = next(search)
    while True:
        visit = simulator.carry_out(order)
        visits.append(visit)
        try:
            order = search.send(visit)
        except StopIteration as stop:
            return visits, stop.value
