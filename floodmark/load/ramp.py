"""A ramp of ours inside Locust: carries out a search's orders, visit by visit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import gevent
from locust import LoadTestShape
from locust.runners import STATE_MISSING, MasterRunner, Runner

from floodmark.load.arrivals import Schedule
from floodmark.load.controls import CONTROLS
from floodmark.load.sinks import Sink
from floodmark.records.recorder import BINS_PER_S, bin_of
from floodmark.records.timeline import Timeline
from floodmark.results.schema import Second
from floodmark.search.order import Order, Search
from floodmark.stats.window import ErrorKind
from floodmark.verdict.enums import End, Phase, Spacing
from floodmark.verdict.from_window import visit_from_window
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.shedding import FAST
from floodmark.verdict.visit import Visit

logger = logging.getLogger("floodmark")

GRACE_BINS = 1
"""Bins still open for stragglers: an answer is recorded when its user gets to it."""
DRAIN_BINS = 10
"""Time in the open model for the last arrivals of a window to be answered."""
NOTICE_S = 0.3
"""Workers hear of a schedule before it begins."""
CHECK_EVERY_S, CHECK_SHARE = 0.2, 0.05
"""How often a growing window is looked at: after so many seconds, or after this share of its length."""
COLLECT_S = 0.05
POLL_S = 0.02
POPULATE_TIMEOUT_S = 60.0
CLOCK_JUMP_S = 1.0
STOP_TIMEOUT_S = 10.0
"""Longer if requests may take longer."""
SPREAD_MIN_S, SPREAD_MAX_S = 0.05, 2.0
USERS_PER_S = 500
SPAWN_RATE = 100_000.0
"""All at once, up and down: users spread their own start."""


class RampShape(LoadTestShape):
    """Drives the user count of one test by a search.

    Locust calls ``tick`` for the next user count and waits at least until it returns: the visits happen
    inside it, on their own clock, and it returns when the number of users has to change.
    """

    abstract = True
    use_common_options = True

    def __init__(
        self,
        runner: Runner,
        timeline: Timeline,
        sinks: Sequence[Sink],
        search: Callable[[], Search],
        announce: Callable[[], None],
        spacing: Spacing = Spacing.POISSON,
        seed: int = 1,
        null_rps: float | None = None,
        *,
        shared: bool = False,
        stamped: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.runner = runner
        self._timeline = timeline
        self._sinks = sinks
        self._new_search = search
        self._announce = announce
        self._spacing = spacing
        self._seed = seed
        self._null_rps = null_rps
        self._shared = shared
        self._stamped = stamped
        self.reset_time()

    def reset_time(self) -> None:
        """Locust: a test begins. May be called more than once before the first tick."""
        super().reset_time()  # type: ignore[no-untyped-call]
        self._search: Search | None = None
        self._order: Order | None = None
        self._origin_bin = 0
        self._visit = 0
        self._emptying = self._goes_on = False
        self._last_bin = 0
        self._r0_ms: float | None = None
        self.outcome: Outcome | None = None

    def tick(self) -> tuple[int, float] | None:
        """The next user count, or None when the search has ended."""
        try:
            return self._advance()
        except Exception as error:
            # Raised further, Locust's web UI would keep the users running for ever.
            logger.exception("the ramp failed")
            self._finish(Outcome(end=End.FAILED, reason=f"{type(error).__name__}: {error}"))
            return None

    def _advance(self) -> tuple[int, float] | None:
        if self.outcome is not None:
            return None
        if self._search is None or self._order is None:
            self._search = self._new_search()
            self._begin()
            return self._go_to(next(self._search))
        if self._emptying:
            self._wait_for_users(0)
            self._emptying = False
            return self._target(self._order.users)
        while True:
            before, thinking = self._order.users, CONTROLS.think
            visit = self._carry_out(self._order)
            try:
                order = self._search.send(visit)
            except StopIteration as stop:
                self._finish(stop.value)
                return None
            target = self._go_to(order)
            if order.think != thinking and CONTROLS.think_time_s:
                # Users in the middle of a pause would take it into a level that is measured without any.
                self._emptying = True
                return self._target(0)
            if order.users != before:
                return target

    def _begin(self) -> None:
        CONTROLS.ramping = True
        self._origin_bin = bin_of(time.time())
        self._clock_s = _clock_s()
        self._next_second = self._origin_bin + BINS_PER_S
        for sink in self._sinks:
            sink.start(self._origin_bin / BINS_PER_S)
        gevent.spawn(self._report_seconds)

    def _go_to(self, order: Order) -> tuple[int, float]:
        goes_on = self._goes_on = order.continues(self._order)
        self._order = order
        self._visit += 1
        CONTROLS.think = order.think
        CONTROLS.open = order.rate_rps is not None
        CONTROLS.timeout_s = order.timeout_s
        # A user that leaves takes its answer along; killed sooner, it would leave work behind that nobody counts.
        self._let_users_finish(max(STOP_TIMEOUT_S, order.timeout_s))
        CONTROLS.fast_error_s = FAST * order.r0_s if order.r0_s is not None else 0.0
        if not goes_on:
            CONTROLS.schedule = None
        CONTROLS.spread_s = min(SPREAD_MAX_S, max(SPREAD_MIN_S, order.users / USERS_PER_S))
        if order.fresh:
            CONTROLS.generation += 1
        self._announce()
        for sink in self._sinks:
            sink.order(order, self._visit)
        return self._target(order.users)

    def _let_users_finish(self, seconds: float) -> None:
        assert self.runner is not None
        self.runner.environment.stop_timeout = seconds

    def _target(self, users: int) -> tuple[int, float]:
        # Locust starts users of a fixed count first and stops them last: they stay, the search moves the others.
        return users + self._fixed, SPAWN_RATE

    @property
    def _fixed(self) -> int:
        assert self.runner is not None
        return sum(user_class.fixed_count for user_class in self.runner.user_classes)

    def _wait_for_users(self, users: int) -> None:
        assert self.runner is not None
        seconds = POPULATE_TIMEOUT_S + CONTROLS.timeout_s
        deadline = time.monotonic() + seconds
        while self.runner.user_count != users + self._fixed:
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"{self.runner.user_count} users instead of {users + self._fixed} after {seconds:.0f} s"
                )
            gevent.sleep(POLL_S)

    def _carry_out(self, order: Order) -> Visit:
        self._wait_for_users(order.users)
        if self._goes_on:
            first = self._last_bin
        elif order.rate_rps is not None:
            first = self._open(order.rate_rps) + round(order.settle_s * BINS_PER_S)
        else:
            gevent.sleep(CONTROLS.spread_s + order.settle_s)
            first = bin_of(time.time()) + 1
        seconds = max(order.span.min_s, 1 / BINS_PER_S)
        while True:
            last = first + max(1, round(seconds * BINS_PER_S))
            self._wait_for(last + (DRAIN_BINS if order.rate_rps is not None else 0))
            visit = self._measure(order, first, last)
            if order.complete(visit):
                break
            seconds += max(CHECK_EVERY_S, CHECK_SHARE * seconds)
        self._last_bin = last
        window = self._timeline.window(first, last, self._origin_bin / BINS_PER_S)
        for sink in self._sinks:
            sink.visit(visit, window)
        if order.phase is Phase.BASE and visit.r_mean_ms is not None:
            self._r0_ms = min(self._r0_ms or visit.r_mean_ms, visit.r_mean_ms)
        self._timeline.prune(min(first, self._next_second))
        return visit

    def _open(self, rate_rps: float) -> int:
        """Let arrivals begin, at the same moment in every process. Returns the bin in which they do.

        The schedule begins at the edge of a bin, so that the same seed puts the same arrivals into a window.
        """
        begin = bin_of(time.time() + NOTICE_S) + 1
        CONTROLS.schedule = Schedule(
            rate_rps=rate_rps, start=begin / BINS_PER_S, spacing=self._spacing, seed=self._seed + self._visit
        )
        self._announce()
        return begin

    def _measure(self, order: Order, first: int, last: int) -> Visit:
        window = self._timeline.window(first, last, self._origin_bin / BINS_PER_S)
        return visit_from_window(
            window,
            number=self._visit,
            phase=order.phase,
            users=order.users,
            r0_ms=self._r0_ms,
            open_model=order.rate_rps is not None,
            null_rps=self._null_rps,
            slo_ms=order.slo_ms,
            shared=self._shared,
            stamped=self._stamped,
        )

    def _wait_for(self, last: int) -> None:
        """Until every process has reported everything before bin ``last``."""
        while self._timeline.complete_until < last:
            lost = self._timeline.processes - self._alive()
            if lost:
                raise RuntimeError(f"{len(lost)} of {len(self._timeline.processes)} Locust workers were lost")
            self._check_clock()
            ahead = last / BINS_PER_S - time.time()
            gevent.sleep(min(1.0, max(POLL_S, ahead)))

    def _check_clock(self) -> None:
        """Bins are cut by the system's clock, and no record would ever be complete after it went back."""
        jump_s = _clock_s() - self._clock_s
        if abs(jump_s) > CLOCK_JUMP_S:
            raise RuntimeError(f"the system's clock jumped by {jump_s:+.0f} s; what was measured before is kept")

    def _alive(self) -> set[str]:
        """Processes that still report."""
        if not isinstance(self.runner, MasterRunner):
            return self._timeline.processes
        return {worker.id for worker in self.runner.clients.values() if worker.state != STATE_MISSING}

    def _report_seconds(self) -> None:
        while self.outcome is None:
            while self._next_second <= self._timeline.complete_until and self.outcome is None:
                self._second(self._next_second - BINS_PER_S, self._next_second)
                self._next_second += BINS_PER_S
            gevent.sleep(0.2)

    def _second(self, first: int, last: int) -> None:
        origin = self._origin_bin / BINS_PER_S
        window = self._timeline.window(first, last, origin)
        lag = window.lag.quantile(1.0)
        second = Second(
            t_s=round(window.start_s),
            time=datetime.fromtimestamp(first / BINS_PER_S, UTC).isoformat(timespec="milliseconds"),
            visit=self._visit,
            phase=self._order.phase if self._order else None,
            users=self._timeline.users(first, last),
            good=window.good,
            errors=window.failed,
            error_refused=window.errors.get(ErrorKind.REFUSED, 0),
            error_timeout=window.errors.get(ErrorKind.TIMEOUT, 0),
            error_reset=window.errors.get(ErrorKind.RESET, 0),
            error_http=window.errors.get(ErrorKind.HTTP, 0),
            error_body=window.errors.get(ErrorKind.BODY, 0),
            inflight_mean=window.in_flight_s / window.seconds if window.in_flight_s is not None else None,
            r_mean_ms=window.good_ms / window.good if window.good else None,
            r_p50_ms=window.histogram.quantile(0.5),
            r_max_ms=window.max_ms if window.good else None,
            connections_opened=window.connections_opened,
            reconnects=window.reconnects,
            gen_cpu_max=max(window.cpu_cores.values(), default=None),
            loop_lag_max_ms=lag,
        )
        for sink in self._sinks:
            sink.second(second)

    def interrupt(self) -> None:
        """The test is being stopped from outside."""
        if self._search is not None and self.outcome is None:
            self._finish(Outcome(end=End.INTERRUPTED, reason="stopped from outside"))

    def _finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._let_users_finish(STOP_TIMEOUT_S)
        CONTROLS.ramping = CONTROLS.open = False
        CONTROLS.schedule = None
        self._announce()
        for sink in self._sinks:
            sink.end(outcome)


def _clock_s() -> float:
    """How far the system's clock is ahead of one that nobody sets."""
    return time.time() - time.monotonic()


def collect(timeline: Timeline, process: str = "local") -> None:
    """Move what this process recorded into ``timeline``, for ever. Needs no worker."""
    while True:
        gevent.sleep(COLLECT_S)
        until = bin_of(time.time()) - GRACE_BINS
        timeline.add(process, until, CONTROLS.recorder.take(until))
