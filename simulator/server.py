"""The queue: requests arrive, wait for a slot in the order they came, and are served."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from itertools import islice

import numpy as np

from floodmark.stats.window import ErrorKind
from simulator.model import Model
from simulator.noise import GRID_PER_S, Speed
from simulator.tape import GOOD, KINDS, Tape

BACK_OFF_FIRST_S, BACK_OFF_MOST_S = 0.05, 1.0
"""A refused user's pause, doubled from refusal to refusal: floodmark.load.step_driver."""

ARRIVALS_BATCH = 1024

PIECES_PER_S, PIECE_NOISE = 4, 0.02
"""Pieces of work of a witness of the pace, and the standard deviation of the time of one."""

TIMED_OUT = KINDS.index(ErrorKind.TIMEOUT)


class Server:
    """A server with its users (closed model) or its arrivals (open model).

    Two heaps drive it: ``senders``, when each user that waits for nothing but its answer or its pause sends next, and
    ``slots``, when each slot is free. Since requests are served in the order they came, the end of a service is known
    when it begins. What comes in the open model is a heap of one: the next arrival.
    """

    def __init__(self, model: Model, rng: np.random.Generator) -> None:
        self.model = model
        self.tape = tape = Tape()
        self._note_arrived, self._note_done = tape.arrived.append, tape.done.append
        self._note_pause, self._note_kind = tape.pause.append, tape.kind.append
        self.waiting: deque[float] = deque()
        self.senders = [math.inf]
        self.slots = [0.0] * model.slots
        self.leaving = 0
        self.dead_at = math.inf if model.dies_at_s is None else model.dies_at_s
        self._rng = rng
        # Its own stream: with the same seed the machine is as noisy, whatever is asked of it.
        self._speed = Speed(model.noise, model.speed, rng.spawn(1)[0])
        self._watch = rng.spawn(1)[0]
        self._service = model.service.stream(rng)
        self._thinks = model.think.stream(rng)
        self._pause: Callable[[], float] = self._thinks
        self._arrivals: Iterator[float] | None = None
        self._connections = 0
        self._backed_off: dict[float, float] = {}
        self._served = 0
        self._good_until: list[float] = []
        self._fails_above, self._backlog = model.fails_above, model.backlog
        self._slowed = bool(model.per_queued or model.per_served)
        self.timeout_s = math.inf  # after which users give up; what they gave up is served all the same
        self._abandoned = 0  # the first so many of ``waiting`` have been given up by their users
        self._abandoned_until: list[float] = []  # ends of services whose users gave up
        self._slow_share = model.cpu_share
        self._tokens_at = 0.0  # when the rate limiter admits the next request

    # Who sends.

    def add(self, users: int, at: float, spread_s: float, *, think: bool) -> None:
        """New users begin at random within ``spread_s``; all users pause between requests, or none."""
        self._pause = self._thinks if think else float
        stay = min(users, self.leaving)
        self.leaving -= stay
        for delay in self._rng.uniform(0, spread_s, users - stay).tolist():
            heappush(self.senders, at + delay)

    def dismiss(self, users: int) -> None:
        """Users taken at random go: at once where they pause, else after their answer."""
        idle = self.senders
        idle.remove(math.inf)
        go = min(users, len(idle))
        self._rng.shuffle(idle)
        del idle[:go]
        idle.append(math.inf)
        heapify(idle)
        self.leaving += users - go

    def open(self, rate_rps: float, connections: int, at: float) -> None:
        """Poisson arrivals from a moment on, instead of any that came before."""
        self._arrivals = _poisson(rate_rps, at, self._rng)
        self._connections = connections
        self.senders = [next(self._arrivals)]

    def close(self) -> None:
        """No more arrivals; those that no connection had taken are given up."""
        if self._arrivals is None:
            return
        self._arrivals, self.senders = None, [math.inf]
        while self.waiting and len(self.waiting) > self._connections - len(self.slots):
            self.waiting.pop()
        self._abandoned = min(self._abandoned, len(self.waiting))
        self.leaving = len(self.waiting) - self._abandoned

    def in_flight(self, at: float) -> int:
        """Requests in service or waiting, as the server sees it."""
        return len(self.waiting) + sum(free > at for free in self.slots)

    def awaited(self, at: float) -> int:
        """Those of them that a user still waits for."""
        self._abandoned_until = [until for until in self._abandoned_until if until > at]
        return self.in_flight(at) - self._abandoned - len(self._abandoned_until)

    @property
    def queued(self) -> list[float]:
        """When the requests were sent that wait for service and have not been given up."""
        return list(islice(self.waiting, self._abandoned, None))

    def resize(self, slots: int, at: float) -> None:
        """Change the number of slots; those that are free go first."""
        while len(self.slots) > slots:
            heappop(self.slots)
        for _ in range(slots - len(self.slots)):
            heappush(self.slots, at)

    def pace(self, start: float, end: float) -> float:
        """What a witness sees of the machine's speed by PIECES_PER_S fixed pieces of work a second."""
        first, last = int(start * GRID_PER_S), round(end * GRID_PER_S)
        pieces = max(1, round(PIECES_PER_S * (end - start)))
        error = PIECE_NOISE / math.sqrt(pieces) * self._watch.standard_normal()
        return float(np.mean(self._speed.grid[first : max(first + 1, last)])) * (1 + error)

    # What happens.

    def run(self, until: float) -> None:
        """Let everything happen up to a moment."""
        self._speed.cover(until)
        senders, slots, waiting = self.senders, self.slots, self.waiting
        begin, arrive = self._begin, self._arrive
        impatient = self.timeout_s < math.inf
        while True:
            arrival = senders[0]
            if impatient and len(waiting) > self._abandoned:
                gives_up = waiting[self._abandoned] + self.timeout_s
                if gives_up < min(arrival, max(slots[0], waiting[0])):
                    if gives_up > until:
                        return
                    self._abandon(gives_up)
                    continue
            # At the same moment service begins first: the next request is served before an answer reaches its user.
            if waiting and slots[0] <= arrival:
                free, first = slots[0], waiting[0]
                if free > until:
                    return
                begin(max(free, first))
            elif arrival <= until:
                arrive(arrival)
            else:
                return

    def _abandon(self, at: float) -> None:
        """The request that has waited longest of those not given up is given up."""
        self._goes_on(at, self._take_down(self.waiting[self._abandoned], at, TIMED_OUT))
        self._abandoned += 1

    def _goes_on(self, at: float, pause: float) -> None:
        """A user whose request has ended leaves, or sends the next one."""
        if self.leaving:
            self.leaving -= 1
        elif self._arrivals is None:
            heappush(self.senders, at + pause)

    def _arrive(self, at: float) -> None:
        if self._arrivals is None:
            heappop(self.senders)
        else:
            heapreplace(self.senders, next(self._arrivals))
        if at >= self.dead_at:
            self._refuse(at, ErrorKind.REFUSED)
            return
        if self._backlog is not None and self._full(at, self._backlog):
            self._refuse(at, self.model.refusal)
            return
        if self.model.limit_rps is not None:
            if at < self._tokens_at:
                self._refuse(at, ErrorKind.HTTP)
                return
            self._tokens_at = max(self._tokens_at, at - 1 / self.model.limit_rps) + 1 / self.model.limit_rps
        if self._backed_off:
            self._backed_off.pop(at, None)
        self.waiting.append(at)

    def _full(self, at: float, backlog: int) -> bool:
        waiting = len(self.waiting)
        if self._arrivals is not None:
            waiting = min(waiting, self._connections - len(self.slots))
        return waiting >= backlog and self.slots[0] > at

    def _refuse(self, at: float, kind: ErrorKind) -> None:
        back_off = min(BACK_OFF_MOST_S, 2 * self._backed_off.pop(at, BACK_OFF_FIRST_S / 2))
        pause = self._take_down(at, at, KINDS.index(kind))
        if self._arrivals is not None:
            return
        again = at + max(pause, back_off)
        self._backed_off[again] = back_off
        heappush(self.senders, again)

    def _begin(self, at: float) -> None:
        """Serve the request that has waited longest."""
        arrived = self.waiting.popleft()
        seconds = self._service()
        speed = self._speed.grid[int(at * GRID_PER_S)]
        seconds *= 1 / speed if self._slow_share == 1 else 1 - self._slow_share + self._slow_share / speed
        if self._slowed:
            seconds *= self._slowdown(at)
        done = at + seconds
        kind = GOOD
        if self._fails_above is not None and not self._admit(at, done, self._fails_above):
            kind = KINDS.index(ErrorKind.HTTP)
        if done > self.dead_at:
            done, kind = max(at, self.dead_at), KINDS.index(ErrorKind.RESET)
        heapreplace(self.slots, done)
        self._served += 1
        if self.model.loses_slot_every and self._served % self.model.loses_slot_every == 0 and len(self.slots) > 1:
            self.slots.remove(done)
            heapify(self.slots)
        if self._abandoned:
            self._abandoned -= 1
            self._abandoned_until.append(done)
            return
        if done > arrived + self.timeout_s:
            self._abandoned_until.append(done)
            done, kind = arrived + self.timeout_s, TIMED_OUT
        self._goes_on(done, self._take_down(arrived, done, kind))

    def _take_down(self, arrived: float, done: float, kind: int) -> float:
        pause = self._pause()
        self._note_arrived(arrived)
        self._note_done(done)
        self._note_pause(pause)
        self._note_kind(kind)
        return pause

    def _slowdown(self, at: float) -> float:
        model = self.model
        beyond = len(self.waiting)
        if model.queued_above is not None:
            beyond = max(0, self.in_flight(at) + 1 - model.queued_above)
        return (1 + model.per_queued * beyond) * (1 + model.per_served * self._served)

    def _admit(self, at: float, done: float, most: int) -> bool:
        good = self._good_until
        while good and good[0] <= at:
            heappop(good)
        if len(good) >= most:
            return False
        heappush(good, done)
        return True


def _poisson(rate_rps: float, at: float, rng: np.random.Generator) -> Iterator[float]:
    while True:
        for gap in rng.exponential(1 / rate_rps, ARRIVALS_BATCH).tolist():
            at += gap
            yield at
