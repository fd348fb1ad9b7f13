"""The open model's side of the lane: lines at rest, and arrivals that need one."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from floodmark.load.arrivals import Arrival, Arrivals
from floodmark.load.controls import CONTROLS
from floodmark.load.step_driver.sender import Sender, State

Send = Callable[[Sender, Arrival], None]


class Pool:
    """Gives each arrival, in order, a line that is at rest; arrivals that find none wait.

    A connection already made is taken before a new one, and any of those made with equal chance: a server that
    ties a connection to one of its workers gets the same share of arrivals for each of them, as from many clients.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._arrivals: Arrivals | None = None
        self._waiting: deque[Arrival] = deque()
        self._connected: list[Sender] = []
        self._apart: list[Sender] = []
        self._dispatching = False

    @property
    def next_at(self) -> float:
        """When the next arrival is due, epoch s; never, without a schedule."""
        return self._arrivals.next_at if self._arrivals is not None else math.inf

    def follow(self) -> bool:
        """Follow the schedule of the hour; arrivals of an earlier one are given up. Whether it is a new one."""
        schedule = CONTROLS.schedule
        if schedule == (self._arrivals.schedule if self._arrivals is not None else None):
            return False
        self._waiting.clear()
        self._arrivals = Arrivals(schedule, CONTROLS.share) if schedule is not None else None
        return True

    def add(self, line: Sender) -> None:
        """A line is at rest."""
        (self._apart if line.sock is None else self._connected).append(line)
        self.dispatch()

    def empty(self) -> list[Sender]:
        """Give back every line that is at rest."""
        lines = [line for line in (*self._connected, *self._apart) if line.state is State.RESTING]
        self._connected.clear()
        self._apart.clear()
        self._waiting.clear()
        return lines

    def advance(self, now: float) -> None:
        """Take in what is due, and send it."""
        if self._arrivals is None:
            return
        for arrival in self._arrivals.until(now):
            CONTROLS.recorder.offered(arrival.at)
            self._waiting.append(arrival)
        self.dispatch()

    def dispatch(self) -> None:
        """Send what waits, as long as there are lines for it."""
        if self._dispatching:
            return  # what was sent has failed at once, and its line is back: the loop below goes on with it
        self._dispatching = True
        try:
            while self._waiting and (line := self._take()) is not None:
                arrival = self._waiting.popleft()
                CONTROLS.recorder.sent(arrival.at)
                self._send(line, arrival)
        finally:
            self._dispatching = False

    def _take(self) -> Sender | None:
        connected = self._connected
        while connected:
            index = int(CONTROLS.random.random() * len(connected))
            connected[index], connected[-1] = connected[-1], connected[index]
            line = connected.pop()
            if line.state is not State.RESTING:
                continue
            if line.sock is not None:
                return line
            self._apart.append(line)  # the server has closed it meanwhile
        while self._apart:
            line = self._apart.pop()
            if line.state is State.RESTING:
                return line
        return None
