"""A closed queueing system in virtual time: carries out a search's orders without any process or socket."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from floodmark.search.order import Order, Outcome, Search
from floodmark.stats.histogram import Histogram
from floodmark.stats.window import ErrorKind, Window
from floodmark.verdict.measure import measure
from floodmark.verdict.step import Step
from floodmark.verdict.words import Phase

Draw = Callable[[random.Random], float]

BIN_S = 0.1
REFUSED_PAUSE_S = 0.05


def constant(mean_s: float) -> Draw:
    return lambda _: mean_s


def exponential(mean_s: float) -> Draw:
    return lambda rng: rng.expovariate(1 / mean_s)


@dataclass(slots=True)
class Model:
    """What is simulated.

    slots: requests served at once. service, think: draws in s. backlog: waiting requests beyond which new
    ones are refused. speed: service speed at a time, 1 is nominal. per_queued: share by which each waiting
    request slows service down. fails_above: in-flight requests above which the answer is a 500. dies_at:
    users at which the server dies. generator_cpu: CPU of the generator per request, s.
    """

    slots: int
    service: Draw
    think: Draw = field(default_factory=lambda: constant(0.0))
    backlog: int | None = None
    speed: Callable[[float], float] = lambda _: 1.0
    per_queued: float = 0.0
    fails_above: int | None = None
    dies_at: int | None = None
    generator_cpu: float = 0.00002
    slots_at: Callable[[float], int] | None = None


class Simulator:
    """Runs the model through one visit after the other; its clock never goes back."""

    def __init__(self, model: Model, seed: int) -> None:
        self.model = model
        self.rng = random.Random(seed)
        self.now = 0.0
        self.users = 0
        self.thinking = False
        self._events: list[tuple[float, int, str, float]] = []
        self._sequence = count()
        self._waiting: deque[float] = deque()
        self._serving = 0
        self._surplus = 0
        self._dead = False
        self._visit = 0
        self._r0_ms: float | None = None
        self._open: _Sums | None = None

    def carry_out(self, order: Order) -> Step:
        """Visit a level and measure it, as the load side would."""
        self._visit += 1
        if self.thinking != order.think:
            self._populate(0)
        self.thinking = order.think
        self._populate(order.users)
        self._run_until(self.now + order.settle_s)
        start = self.now
        sums = self._open = _Sums(start)
        seconds = order.min_s
        while True:
            self._run_until(start + seconds)
            step = self._measure(order, sums, start)
            if seconds >= order.max_s or step.half_width <= order.half_width:
                break
            seconds = min(order.max_s, seconds + 0.5)
        self._open = None
        if order.phase is Phase.BASE and step.r_mean_ms is not None:
            self._r0_ms = min(self._r0_ms or step.r_mean_ms, step.r_mean_ms)
        return step

    def _measure(self, order: Order, sums: _Sums, start: float) -> Step:
        span = self.now - start
        window = Window(
            start_s=start,
            end_s=self.now,
            good_per_bin=[sums.bins.get(i, 0) for i in range(max(1, round(span / BIN_S)))],
            errors=dict(sums.errors),
            good_ms=sums.good_ms,
            all_ms=sums.all_ms,
            max_ms=sums.max_ms,
            histogram=sums.histogram,
            error_histogram=Histogram(),
            in_flight_s=None,
            connections_opened=None,
            think_s=sums.think_s,
            thoughts=sums.thoughts,
            cpu_cores={"simulated": self.model.generator_cpu * sums.answers / span},
        )
        return measure(window, visit=self._visit, phase=order.phase, users=order.users, r0_ms=self._r0_ms)

    def _populate(self, users: int) -> None:
        if self.model.dies_at is not None and users >= self.model.dies_at:
            self._dead = True
        for _ in range(users - self.users):
            if self._surplus:
                self._surplus -= 1
            else:
                self._at(self.now + self.rng.random() * 0.05, "arrive", 0.0)
        dropped = max(0, self.users - users)
        self._surplus += dropped
        self.users = users
        # Users that are pausing go at once, the others after their answer: the new level begins then.
        while (
            dropped and self._events and (self._serving or self._waiting) and self._serving + len(self._waiting) > users
        ):
            self._run_until(self._events[0][0])
        if users == 0:
            self._events = [event for event in self._events if event[2] != "arrive"]
            self._surplus = 0

    def _at(self, when: float, what: str, arrived: float) -> None:
        heapq.heappush(self._events, (when, next(self._sequence), what, arrived))

    def _run_until(self, end: float) -> None:
        events = self._events
        while events and events[0][0] <= end:
            self.now, _, what, arrived = heapq.heappop(events)
            if what == "arrive":
                self._arrive()
            else:
                self._serving -= 1
                self._answer(arrived)
                self._serve_next()
        self.now = end

    def _arrive(self) -> None:
        if self._surplus:
            self._surplus -= 1
            return
        model = self.model
        if self._dead or (model.backlog is not None and len(self._waiting) >= model.backlog):
            self._note(ErrorKind.REFUSED, 0.0)
            self._at(self.now + REFUSED_PAUSE_S, "arrive", 0.0)
            return
        self._waiting.append(self.now)
        self._serve_next()

    def _serve_next(self) -> None:
        slots = self.model.slots if self.model.slots_at is None else self.model.slots_at(self.now)
        while self._waiting and self._serving < slots:
            arrived = self._waiting.popleft()
            model = self.model
            slowed = 1 + model.per_queued * len(self._waiting)
            self._serving += 1
            self._at(self.now + model.service(self.rng) * slowed / model.speed(self.now), "answer", arrived)

    def _answer(self, arrived: float) -> None:
        ms = (self.now - arrived) * 1000
        limit = self.model.fails_above
        in_flight = self._serving + 1 + len(self._waiting)
        self._note(ErrorKind.HTTP if limit is not None and in_flight > limit else None, ms)
        pause = self.model.think(self.rng) if self.thinking else 0.0
        if self.thinking and self._open is not None:
            self._open.think_s += pause
            self._open.thoughts += 1
        self._at(self.now + pause, "arrive", 0.0)

    def _note(self, error: ErrorKind | None, ms: float) -> None:
        sums = self._open
        if sums is None:
            return
        sums.answers += 1
        sums.all_ms += ms
        if error is not None:
            sums.errors[error] = sums.errors.get(error, 0) + 1
            return
        index = int((self.now - sums.start) / BIN_S)
        sums.bins[index] = sums.bins.get(index, 0) + 1
        sums.good_ms += ms
        sums.max_ms = max(sums.max_ms, ms)
        sums.histogram.add(ms)


@dataclass(slots=True)
class _Sums:
    start: float
    bins: dict[int, int] = field(default_factory=dict)
    errors: dict[ErrorKind, int] = field(default_factory=dict)
    histogram: Histogram = field(default_factory=Histogram)
    good_ms: float = 0.0
    all_ms: float = 0.0
    max_ms: float = 0.0
    think_s: float = 0.0
    thoughts: int = 0
    answers: int = 0


def simulate(search: Search, model: Model, seed: int = 1) -> tuple[list[Step], Outcome]:
    """Run a whole search against a model."""
    simulator = Simulator(model, seed)
    steps: list[Step] = []
    order = next(search)
    while True:
        step = simulator.carry_out(order)
        steps.append(step)
        try:
            order = search.send(step)
        except StopIteration as stop:
            return steps, stop.value
