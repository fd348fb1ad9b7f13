"""The open model: gives each arrival of a schedule to a user at rest."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from floodmark.load.arrivals import Arrival, Arrivals
from floodmark.load.controls import CONTROLS
from floodmark.load.step_driver.session import Activity, StepSession

Send = Callable[[StepSession, Arrival], None]


class Dispatcher:
    """Gives each arrival, in order, to a session that is at rest; arrivals that find none wait.

    A connection already made is taken before a new one, and any of those made with equal chance: a server that
    ties a connection to one of its workers gets the same share of arrivals for each of them, as from many clients.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._arrivals: Arrivals | None = None
        self._waiting: deque[Arrival] = deque()
        self._connected: list[StepSession] = []
        self._unconnected: list[StepSession] = []

    @property
    def next_at(self) -> float:
        """When the next arrival is due, epoch s; never, without a schedule."""
        return self._arrivals.next_at if self._arrivals is not None else math.inf

    def follow(self) -> bool:
        """Switch to the current schedule, and drop what waits of an earlier one. Returns whether it has changed."""
        schedule = CONTROLS.schedule
        if schedule == (self._arrivals.schedule if self._arrivals is not None else None):
            return False
        self._waiting.clear()
        self._arrivals = Arrivals(schedule, CONTROLS.share) if schedule is not None else None
        return True

    def add(self, session: StepSession) -> None:
        """A session is at rest."""
        (self._connected if session.connection.is_open else self._unconnected).append(session)
        self.dispatch()

    def empty(self) -> list[StepSession]:
        """Give back every session that is at rest."""
        sessions = [one for one in (*self._connected, *self._unconnected) if one.activity is Activity.RESTING]
        self._connected.clear()
        self._unconnected.clear()
        self._waiting.clear()
        return sessions

    def advance(self, now: float) -> None:
        """Take in what is due, and send it."""
        if self._arrivals is None:
            return
        for arrival in self._arrivals.until(now):
            CONTROLS.recorder.offered(arrival.at)
            self._waiting.append(arrival)
        self.dispatch()

    def dispatch(self) -> None:
        """Send what waits, as long as there are sessions for it."""
        while self._waiting and (session := self._take()) is not None:
            arrival = self._waiting.popleft()
            CONTROLS.recorder.sent(arrival.at)
            self._send(session, arrival)

    def _take(self) -> StepSession | None:
        connected = self._connected
        while connected:
            index = int(CONTROLS.random.random() * len(connected))
            connected[index], connected[-1] = connected[-1], connected[index]
            session = connected.pop()
            if session.activity is not Activity.RESTING:
                continue
            if session.connection.is_open:
                return session
            self._unconnected.append(session)  # the server has closed its connection meanwhile
        while self._unconnected:
            session = self._unconnected.pop()
            if session.activity is Activity.RESTING:
                return session
        return None
