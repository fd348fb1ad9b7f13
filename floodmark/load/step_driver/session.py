"""One step user as the driver sees it: its place in the plan, its connection, and what it is doing."""

from __future__ import annotations

import time
from enum import IntEnum
from typing import Any, Protocol

from gevent.event import Event

from floodmark.load.connection import HttpConnection
from floodmark.load.failure import RequestFailed
from floodmark.load.step_driver.request_plan import PreparedRequest, RequestPlan

_now = time.time  # looked up once: it stands in the path of every request


class Activity(IntEnum):
    """What a step user is doing."""

    IDLE = 0
    """Not driven: it has not begun, or has gone."""
    PAUSING = 1
    """Its next request has a date."""
    RESTING = 2
    """It waits for an arrival of the open model."""
    IN_FLIGHT = 3
    """Its request is under way, or is over and was not seen to."""


class StepUser(Protocol):
    """The user of a session."""

    def wait_time(self) -> float: ...
    def context(self) -> dict[str, Any]: ...


class Driver(Protocol):
    """Decides what comes next. Called in the hub."""

    def depart(self, session: StepSession) -> None:
        """The pause is over."""

    def session_answered(self, session: StepSession) -> None:
        """An answer came."""

    def session_failed(self, session: StepSession, error: RequestFailed) -> None:
        """There will be no answer."""


class StepSession:
    """One step user. Owns its connection, and answers it at once where there is nothing to decide."""

    __slots__ = (
        "_driver",
        "activity",
        "at_once",
        "back_off_s",
        "connection",
        "generation",
        "gone",
        "intended",
        "plan",
        "prepared",
        "ready_at",
        "retiring",
        "stop",
        "ticket",
        "user",
        "waits",
    )

    def __init__(self, driver: Driver, plan: RequestPlan, user: StepUser, *, waits: bool) -> None:
        self._driver = driver
        self.plan = plan
        self.user = user
        self.waits = waits
        """Whether the user's ``wait_time`` must be asked."""
        self.connection = connection = HttpConnection(self, plan.address)
        connection.connect_timeout_s = plan.connect_timeout_s
        connection.timeout_s = plan.timeout_s
        self.prepared: PreparedRequest = plan.first()
        """The last request."""
        self.activity = Activity.IDLE
        self.at_once = False
        """Whether a request is in flight and the next follows a good answer at once; otherwise the driver is asked."""
        self.intended = 0.0
        """When the last request was due, epoch s: in the open model, where latency counts from there; otherwise 0."""
        self.ready_at = 0.0
        """When the user is ready for its next request, epoch s."""
        self.back_off_s = 0.0
        self.generation = 0
        self.ticket = 0
        self.retiring = False
        """Whether it goes after the answer that is under way."""
        self.gone = Event()
        """Set when the user may go."""
        self.stop: BaseException | None = None
        """What the user then raises."""

    def send(self, prepared: PreparedRequest, now: float, intended: float = 0.0) -> None:
        """Send a request at ``now``."""
        self.prepared = prepared
        self.intended = intended
        self.activity = Activity.IN_FLIGHT
        self.connection.send(prepared.request, now)

    def ring(self, now: float) -> None:
        """Of the reactor's timer: the pause is over."""
        self._driver.depart(self)

    def answered(self) -> None:
        """Of the connection: an answer came."""
        connection = self.connection
        prepared = self.prepared
        tally = prepared.tally
        if connection.answer is not tally.known or not self.at_once:
            self._driver.session_answered(self)
            return
        # The path of nearly every request: an answer known to be good, to a user who goes on at once.
        tally.sent.append(connection.sent)
        tally.stamps += connection.stamp
        self.prepared = prepared = prepared.after
        now = _now()
        tally.again.append(now)
        connection.send(prepared.request, now)

    def failed(self, error: RequestFailed) -> None:
        """Of the connection: there will be no answer."""
        self._driver.session_failed(self, error)
