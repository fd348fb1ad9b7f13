"""Drives all step users of a process: decides when each sends what, and records how it went."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any, NamedTuple

import gevent
from gevent import get_hub
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser

from floodmark.load.answer import NO_ANSWER
from floodmark.load.arrivals import Arrival
from floodmark.load.back_off import back_off_s
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import BadStatus, RequestFailed, WrongBody
from floodmark.load.reactor import SCAN_S, reactor
from floodmark.load.reporting import Report, Reports
from floodmark.load.response import Response
from floodmark.load.step_driver.dispatcher import Dispatcher
from floodmark.load.step_driver.request_plan import PreparedRequest, RequestPlan
from floodmark.load.step_driver.session import Activity, StepSession
from floodmark.records.recorder import BINS_PER_S

logger = logging.getLogger("floodmark")
_now = time.time


class Ending(NamedTuple):
    """A request that is over."""

    session: StepSession
    ended: float
    error: RequestFailed | None


class StepDriver:
    """One per process. Sessions join, and stay until they are retired or leave.

    In the closed model a session sends its next request when its user has thought. In the open model, while a
    schedule of arrivals is set, sessions rest until an arrival needs one; an arrival that finds none waits.

    What may wait for something, such as listeners of the request event, runs in the driver's own greenlet; everything
    else in the reactor's turns.
    """

    def __init__(self, environment: Environment) -> None:
        self._reactor = reactor()
        self._reports = Reports.of(environment)
        self._sessions: set[StepSession] = set()
        self._dispatcher = Dispatcher(self._send_arrival)
        self._bin = 0
        self._entered_s = 0.0  # sum of the starts told to the recorder, since its epoch
        self._scan_at = 0.0
        self.ticket = 0
        self.asked = 0.0
        self._endings: deque[Ending] = deque()  # that the greenlet has to see to
        self._greenlet: Any = None
        self._parked = False
        CONTROLS.recorder.renewals.append(self._sent_later)
        CONTROLS.changed.append(self._orders_changed)
        self._orders_changed()

    def serve(self, plan: RequestPlan) -> None:
        """Take up a plan that sessions will follow."""
        self._reports.adopt(plan.tallies)

    # Users come and go.

    def join(self, session: StepSession) -> None:
        """Start driving a session; its first request comes at a random moment within the ramp's spread."""
        if not self._sessions:
            self._start()
        self._sessions.add(session)
        session.generation = CONTROLS.generation
        if CONTROLS.open:
            self._rest(session)
        else:
            self._pause(session, _now() + self._spread_s())

    def _start(self) -> None:
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._conclude_for_ever)
        self._reactor.before_turn.append(self._turn_begins)
        self._reactor.at(_now(), self)

    def retire(self, session: StepSession) -> None:
        """Let a session's user go: now, or after the answer that is under way."""
        session.retiring, session.at_once = True, False
        if session.activity is not Activity.IN_FLIGHT:
            self._release(session)

    def leave(self, session: StepSession) -> None:
        """Stop driving a session, whatever it is doing."""
        if session not in self._sessions:
            return
        self._sessions.discard(session)
        if session.activity is Activity.IN_FLIGHT:
            self._leave_flight(session)
        session.activity = Activity.IDLE
        session.ticket = 0
        session.connection.close()
        if not self._sessions:
            self._reactor.before_turn.remove(self._turn_begins)
            self._reports.flush()

    def _release(self, session: StepSession) -> None:
        self.leave(session)
        session.gone.set()

    # Requests, in the reactor's turns.

    def depart(self, session: StepSession) -> None:
        """The session's user is ready: send."""
        if CONTROLS.open:
            self._rest(session)
            return
        prepared = session.prepared.after
        session.at_once = not (session.waits or session.back_off_s or self._reports.listened)
        now = self._send(session, prepared)
        prepared.tally.late_s.append(now - session.ready_at)

    def _send(self, session: StepSession, prepared: PreparedRequest, intended: float = 0.0) -> float:
        if session.generation != CONTROLS.generation:
            session.generation = CONTROLS.generation
            session.connection.close()
        recorder = CONTROLS.recorder
        now = recorder.enter()
        self._entered_s += now - recorder.epoch
        session.send(prepared, now, intended)
        return now

    def session_answered(self, session: StepSession) -> None:
        """An answer came that is not known to be good, or whose user does not go on at once."""
        connection, prepared = session.connection, session.prepared
        answer, ended = connection.answer, connection.ended
        step, tally = prepared.step, prepared.tally
        if not 100 <= answer.status < 400:
            self._end(session, ended, BadStatus(f"{answer.status} {step.path}"))
            return
        if step.expect is not None and step.expect not in answer.body:
            lacking = step.expect.decode(errors="replace")
            self._end(session, ended, WrongBody(f"{step.path}: the body lacks {lacking!r}"))
            return
        if answer.raw is not None and answer is not tally.known:
            tally.learn(answer)
        tally.started.append(session.intended or connection.sent)
        tally.ended.append(ended)
        tally.body_bytes += answer.size
        session.back_off_s = 0.0
        if self._reports.listened or not session.at_once:
            self._end(session, ended, None)
            return
        now = _now()
        CONTROLS.recorder.replaced(connection.sent, ended, now)
        tally.late_s.append(now - ended)
        session.send(prepared.after, now)

    def session_failed(self, session: StepSession, error: RequestFailed) -> None:
        """There will be no answer."""
        self._end(session, _now(), error)

    def _end(self, session: StepSession, ended: float, error: RequestFailed | None) -> None:
        """Leave a request that is over to the greenlet."""
        if not self._endings:
            self.asked = _now()
            self._reactor.outgoing.append(self)
        self._endings.append(Ending(session, ended, error))

    def proceed(self) -> None:
        """Of the reactor: all owners have been told."""
        if self._parked:
            self._greenlet.switch()

    def failed(self, error: BaseException) -> None:
        """Of the reactor: the greenlet has ended, which only happens with the program."""
        raise error

    # Requests, in the greenlet.

    def _conclude_for_ever(self) -> None:
        hub, endings = get_hub(), self._endings
        while True:
            while endings:
                try:
                    self._conclude(endings.popleft())
                except gevent.GreenletExit:
                    pass
                except Exception:
                    logger.exception("a step user's request could not be concluded")
            self._parked = True
            hub.switch()
            self._parked = False

    def _conclude(self, ending: Ending) -> None:
        session, ended, error = ending
        if session not in self._sessions:
            return  # its user was killed
        if error is not None:
            session.back_off_s = back_off_s(error, ended - session.connection.sent, session.back_off_s)
        if error is not None or self._reports.listened:
            self._tell(session, ended, error)
            if session not in self._sessions:
                return
        self._leave_flight(session, ended)
        session.activity = Activity.IDLE
        session.at_once = False
        if session.retiring:
            self._release(session)
        elif CONTROLS.open:
            self._rest(session)
        else:
            wait_s = session.prepared.step.wait_s
            think_s = session.user.wait_time() if wait_s is None else CONTROLS.thinks(wait_s)
            if session.back_off_s > think_s:
                CONTROLS.recorder.paused(session.back_off_s - think_s)
            spread_s = self._spread_s() if session.generation != CONTROLS.generation else 0.0
            self._pause(session, ended + max(think_s, session.back_off_s) + spread_s)

    def _tell(self, session: StepSession, ended: float, error: RequestFailed | None) -> None:
        """Fire Locust's request event: for a failure to everyone, otherwise to those the tallies do not serve."""
        connection, step = session.connection, session.prepared.step
        started = session.intended or connection.sent
        complete = error is None or isinstance(error, BadStatus | WrongBody)
        answer = connection.answer if complete else NO_ANSWER
        response = Response(session.plan.origin, step.path, answer, error, ended - started)
        report = Report(self._reports, session.user, step.method, step.name, started, ended, None)
        try:
            report.fire(response, error, answer.size)
        except (RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet):
            pass  # a listener ends the task: it has ended
        except (StopUser, StopTest) as stop:
            session.stop = stop
            session.retiring, session.at_once = True, False

    @staticmethod
    def _spread_s() -> float:
        return CONTROLS.random.random() * CONTROLS.spread_s

    def _pause(self, session: StepSession, until: float) -> None:
        session.activity = Activity.PAUSING
        session.ready_at = until
        self._reactor.at(until, session)

    # The open model.

    def _orders_changed(self) -> None:
        """The ramp wants something else: every session is to ask the driver before it goes on."""
        for session in self._sessions:
            session.at_once = False
        if self._dispatcher.follow():
            self._reports.flush()
            self._reports.by_arrival = CONTROLS.schedule is not None
            if self._sessions:
                self._reactor.at(min(self._dispatcher.next_at, self._scan_at), self)
        if CONTROLS.open:
            for session in [session for session in self._sessions if session.activity is Activity.PAUSING]:
                self._rest(session)
        else:
            for session in self._dispatcher.empty():
                self._pause(session, _now() + self._spread_s())

    def _rest(self, session: StepSession) -> None:
        session.activity = Activity.RESTING
        session.at_once = False
        session.ticket = 0
        self._dispatcher.add(session)

    def _send_arrival(self, session: StepSession, arrival: Arrival) -> None:
        prepared = session.plan.for_arrival(arrival.number)
        now = self._send(session, prepared, arrival.at)
        prepared.tally.late_s.append(now - arrival.at)

    # Once per turn, and at times.

    def _turn_begins(self) -> None:
        current = int(_now() * BINS_PER_S)
        if current != self._bin:
            self._bin = current
            CONTROLS.recorder.advance()

    def _sent_later(self, edge: float) -> float:
        """Sessions that go on at once do not tell: their starts are summed as a bin ends, none beyond its edge."""
        epoch = CONTROLS.recorder.epoch
        in_flight = (session.connection.sent for session in self._sessions if session.activity is Activity.IN_FLIGHT)
        return sum(min(sent, edge) - epoch for sent in in_flight) - self._entered_s

    def _leave_flight(self, session: StepSession, ended: float | None = None) -> None:
        recorder = CONTROLS.recorder
        sent = session.connection.sent
        recorder.leave(sent, ended)
        self._entered_s -= sent - recorder.epoch

    def ring(self, now: float) -> None:
        """Of the reactor's timer: send arrivals that are due; look for listeners now and then."""
        self._dispatcher.advance(now)
        if now >= self._scan_at:
            self._scan_at = now + SCAN_S
            if self._reports.find_listeners():
                for session in self._sessions:
                    session.at_once = False
        if self._sessions:
            self._reactor.at(min(self._dispatcher.next_at, self._scan_at), self)
