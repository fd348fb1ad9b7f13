"""The fast lane: decides when each step user sends what, and takes down how it went."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser

from floodmark.load.arrivals import Arrival
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import ConnectionLost, ConnectionRefused, RequestFailed, TimedOut
from floodmark.load.reporting import Report, Reports
from floodmark.load.response import Response
from floodmark.load.step_driver.dispatcher import Pool
from floodmark.load.step_driver.event_loop import Pump
from floodmark.load.step_driver.request_plan import Course, Leg
from floodmark.load.step_driver.sender import IN_FLIGHT, Sender, State
from floodmark.records.recorder import BINS_PER_S

if TYPE_CHECKING:
    from locust.env import Environment

SCAN_S = 0.25
BACK_OFF_FIRST_S, BACK_OFF_MOST_S = 0.05, 1.0
_now = time.time


class Lane:
    """One per process. Lines join, and stay until they are retired or leave.

    In the closed model a line sends its next request when its user has thought. In the open model, while a
    schedule of arrivals is set, lines rest until an arrival needs one; an arrival that finds none waits.
    """

    def __init__(self, environment: Environment) -> None:
        self.pump = Pump(began=self._turn_began, due=self._depart, rang=self._rang)
        self._lines: set[Sender] = set()
        self._reports = Reports.of(environment)
        self._bin = 0
        self._entered_s = 0.0  # sum of the starts told to the recorder, since its epoch
        self.opened = 0
        self._scan_at = 0.0
        self._pool = Pool(self._send_arrival)
        CONTROLS.recorder.sources.insert(0, self._count_opened)
        CONTROLS.recorder.renewals.append(self._sent_later)
        CONTROLS.changed.append(self._orders_changed)
        self._orders_changed()

    def serve(self, course: Course) -> None:
        """Take up a course that lines will follow."""
        self._reports.adopt(course.tallies)

    # Users come and go.

    def join(self, line: Sender) -> None:
        """Start driving a line; its first request comes at a random moment within the ramp's spread."""
        self._lines.add(line)
        line.generation = CONTROLS.generation
        self.pump.start()
        if CONTROLS.open:
            self._rest(line)
        else:
            self._pause(line, _now() + self._spread_s())

    def retire(self, line: Sender) -> None:
        """Let a line's user go: now, or after the answer that is under way."""
        line.retiring, line.at_once = True, False
        if line.state not in IN_FLIGHT:
            self._release(line)

    def leave(self, line: Sender) -> None:
        """Stop driving a line, whatever it is doing."""
        if line not in self._lines:
            return
        self._lines.discard(line)
        if line.state in IN_FLIGHT:
            self._leave_flight(line)
        line.state = State.IDLE
        line.ticket = 0
        line.close()
        if not self._lines:
            self.flush()

    def _release(self, line: Sender) -> None:
        self.leave(line)
        line.gone.set()

    # Requests.

    def answered(self, line: Sender, ended: float, size: int) -> None:
        """A good answer was complete at ``ended``."""
        leg = line.leg
        tally = leg.tally
        tally.started.append(line.intended or line.sent)
        tally.ended.append(ended)
        tally.body_bytes += size
        line.back_off_s = 0.0
        if self._reports.listened:
            self._tell(line, ended, None)
        if not line.at_once:
            self._go_on(line, ended)
            return
        now = _now()
        CONTROLS.recorder.replaced(line.sent, ended, now)
        line.sent = now
        tally.late_s.append(now - ended)
        line.fire(leg.after)

    def failed(self, line: Sender, error: RequestFailed, ended: float | None = None) -> None:
        """The request is over without a good answer."""
        if ended is None:
            ended = _now()
        if isinstance(error, ConnectionRefused | ConnectionLost):
            # A refusing server answers at once: without a pause one user would "fail" thousands a second.
            line.back_off_s = min(BACK_OFF_MOST_S, 2 * line.back_off_s or BACK_OFF_FIRST_S)
        else:
            line.back_off_s = 0.0
        self._tell(line, ended, error)
        self._go_on(line, ended)

    def _go_on(self, line: Sender, ended: float) -> None:
        """After a request, where the next does not follow at once."""
        if line not in self._lines:
            return
        self._leave_flight(line, ended)
        line.state = State.IDLE
        line.at_once = False
        if line.retiring:
            self._release(line)
        elif CONTROLS.open:
            self._rest(line)
        else:
            wait_s = line.leg.step.wait_s
            think_s = line.owner.wait_time() if wait_s is None else CONTROLS.thinks(wait_s)
            fresh = line.generation != CONTROLS.generation
            self._pause(line, ended + max(think_s, line.back_off_s) + (self._spread_s() if fresh else 0.0))

    @staticmethod
    def _spread_s() -> float:
        return CONTROLS.random.random() * CONTROLS.spread_s

    def _pause(self, line: Sender, until: float) -> None:
        line.state = State.PAUSING
        line.ready_at = until
        self.pump.at(until, line)

    def _depart(self, line: Sender) -> None:
        """The line's user is ready: send."""
        if CONTROLS.open:
            self._rest(line)
            return
        leg = line.leg.after
        line.at_once = not (line.waits or line.back_off_s or self._reports.listened)
        now = self._fire(line, leg)
        leg.tally.late_s.append(now - line.ready_at)

    def _fire(self, line: Sender, leg: Leg, intended: float = 0.0) -> float:
        if line.generation != CONTROLS.generation:
            line.generation = CONTROLS.generation
            line.close()
        recorder = CONTROLS.recorder
        line.sent = now = recorder.enter()
        self._entered_s += now - recorder.epoch
        line.fire(leg, intended)
        return now

    # The open model.

    def _orders_changed(self) -> None:
        """The ramp wants something else: every line looks at its orders before it goes on."""
        for line in self._lines:
            line.at_once = False
        if self._pool.follow():
            self.flush()
            self._reports.by_arrival = CONTROLS.schedule is not None
            self.pump.call_at(min(self._pool.next_at, self._scan_at))
        if CONTROLS.open:
            for line in [line for line in self._lines if line.state is State.PAUSING]:
                self._rest(line)
        else:
            for line in self._pool.empty():
                self._pause(line, _now() + self._spread_s())

    def _rest(self, line: Sender) -> None:
        line.state = State.RESTING
        line.at_once = False
        line.ticket = 0
        self._pool.add(line)

    def _send_arrival(self, line: Sender, arrival: Arrival) -> None:
        leg = line.course.leg_of(arrival.number)
        now = self._fire(line, leg, arrival.at)
        leg.tally.late_s.append(now - arrival.at)

    # Once per turn, and at times.

    def _turn_began(self) -> None:
        current = int(_now() * BINS_PER_S)
        if current != self._bin:
            self._count_opened()
            self._bin = current
            CONTROLS.recorder.advance()

    def _sent_later(self, edge: float) -> float:
        """Lines that sent at once again did not tell: their starts are summed as a bin ends, none beyond its edge."""
        epoch = CONTROLS.recorder.epoch
        return sum(min(line.sent, edge) - epoch for line in self._lines if line.state in IN_FLIGHT) - self._entered_s

    def _leave_flight(self, line: Sender, ended: float | None = None) -> None:
        recorder = CONTROLS.recorder
        recorder.leave(line.sent, ended)
        self._entered_s -= line.sent - recorder.epoch

    def _rang(self, now: float) -> float:
        """The pump's timer: arrivals and timeouts. Returns when to be called again."""
        self._pool.advance(now)
        if now >= self._scan_at:
            self._scan_at = now + SCAN_S
            self._scan(now)
        return min(self._pool.next_at, self._scan_at)

    def _scan(self, now: float) -> None:
        """Timeouts, four times a second: a timer per request would cost a third of the rate."""
        self._look_for_listeners()
        for line in [line for line in self._lines if line.state in IN_FLIGHT]:
            waited_s = now - line.sent
            if line.state is State.CONNECTING and waited_s > line.course.connect_timeout_s:
                line.abort(TimedOut("no connection in time"))
            elif waited_s > line.course.timeout_s:
                line.abort(TimedOut("no complete answer in time"))

    def _look_for_listeners(self) -> None:
        if self._reports.look():
            for line in self._lines:
                line.at_once = False

    def flush(self) -> None:
        """Fold everything taken down so far into our records and Locust's statistics."""
        self._count_opened()
        self._reports.flush()

    def _count_opened(self) -> None:
        CONTROLS.recorder.opened(self.opened, self._bin)
        self.opened = 0

    def _tell(self, line: Sender, ended: float, error: RequestFailed | None) -> None:
        """Fire Locust's request event: for a failure to everyone, otherwise to those the tallies do not serve."""
        step = line.leg.step
        started = line.intended or line.sent
        response = Response(line.course.origin, step.path, line.status, [], line.body, error, ended - started)
        report = Report(self._reports, line.owner, step.method, step.name, started, ended, None)
        try:
            report.fire(response, error, line.size)
        except (RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet):
            pass  # a listener ends the task: it has ended
        except (StopUser, StopTest) as stop:
            line.stop = stop
            line.retiring, line.at_once = True, False
